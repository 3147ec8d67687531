"""Checks once, before anything is judged, that the target is wired at all.

It compares nothing. A target that raises or hangs here is unusable. Silence breaks PUB-01 (for a target
without events STR-06), and the rest is not worth running.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, TypeAlias

from eventhook_conformance.checker import check
from eventhook_conformance.checker.origins import Origins
from eventhook_conformance.contract import EventPattern
from eventhook_conformance.engine.parking import leave_all
from eventhook_conformance.history import Event, History
from eventhook_conformance.probe import CaseAborted, Listener, Probe, RunContext
from eventhook_conformance.probe.client_pool import TargetUnusable
from eventhook_conformance.probe.containment import end
from eventhook_conformance.probe.failure import describe
from eventhook_conformance.probe.maker import LEAST_EVENT_BYTES, LEAST_LIFECYCLE_BYTES
from eventhook_conformance.results import CaseResult
from eventhook_conformance.target import Capabilities

CASE: Final = "smoke::something_arrives"
_ATTEMPTS: Final = 2
_IN_A_ROW: Final = 12
_DELIVERIES: Final = 5
_SOON_S: Final = 0.001
_SLOW_S: Final = 0.002
_LOOKS: Final = 3
_TOGETHER: Final = 8
_MOST_ROOM: Final = 1_000_000
"""Events that a case can publish to overrun a reader."""

MakeProbe: TypeAlias = Callable[[Sequence[str], History], Probe]


@dataclass(frozen=True)
class SmokeReport:
    """The findings of the smoke test."""

    round_trip_s: float = 0.0
    """How long the fastest publish took, or the fastest delivery if that was longer, in seconds."""
    in_turn: bool = False
    """Publishes that are called together are done one after another, each in all of that time."""
    unusable: str | None = None
    """Why the target cannot be opened, entered or published to, in one line."""
    broken: CaseResult | None = None
    """The failed case, where something went wrong after the first event had come."""
    silence: CaseResult | None = None
    """The failed case, where nothing was delivered at all."""


async def smoke_test(context: RunContext, make_probe: MakeProbe) -> SmokeReport:
    """Opens a client, subscribes, publishes, and reads one event."""
    if problem := _too_small(context.capabilities) or _too_large(context.capabilities):
        return SmokeReport(unusable=problem)
    requirement = _requirement(context)
    history = History(CASE, context.clock)
    probe = make_probe((requirement,), history)
    try:
        listener = await _wire(context, probe)
    except TargetUnusable as unusable:
        return SmokeReport(unusable=str(unusable))
    if not listener.entry.deliveries:
        await context.deadline.wait(listener.start_reading())
    if listener.entry.deliveries:
        if Origins(history).of[listener.entry][0] is not history.publishes[0]:
            await look_for_order(context, make_probe)
        in_turn, broken = False, None
        try:
            await _try_again(probe, listener)
            in_turn = await _takes_in_turn(context, probe)
        except CaseAborted as aborted:
            if aborted.violation is not None:
                probe.violations.append(aborted.violation)
            else:
                probe.found("the target to go on as it began", str(aborted))
            broken = await _breach(context, probe, requirement)
            await end(*probe.tasks.running)  # a call may hang
        round_trip_s = max(_fastest_publish_s(history), _fastest_delivery_s(history, listener))
        await listener.leave_quietly()
        return SmokeReport(round_trip_s=round_trip_s, in_turn=in_turn, broken=broken)
    seen = _silence(listener)
    probe.found("the first event to arrive at all", f"{seen}, so nothing else was run")
    await listener.abandon()
    return SmokeReport(silence=_failed(probe, requirement))


def _failed(probe: Probe, requirement: str) -> CaseResult:
    return CaseResult(
        id=CASE,
        requirements=(requirement,),
        outcome="failed",
        blame="target",
        message=probe.violations[0].message,
        violations=tuple(probe.violations),
        history=probe.history,
    )


async def _breach(context: RunContext, probe: Probe, requirement: str) -> CaseResult:
    """Returns the result of a smoke test that a breach ended, or the end of a driver."""
    fault = await context.clients.take_fault()
    if fault is None:
        return _failed(probe, requirement)
    return CaseResult(
        id=CASE,
        requirements=(requirement,),
        outcome="error",
        blame="driver",
        message=fault,
        history=probe.history,
    )


def _too_small(claimed: Capabilities) -> str | None:
    """Returns why events of the claimed size are too small to judge by; None: they are not."""
    least, why = LEAST_EVENT_BYTES, ""
    for profile in ("lifecycle", "sse"):
        if profile in claimed.profiles:
            least, why = LEAST_LIFECYCLE_BYTES, f" for profile {profile!r}"
    if claimed.max_event_bytes >= least:
        return None
    return f"max_event_bytes: expected at least {least}{why}, got {claimed.max_event_bytes}"


def _too_large(claimed: Capabilities) -> str | None:
    """Returns why the claimed room cannot be filled, to see what comes then; None: it can."""
    if claimed.overflow == "unbounded":
        return None
    rooms = {"events": "event_capacity", "streams": "stream_capacity"}
    for profile, name in rooms.items():
        room: int = getattr(claimed, name)
        if profile in claimed.profiles and room > _MOST_ROOM:
            return (
                f"{name}: expected at most {_MOST_ROOM}, or overflow='unbounded' for a bus that "
                f"holds whatever comes, got {room}"
            )
    return None


def _silence(listener: Listener) -> str:
    """Says in words what came in place of an event."""
    match listener.entry.end:
        case None:
            return "nothing was delivered"
        case "raised":
            return f"reading raised {listener.entry.end_error}"
        case _:
            error = listener.entry.end_error
            return "the subscription ended by itself" + (f" ({error})" if error else "")


async def look_for_order(context: RunContext, make_probe: MakeProbe) -> None:
    """Finds out whether the bus reorders without other traffic."""
    deadline = context.deadline
    if deadline.disorderly:
        return
    probe = make_probe((), History(CASE, context.clock))
    tenant, key = probe.make.tenant(), probe.make.key()
    events = "events" in context.capabilities.profiles
    made: list[Event] = [
        probe.make.event(tenant) if events else probe.make.stream_event(key)
        for _ in range(_IN_A_ROW)
    ]
    with suppress(CaseAborted):
        listener = await probe.subscribe(EventPattern.all(tenant) if events else key)
        listener.start_reading()
        await probe.publish(*made)
        await listener.receive(*made)
    await end(*probe.tasks.running)
    await leave_all(tuple(one for one in probe.listeners if one.open))
    kinds = {violation.kind for violation in check(probe.history, context.capabilities)}
    if kinds == {"reordered"}:
        deadline.disorderly = deadline.reads_on = True


async def still_works(context: RunContext, make_probe: MakeProbe) -> str | None:
    """Returns why nothing arrives any more; None if something does."""
    why = None
    for _ in range(_ATTEMPTS):  # the client that is used first may be what broke
        probe = make_probe((_requirement(context),), History(CASE, context.clock))
        try:
            listener = await _listen(context, probe)
            if not listener.entry.deliveries:
                await context.deadline.wait(listener.start_reading())
            why = None if listener.entry.deliveries else "the target stopped delivering anything"
        except CaseAborted as aborted:
            why = f"the target stopped working ({aborted})"
        await end(*probe.tasks.running)
        await leave_all(tuple(one for one in probe.listeners if one.open))
        await context.clients.take_fault()
        if why is None:
            break
    return why


def _requirement(context: RunContext) -> str:
    return "PUB-01" if "events" in context.capabilities.profiles else "STR-06"


async def _try_again(probe: Probe, listener: Listener) -> None:
    """Publishes and reads again while that takes long: a busy machine slows some attempts, hardly all.

    Raises:
        CaseAborted: something did not return, or raised.
    """
    selects = listener.entry.selects
    for _ in range(_DELIVERIES):
        if _fastest_delivery_s(probe.history, listener) < _SOON_S:
            break
        await probe.publish(probe.make.fence_event(selects))
        if not await listener.read(1):
            raise probe.aborted("one more event to arrive", _silence(listener), listener.entry)


async def _takes_in_turn(context: RunContext, probe: Probe) -> bool:
    """Returns whether the target handles publishes one after another, each for a noticeable time.

    Concurrent cases would then wait for each other. The best of several attempts counts: on a busy
    machine some take longer. Nobody subscribes, so that no publish waits for a reader.

    Raises:
        CaseAborted: a publish raised or hung.
    """
    if _fastest_publish_s(probe.history) < _SLOW_S:
        return False
    events = "events" in context.capabilities.profiles
    selects = EventPattern.all(probe.make.tenant()) if events else probe.make.key()

    async def took_s(count: int) -> float:
        began = asyncio.get_running_loop().time()
        await probe.burst([probe.make.fence_event(selects)] for _ in range(count))
        return asyncio.get_running_loop().time() - began

    alone_s = min([await took_s(1) for _ in range(_LOOKS)])
    for _ in range(_LOOKS):
        if await took_s(_TOGETHER) < alone_s * _TOGETHER / 2:
            return False
    return True


def _fastest_publish_s(history: History) -> float:
    return min(
        publish.returned.at_s - publish.called.at_s
        for publish in history.publishes
        if publish.returned is not None
    )


def _fastest_delivery_s(history: History, listener: Listener) -> float:
    origins = Origins(history).of[listener.entry]
    return min(
        (
            delivery.returned.at_s - publish.called.at_s
            for delivery, publish in zip(listener.entry.deliveries, origins, strict=True)
            if publish is not None
        ),
        default=0.0,
    )


async def _wire(context: RunContext, probe: Probe) -> Listener:
    try:
        await context.clients.start()
        await context.clients.shared(0)
    except TargetUnusable:
        raise
    except Exception as error:  # because: any error of the target is said in one line
        raise TargetUnusable(f"opening a client failed: {describe(error)}") from error
    try:
        return await _listen(context, probe)
    except CaseAborted as aborted:
        raise TargetUnusable(str(aborted)) from aborted


async def _listen(context: RunContext, probe: Probe) -> Listener:
    """Returns a reader that waits, after three events were published for it."""
    tenant, key = probe.make.tenant(), probe.make.key()
    events = "events" in context.capabilities.profiles
    listener = await probe.subscribe(EventPattern.all(tenant) if events else key)
    listener.start_reading()
    # Three: a bus that loses the first event is wired, and PUB-04 says more about it.
    for _ in range(3):
        await probe.publish(probe.make.event(tenant) if events else probe.make.stream_event(key))
    return listener
