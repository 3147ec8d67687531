"""The auditor revises a result by late arrivals, and says which cases it could not hear."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from engine.hostile import CLAIMS, Hostile, before, instance, new_session
from eventhook_conformance.contract import EventPattern
from eventhook_conformance.engine.auditor import Auditor, Revision
from eventhook_conformance.engine.execution import Ending
from eventhook_conformance.engine.oracle import Oracle
from eventhook_conformance.engine.parking import Parked
from eventhook_conformance.engine.session import Session
from eventhook_conformance.history import History
from eventhook_conformance.probe import Listener
from eventhook_conformance.results import CaseResult

CASE = instance(before, "PUB-12").case


def audited(act: Callable[[Session, Auditor], Awaitable[None]], budget: int = 10) -> Auditor:
    """Returns an auditor over a correct bus, after the act."""

    async def run() -> Auditor:
        session = new_session(Hostile().target)
        oracle = Oracle(CLAIMS, session.context.ledger)
        auditor = Auditor(session.context.clients, oracle, budget, session.context.deadline)
        try:
            await act(session, auditor)
        finally:
            await session.finish()
        return auditor

    return asyncio.run(run())


async def finished_case(session: Session, name: str = "own::case") -> tuple[Parked, Listener]:
    """Returns a case that passed, with one subscription still open."""
    history = History(name, session.context.clock)
    probe = session.runner.probe(CASE.requirements, history)
    tenant = probe.make.tenant()
    listener = await probe.subscribe(EventPattern.all(tenant))
    await probe.publish(probe.make.event(tenant))
    await probe.fence(listener)
    result = CaseResult(id=name, requirements=CASE.requirements, outcome="passed")
    judged = len(listener.entry.deliveries)
    return Parked(result, CASE, history, Ending(), (), (), (listener,), judged), listener


def test_a_quiet_case_is_not_revised() -> None:
    async def act(session: Session, auditor: Auditor) -> None:
        parked, listener = await finished_case(session)
        assert await auditor.park(parked) == []
        assert await auditor.audit() == []
        assert not listener.open

    audited(act)


def test_a_late_repeat_revises_the_result_and_leaves_the_old_one_as_it_was() -> None:
    async def act(session: Session, auditor: Auditor) -> None:
        parked, listener = await finished_case(session)
        await auditor.park(parked)
        again = listener.entry.deliveries[0].event
        await session.context.clients.all_shared()[0].backend.events.publish(again)  # type: ignore[arg-type]
        revisions.extend(await auditor.audit(0.05))
        assert parked.result.outcome == "passed"

    revisions: list[Revision] = []
    audited(act)
    ((_, after),) = revisions
    assert after.outcome == "failed"
    assert after.violations[0].requirements == ("PUB-02",)
    assert after.history is not None


def test_the_oldest_leave_first_where_there_are_too_many() -> None:
    async def act(session: Session, auditor: Auditor) -> None:
        first, oldest = await finished_case(session, "own::first")
        second, newest = await finished_case(session, "own::second")
        await auditor.park(first)
        await auditor.park(second)
        assert (oldest.open, newest.open) == (False, True)
        await auditor.audit()

    audited(act, budget=1)


def test_a_lost_driver_leaves_the_parked_cases_unaudited() -> None:
    async def act(session: Session, auditor: Auditor) -> None:
        parked, listener = await finished_case(session)
        await auditor.park(parked)
        auditor.lose_parked()
        assert all(client.tainted for client in session.context.clients.all_shared())
        await auditor.retire_tainted()
        assert session.context.clients.all_shared() == []
        assert not listener.open

    assert audited(act).unaudited == ["own::case"]
