"""RPL: runs random programs with readers that begin in the past, judged by the same checker."""

from __future__ import annotations

from typing import Final

from eventhook_conformance.cases._replay import WRONG, ReplayChannel, history_size, sides
from eventhook_conformance.cases._steps import yields
from eventhook_conformance.contract import LIVE, START, Since
from eventhook_conformance.history import Side
from eventhook_conformance.probe import Listener, Probe, Via
from eventhook_conformance.specification import case

_STEPS: Final = 20
_READERS: Final = 6
_MOST: Final = 60
"""The most events in a channel: no reader is overrun, and no cursor expires."""


@sides
@case("RPL-02", "RPL-03", "RPL-04", implicates=WRONG, subscriptions=_READERS)
async def no_random_history_with_replaying_readers_breaks_a_rule(probe: Probe, side: Side) -> None:
    """Runs random programs with replaying readers: no history may break a rule."""
    for _ in range(probe.settings.examples):
        await _Play(probe, side).play()


class _Play:
    """One random history of one channel."""

    def __init__(self, probe: Probe, side: Side) -> None:
        self._probe = probe
        self._random = probe.random
        self._channel = ReplayChannel(probe, side)
        self._readers: list[Listener] = []
        self._cursors: list[str] = []
        self._most = max(1, min(_MOST, self._channel.capacity // 2, history_size(probe) // 2))

    async def play(self) -> None:
        """Takes the steps, and then expects all owed events."""
        steps = (self._publish, self._enter, self._enter_beside, self._read, self._leave)
        for _ in range(_STEPS):
            await self._random.choice(steps)()
        await self._probe.fence(*self._readers)
        while self._readers:
            await self._leave()

    async def _publish(self) -> None:
        room = self._most - len(self._channel.published())
        chains = [self._channel.events(self._random.randint(1, 3)) for _ in range(2)]
        if sum(map(len, chains)) <= room:
            await self._probe.burst(chains, via=self._via())

    async def _enter(self) -> None:
        if len(self._readers) < _READERS:
            self._readers.append(await self._channel.subscribe(self._since(), self._via()))

    async def _enter_beside(self) -> None:
        """Enters while others publish."""

        async def publish() -> None:
            await yields(self._random.randint(0, 3))
            await self._publish()

        beside = self._probe.spawn(publish())
        await self._enter()
        await self._probe.returns(beside, "publishing while a subscription is entered")

    async def _read(self) -> None:
        if self._readers:
            reader = self._random.choice(self._readers)
            published = self._channel.published()
            if reader.entry.since is START and len(reader.received) < len(published):
                await reader.receive(*published[: self._random.randint(1, len(published))])
                self._cursors += [
                    one.cursor for one in reader.entry.deliveries if isinstance(one.cursor, str)
                ]

    async def _leave(self) -> None:
        if self._readers:
            reader = self._readers.pop(self._random.randrange(len(self._readers)))
            await reader.leave()

    def _since(self) -> Since:
        begins: list[Since] = [LIVE, START, START, *self._cursors[-8:]]
        return self._random.choice(begins)

    def _via(self) -> Via:
        second = self._probe.capabilities.multi_client and self._random.random() < 0.5
        return "other" if second else "same"
