"""Is the target wired at all? Asked once, before anything is judged.

It compares nothing. What raises or hangs here makes the target unusable; silence breaks PUB-01 (for a
target without events STR-06), and the rest is not worth running.
"""

from __future__ import annotations

from eventhook_conformance.clients import TargetUnusable
from eventhook_conformance.contract import EventPattern
from eventhook_conformance.history import History
from eventhook_conformance.probe import CaseAborted, Listener, Probe
from eventhook_conformance.probe.failure import describe
from eventhook_conformance.result import CaseResult
from eventhook_conformance.run import Run

CASE = "smoke::something_arrives"


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
        await run.patience.wait(listener.start_reading())
    if listener.entry.deliveries:
        run.round_trip_s = _round_trip_s(history)
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


def _round_trip_s(history: History) -> float:
    """What the fastest publish took: a busy machine makes one or another slow, but hardly all."""
    return min(
        publish.returned.at_s - publish.called.at_s
        for publish in history.publishes
        if publish.returned is not None
    )


async def _wire(run: Run, probe: Probe) -> Listener:
    tenant, key = probe.tenant(), probe.key()
    events = "events" in run.capabilities.profiles
    try:
        await run.start()
        await run.clients.shared(0)
    except TargetUnusable:
        raise
    except Exception as error:  # because: whatever the target raises is said in one line
        raise TargetUnusable(f"opening a client failed: {describe(error)}") from error
    try:
        listener = await probe.subscribe(EventPattern.all(tenant) if events else key)
        listener.start_reading()
        # Three, since a bus that loses the first event is wired, and PUB-04 says more of it.
        for _ in range(3):
            await probe.publish(probe.event(tenant) if events else probe.stream_event(key))
    except CaseAborted as aborted:
        raise TargetUnusable(str(aborted)) from aborted
    return listener
