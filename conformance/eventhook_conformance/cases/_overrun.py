"""Overruns a reader that stands still, on either side of the bus.

A correct bus may deliver late. So a reader starts only after a witness, a subscription of the same
client to something else, got an event published after all others. Where what it then reads breaks
the policy, the case repeats the scene with time to settle, since late events could explain it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import uuid4

import pytest

from eventhook_conformance.contract import EventPattern
from eventhook_conformance.history import Event, Side, identity
from eventhook_conformance.probe import CaseAborted, Listener, Probe, Via
from eventhook_conformance.probe.failure import describe
from eventhook_conformance.specification import OTHER

PUBLISHERS: Final = 64
DROPPING: Final = ("drop_oldest", "drop_newest")
NOT_BLOCKING: Final = (*DROPPING, "unbounded")
_SLOWED: Final = 20
_SLACK: Final = 64

publisher_layouts: Final = pytest.mark.parametrize(
    "who", ["one", "many", pytest.param("many-elsewhere", marks=OTHER)]
)


@dataclass(frozen=True)
class OverflowBreach:
    """Says how the events read differ from those that the policy keeps."""

    expected: str
    seen: str


class OverflowScenario:
    """One tenant or stream, and the claims for its side of the bus.

    Args:
        probe: the case's.
        side: of the bus.
        via: through which client it is published to; the subscriptions are the first client's.
    """

    def __init__(self, probe: Probe, side: Side, via: Via = None) -> None:
        claimed = probe.capabilities
        self.probe = probe
        self.side: Side = side
        self.via = via
        self.scope = uuid4()
        probe.publisher.relief.overrun(self.scope)
        self.capacity = claimed.event_capacity if side == "events" else claimed.stream_capacity
        self.overflow = claimed.overflow
        self.count = 0
        """How many events were made for it."""
        self.unrecorded = 0
        """How many of those that are not recorded were published."""

    @property
    def bound(self) -> int:
        """Returns the most events that a stalled reader may hold, unless the claim is `unbounded`."""
        return 2 * self.capacity + _SLACK

    @property
    def overrun(self) -> int:
        """Returns the number of events that make an overrun: no multiple of the capacity."""
        excess = self.capacity // 3 + 3
        return self.capacity + excess + (excess % self.capacity == 0)

    async def subscribe(self, via: Via = None) -> Listener:
        """Subscribes to all of it."""
        selects = EventPattern.all(self.scope) if self.side == "events" else str(self.scope)
        return await self.probe.subscribe(selects, via=via)

    def events(self, count: int) -> list[Event]:
        """Makes so many more events of it."""
        make, first = self.probe.make, self.count
        self.count += count
        if self.side == "events":
            return [make.event(self.scope, data=first + number) for number in range(count)]
        return [make.stream_event(str(self.scope), sequence=first + n) for n in range(count)]

    async def publish(self, count: int, publishers: int = PUBLISHERS) -> list[list[Event]]:
        """Publishes so many more events, by several publishers at once; one list for each."""
        events = self.events(count)
        publishers = max(1, min(publishers, count // 3))
        chains = [events[number::publishers] for number in range(publishers)]
        await self.probe.burst(chains, via=self.via)
        return chains

    async def publish_unrecorded(
        self,
        count: int,
        publishers: int = PUBLISHERS,
        what: str = "publishing to a reader that stands still",
        timeout_s: float | None = None,
    ) -> None:
        """Publishes so many more events without recording them.

        Args:
            count: how many.
            publishers: how many publish at once.
            what: is being done, for the message.
            timeout_s: for all publishes; None bounds the time without progress only.

        Raises:
            CaseAborted: a publish raised or hung.
        """
        publishing = self._publish_unrecorded(count, publishers)
        progress = (lambda: self.unrecorded) if timeout_s is None else None
        await self.probe.returns(publishing, what, progress=progress, timeout_s=timeout_s)

    async def _publish_unrecorded(self, count: int, publishers: int) -> None:
        client, events = await self.probe.client(self.via), self.events(count)
        publish: Any = (
            client.backend.events if self.side == "events" else client.backend.streams
        ).publish

        async def publish_all(some: Sequence[Event]) -> None:
            for event in some:
                await publish(event)
                self.unrecorded += 1

        lanes = max(1, min(publishers, count // 3))
        await self.probe.at_once(*(publish_all(events[number::lanes]) for number in range(lanes)))

    async def read_out_unrecorded(self, listener: Listener) -> int:
        """Reads the reader's unread events, up to one published now; returns how many.

        Raises:
            CaseAborted: that event, or the number of events that is owed, did not come.
        """
        if self.overflow == "drop_newest":
            # The last event finds room only after these are read.
            return await self.read_held_unrecorded(listener)
        return await self._read_to_the_last(listener)

    async def read_held_unrecorded(self, listener: Listener) -> int:
        """Reads the events owed, then up to an event published after that; returns how many.

        Raises:
            CaseAborted: that event, or the number of events that is owed, did not come.
        """
        held = await self._read_unrecorded(listener, f"hold {self.capacity} events at least")
        return held + await self._read_to_the_last(listener)

    async def _read_to_the_last(self, listener: Listener) -> int:
        [last] = self.events(1)
        await self.probe.publish(last, via=self.via)
        return await self._read_unrecorded(listener, "get the newest event", last)

    async def _read_unrecorded(
        self, listener: Listener, what: str, last: Event | None = None
    ) -> int:
        """Reads up to that event, or as many as are owed if it is None."""
        count, wanted = 0, None if last is None else identity(last)

        async def read() -> None:
            nonlocal count
            while True:
                event: Any = await listener.subscription.__anext__()
                count += 1
                if identity(event) == wanted or (wanted is None and count == self.capacity):
                    return

        reading, expected = self.probe.spawn(read()), f"a reader that overran to {what}"
        if not await self.probe.deadline.wait(reading, progress=lambda: count):
            raise self.probe.aborted(expected, f"{count} came, and no more", listener.entry)
        if (error := reading.exception()) is not None:
            seen = f"its read raised {describe(error)} after {count} events"
            raise self.probe.aborted(expected, seen, listener.entry)
        return count

    async def all_arrived(self, settle_s: float = 0.0, at: Via = None) -> None:
        """Returns when the published events have reached the buffers, as far as they can without a read.

        Args:
            settle_s: more time for that; only a bus that is about to be accused is given any.
            at: the client whose subscriptions get the events; each client may be reached at its own time.
        """
        deadline = self.probe.deadline
        # Without an order, no later event proves that earlier ones have come.
        await asyncio.sleep(max(settle_s, deadline.glance_s) if deadline.disorderly else settle_s)
        for _ in range(2):
            witness = OverflowScenario(self.probe, self.side, self.via)
            listener = await witness.subscribe(at)
            await self.probe.reach(listener, via=self.via)
            ((event,),) = await witness.publish(1)
            # An earlier read may still wait.
            if not (listener.heard([event]) or await listener.read(1)):
                raise self.probe.aborted(
                    "what others subscribe to not to suffer from an overrun",
                    f"nothing came on {listener.entry.name}",
                )
            await listener.leave()

    async def read_out(self, listener: Listener) -> None:
        """Reads the reader's unread events, up to one published now.

        Raises:
            CaseAborted: that event, or the number of events that is owed, did not come.
        """
        if self.overflow == "drop_newest" and not await listener.read(self.capacity):
            # There is room for the last event only after this has been read.
            self.check_ended(listener)
            raise self.probe.aborted(
                f"a reader that overran to hold {self.capacity} events at least",
                f"{len(listener.received)} came, and no more",
                listener.entry,
            )
        [[last]] = await self.publish(1)
        await self.get(listener, [last], "the newest event")

    async def get(
        self, listener: Listener, events: Sequence[Event], what: str = "later events normally"
    ) -> None:
        """Reads up to events that the bus must deliver in any case.

        Raises:
            CaseAborted: they did not come.
        """
        try:
            await listener.receive(*events)
        except CaseAborted as aborted:
            self.check_ended(listener)
            raise self.probe.aborted(
                f"a reader that overran to get {what}",
                f"nothing more came on {listener.entry.name} within "
                f"{self.probe.deadline.current_s:g} s; it had read {len(listener.received)} of "
                f"{self.count}",
                listener.entry,
            ) from aborted

    def check_ended(self, listener: Listener) -> None:
        """Aborts the case if the subscription has ended: the history shows how."""
        if listener.entry.end is not None:
            raise CaseAborted

    def limit_s(self, usual_s: float) -> float:
        """Returns the limit for an action that takes so long while no reader stands still."""
        return max(self.probe.deadline.current_s, usual_s * _SLOWED)


def breach_of_policy(
    chains: Sequence[Sequence[Event]], listener: Listener, stage: OverflowScenario
) -> OverflowBreach | None:
    """Compares the events read with those that the dropping policy keeps."""
    if len(listener.received) < stage.capacity:
        return OverflowBreach(
            f"a reader that overran to hold {stage.capacity} events at least",
            f"it read {len(listener.received)}",
        )
    if stage.probe.deadline.disorderly:
        return None  # Without an order (PUB-06), there is no oldest or newest end.
    read = {identity(event) for event in listener.received}
    oldest = stage.overflow == "drop_oldest"
    end = "newest" if oldest else "oldest"
    for number, chain in enumerate(chains, 1):
        kept = [identity(event) in read for event in (reversed(chain) if oldest else chain)]
        if not any(kept) or False not in kept:
            continue
        if all(kept[: sum(kept)]):
            continue
        up_to = "up to" if oldest else "from"
        expected = f"an unbroken run of each publisher's events {up_to} its {end}"
        if not kept[0]:
            seen = f"publisher {number}'s {end} is missing, others were read"
            return OverflowBreach(expected, seen)
        return OverflowBreach(
            expected,
            f"of publisher {number}'s {len(chain)} events, {sum(kept)} were read, with a gap "
            f"{kept.index(False)} from its {end}",
        )
    return None


def now_s() -> float:
    """Returns the time, to see how long something takes."""
    return asyncio.get_running_loop().time()


@contextmanager
def charged_to(*requirements: str) -> Iterator[None]:
    """Charges an abort of the case within the context to these requirements alone."""
    try:
        yield
    except CaseAborted as aborted:
        if aborted.violation is None:
            raise
        raise CaseAborted(replace(aborted.violation, requirements=requirements)) from aborted
