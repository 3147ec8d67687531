"""PUB-11, PUB-12, PUB-17, PUB-23 and STR-06: ends subscriptions while they are full.

Filling one takes long. So where the bus drops, one filling serves all the ways to end; where it
blocks, each has a filling of its own, to see that publishers wait no longer than for full readers.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any, Final

from eventhook_conformance.cases._overrun import OverflowScenario, charged_to
from eventhook_conformance.cases._steps import end, yields
from eventhook_conformance.history import Side
from eventhook_conformance.probe import Client, Listener, Probe, Via
from eventhook_conformance.probe.failure import describe
from eventhook_conformance.specification import case

_EXCESS: Final = 3
_TURNS: Final = 20
_LEFT: Final = ("half-read", "reading", "left", "raised")
_PAUSES: Final = (0, 1, 3)


class _Full:
    """Readers of one tenant or stream that hold all they can, and publishers that wait for them.

    Args:
        probe: the case's.
        side: of the bus.
        client: whose readers they are.
    """

    def __init__(self, probe: Probe, side: Side, client: Client) -> None:
        self._probe = probe
        self._client = client
        claimed = probe.capabilities
        # What is still on its way to a client that closes is lost to it. Of what it published itself, the
        # checker takes all to have come; and where publishing waits for a full reader, it has.
        another = claimed.multi_client and claimed.overflow != "block"
        self._stage = OverflowScenario(probe, side, None if another else client)
        self._blocked: list[asyncio.Task[Any]] = []

    async def readers(self, count: int) -> list[Listener]:
        """Enters so many and fills them; under `block`, publishers of each client wait then."""
        stage, probe = self._stage, self._probe
        readers = [await stage.subscribe(self._client) for _ in range(count)]
        if stage.overflow != "block":
            await stage.publish(stage.capacity + _EXCESS)
            await stage.all_arrived(at=self._client)
            return readers
        await stage.publish(stage.capacity)
        others: tuple[Via, ...] = (None,) if probe.capabilities.multi_client else ()
        for via in (self._client, *others):
            self._blocked += [
                probe.spawn(probe.attempt(event, via)) for event in stage.events(_EXCESS)
            ]
        await yields(_TURNS)
        return readers

    async def released(self, by: str) -> None:
        """Expects that no publisher waits any more.

        Raises:
            CaseAborted: one does.
        """
        for publishing in self._blocked:
            await self._probe.returns(publishing, f"publish, which waited for a reader that {by},")


async def _end(probe: Probe, side: Side) -> None:
    several, blocks = probe.capabilities.multi_client, probe.capabilities.overflow == "block"
    cancelled = len(_PAUSES) + 1 if probe.capabilities.in_process else 0
    left, rule = ("PUB-12", "PUB-17") if side == "events" else ("STR-06", "STR-06")
    client = await (probe.open_client() if several else probe.client())
    waiting = await OverflowScenario(probe, side).subscribe(client)
    await waiting.wait_reading()
    full = _Full(probe, side, client)
    readers = await full.readers(len(_LEFT) + (0 if blocks else cancelled + 2))
    await _leave(probe, [readers.pop() for _ in _LEFT])
    with charged_to(left):
        await full.released("was left")
    if cancelled:
        full = _Full(probe, side, client) if blocks else full
        readers = await full.readers(cancelled) if blocks else readers
        with charged_to("PUB-23" if side == "events" else "STR-06"):
            await _cancel(probe, [readers.pop() for _ in range(cancelled)])
            await full.released("was cancelled")
    full = _Full(probe, side, client) if blocks else full
    readers = await full.readers(2) if blocks else readers
    with charged_to(rule):
        await probe.close(client)
        await full.released("was closed")
        await _read_out(probe, waiting, readers.pop())
        violation = await readers.pop().leave_quietly()
    if violation is not None:
        probe.violations.append(violation.charging((rule,)))


async def _leave(probe: Probe, readers: list[Listener]) -> None:
    for how, listener in zip(_LEFT, readers, strict=True):
        if how == "half-read":
            await listener.read(1)
        elif how == "reading":
            listener.drain()
        raises = how == "raised" and probe.capabilities.in_process
        await end(listener, "raised" if raises else "left")


async def _cancel(probe: Probe, readers: list[Listener]) -> None:
    await _cancelled(probe, readers.pop())
    for pause, listener in zip(_PAUSES, readers, strict=True):
        leaving = probe.spawn(listener.context_task.leave())
        await yields(pause)
        await _cancelled(probe, listener)
        await probe.returns(leaving, "leaving that was cancelled")


async def _cancelled(probe: Probe, listener: Listener) -> None:
    expected = "a full subscription to end when it is cancelled"
    if not await listener.context_task.cancel():
        raise probe.aborted(expected, "it goes on", listener.entry)
    task = listener.context_task.task
    if task is not None and not task.cancelled() and (error := task.exception()) is not None:
        raise probe.aborted(expected, f"it raised {describe(error)}", listener.entry)


def _count(listener: Listener) -> int:
    return len(listener.entry.deliveries)


async def _read_out(probe: Probe, *readers: Listener) -> None:
    """Expects that the readers end after their client closed, and leaves them."""
    for listener in readers:
        listener.drain()
        count = partial(_count, listener)
        if not await probe.deadline.wait(listener.start_reading(), progress=count):
            raise probe.aborted(
                f"the reader of {listener.entry.name} to end when its client was closed",
                "it still waits",
                listener.entry,
            )
        await listener.leave()


@case("PUB-11", "PUB-12", "PUB-17", "PUB-23", exclusive="closes", clients=1, subscriptions=12)
async def ending_in_any_way_while_full_returns(probe: Probe) -> None:
    """Ends full subscriptions in every way, with and without waiting publishers: each must return."""
    await _end(probe, "events")


@case(
    *("PUB-11", "PUB-12", "PUB-17"), exclusive="closes", clients=1, needs={"in_process": (False,)}
)
async def leaving_and_closing_while_full_return(probe: Probe) -> None:
    """Leaves and closes full subscriptions, with and without waiting publishers: each must return."""
    await _end(probe, "events")


@case("STR-06", exclusive="closes", clients=1, subscriptions=12)
async def ending_a_stream_in_any_way_while_full_returns(probe: Probe) -> None:
    """Ends full subscriptions of streams in every way, with and without waiting publishers: all return."""
    await _end(probe, "streams")
