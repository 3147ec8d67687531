"""Is the target wired at all? Asked once, before anything is judged.

It compares nothing. What raises or hangs here makes the target unusable; silence breaks PUB-01 (for a
target without events STR-06), and the rest is not worth running.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from eventhook_conformance.contract import EventPattern
from eventhook_conformance.engine.parking import leave_all
from eventhook_conformance.engine.session import Run
from eventhook_conformance.history import History
from eventhook_conformance.probe import CaseAborted, Listener, Probe
from eventhook_conformance.probe.client_pool import TargetUnusable
from eventhook_conformance.probe.containment import end
from eventhook_conformance.probe.failure import describe
from eventhook_conformance.results import CaseResult

CASE = "smoke::something_arrives"
_ATTEMPTS: Final = 2


async def smoke(run: Run) -> None:
    """Opens a client, subscribes, publishes, reads one event.

    Raises:
        TargetUnusable: opening, entering or publishing raised or hung.
    """
    requirement = "PUB-01" if "events" in run.capabilities.profiles else "STR-06"
    history = History(CASE, run.clock)
    probe = run.probe((requirement,), history)
    listener = await _wire(run, probe)
    if not listener.entry.deliveries:
        await run.deadline.wait(listener.start_reading())
    if listener.entry.deliveries:
        run.round_trip_s = _round_trip_s(history)
        run.circuit_breaker.still_works = partial(still_works, run)
        await listener.leave_quietly()
        return
    run.result.silent = True
    probe.found(
        "the first event to arrive at all", "nothing was delivered, so nothing else was run"
    )
    await listener.abandon()
    run.note(
        CaseResult(
            id=CASE,
            requirements=(requirement,),
            outcome="failed",
            blame="target",
            message=probe.violations[0].message,
            violations=probe.violations,
            history=history,
        )
    )


async def still_works(run: Run) -> str | None:
    """Whether anything arrives still; if not, what is wrong."""
    why = None
    for _ in range(_ATTEMPTS):  # the client that is used first may be what broke
        probe = run.probe(("PUB-01",), History(CASE, run.clock))
        try:
            listener = await _listen(run, probe)
            if not listener.entry.deliveries:
                await run.deadline.wait(listener.start_reading())
            why = None if listener.entry.deliveries else "the target stopped delivering anything"
        except CaseAborted as aborted:
            why = f"the target stopped working ({aborted})"
        await end(*probe.tasks)
        await leave_all(tuple(one for one in probe.listeners if one.open))
        await run.clients.take_fault()
        if why is None:
            break
    return why


def _round_trip_s(history: History) -> float:
    """What the fastest publish took: a busy machine makes one or another slow, but hardly all."""
    return min(
        publish.returned.at_s - publish.called.at_s
        for publish in history.publishes
        if publish.returned is not None
    )


async def _wire(run: Run, probe: Probe) -> Listener:
    try:
        await run.start()
        await run.clients.shared(0)
    except TargetUnusable:
        raise
    except Exception as error:  # because: whatever the target raises is said in one line
        raise TargetUnusable(f"opening a client failed: {describe(error)}") from error
    try:
        return await _listen(run, probe)
    except CaseAborted as aborted:
        raise TargetUnusable(str(aborted)) from aborted


async def _listen(run: Run, probe: Probe) -> Listener:
    """A reader that waits, and three events for it."""
    tenant, key = probe.tenant(), probe.key()
    events = "events" in run.capabilities.profiles
    listener = await probe.subscribe(EventPattern.all(tenant) if events else key)
    listener.start_reading()
    # Three, since a bus that loses the first event is wired, and PUB-04 says more of it.
    for _ in range(3):
        await probe.publish(probe.event(tenant) if events else probe.stream_event(key))
    return listener
