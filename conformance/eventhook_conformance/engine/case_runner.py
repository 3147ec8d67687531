"""Runs one case, from its probe to its decided result."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import replace
from time import perf_counter
from typing import Final, NamedTuple

from eventhook_conformance.checker import MISSING, Violation
from eventhook_conformance.engine.auditor import Auditor, Revision
from eventhook_conformance.engine.confirmation import Hasty
from eventhook_conformance.engine.dead_tasks import DeadTasks
from eventhook_conformance.engine.demands import asked_too_much
from eventhook_conformance.engine.execution import Ending, execute
from eventhook_conformance.engine.limits import Limits
from eventhook_conformance.engine.loop_watchdog import Watchdog
from eventhook_conformance.engine.oracle import Oracle, explained
from eventhook_conformance.engine.outcome import closing_violation, decide, stands
from eventhook_conformance.engine.parking import Parked, leave_all
from eventhook_conformance.engine.smoke_test import look_for_order
from eventhook_conformance.history import History
from eventhook_conformance.probe import Client, Listener, NotOffered, Probe, RunContext, Undecided
from eventhook_conformance.probe.client import CLOSED_BY_CASE
from eventhook_conformance.probe.containment import end
from eventhook_conformance.probe.turns import current, taken
from eventhook_conformance.results import CaseResult
from eventhook_conformance.specification import Case, Instance

STARVED: Final = (
    "the machine was too busy: a wait ran out while this process, or one that it started, "
    "had no processor; run it again when the machine is less busy"
)
_LATE: Final = MISSING | {"reordered"}
"""The breaches after which a run reads on for overtaken events."""
_PEACEFUL: Final = frozenset({"PUB-01", "PUB-02", "PUB-03", "PUB-06", "STR-01"})
"""The requirements whose cases only publish and read."""


def _nothing(*_: object) -> None: ...


def _starved() -> str | None:
    """Returns why the current case is undecided whose wait ran out without a processor; else None."""
    return STARVED if current().starved else None


class JudgedCase(NamedTuple):
    """A case's result, and what judging it did to others."""

    result: CaseResult
    revisions: list[Revision]
    """Finished cases whose subscriptions had to leave meanwhile, and showed late arrivals."""
    used: Collection[Client]
    """The shared clients that the case acted through."""


class CaseRunner:
    """Runs cases; several may run at once.

    Args:
        context: the part of the run that all cases share.
        oracle: judges histories.
        auditor: takes the subscriptions that stay open.
        watchdog: breaks a target that blocks the event loop.
        limits: the engine's limits.
    """

    def __init__(
        self,
        context: RunContext,
        oracle: Oracle,
        auditor: Auditor,
        watchdog: Watchdog,
        limits: Limits,
    ) -> None:
        self._context = context
        self._oracle = oracle
        self._auditor = auditor
        self._watchdog = watchdog
        self._limits = limits
        self._most_subscriptions = context.capabilities.max_subscriptions
        self.running: set[str] = set()
        """The IDs of the cases under way."""
        self.dead_tasks: DeadTasks | None = None
        """Asked of each case that failed, once the session has made it."""
        self.on_fault: Callable[[], None] = _nothing
        """Called when the driver failed."""
        self.on_long: Callable[[str], None] = _nothing
        """Called with the ID of a case that takes long, while its target still works."""
        self.hasty: dict[str, Hasty] = {}
        """The failed cases that had shortened waits, and can be confirmed."""

    def probe(
        self, requirements: Sequence[str], history: History, *, swap_clients: bool = False
    ) -> Probe:
        """Returns a probe for a case of these requirements."""
        return Probe(self._context, requirements, history, self, swap_clients=swap_clients)

    async def run(self, instance: Instance, *, swap_clients: bool = False) -> JudgedCase:
        """Runs a case and judges its history.

        Args:
            instance: the case, with its parameters.
            swap_clients: the two shared clients change places, so that both carry load.
        """
        case, turn = instance.case, taken()
        self.running.add(instance.id)
        try:
            began = perf_counter()
            revisions = await self._clear_the_way(case)
            with self._watchdog.watching():
                probe = self._probe_for(instance, swap_clients=swap_clients)
                reads_on = self._context.deadline.reads_on
                result, parked = await self._judge(instance, probe, began)
                if not reads_on and self._context.deadline.reads_on:
                    again = self._probe_for(instance, swap_clients=swap_clients)
                    result, parked = await self._judge_again(instance, again, result, parked)
            turn.starved = result.message == STARVED
            self._note_haste(instance, result)
            if parked is not None:
                revisions += await self._auditor.park(parked)
        finally:
            self.running.discard(instance.id)
        if not self.running:  # others may still act through a tainted client
            revisions += await self._auditor.retire_tainted()
        return JudgedCase(result, revisions, probe.access.used)

    def _note_haste(self, instance: Instance, result: CaseResult) -> None:
        turn = current()
        self.hasty.pop(instance.id, None)
        if turn.pace == "hasty" and turn.hasty_s and result.outcome == "failed":
            self.hasty[instance.id] = Hasty(instance, turn.hasty_s)

    def _probe_for(self, instance: Instance, *, swap_clients: bool) -> Probe:
        history = History(instance.id, self._context.clock)
        return self.probe(instance.case.requirements, history, swap_clients=swap_clients)

    async def _judge_again(
        self, instance: Instance, probe: Probe, result: CaseResult, parked: Parked | None
    ) -> tuple[CaseResult, Parked | None]:
        """Runs the first case again that seems to lose or reorder, and reads on for late events.

        Returns:
            The second result if it explains the first; else the first.
        """
        await look_for_order(self._context, self.probe)
        second = await self._judge(instance, probe, perf_counter())
        kept, dropped = (result, parked), second
        if explained(result.violations, second[0].violations):
            kept, dropped = dropped, kept
        if dropped[1] is not None:
            await leave_all(dropped[1].listeners)
        return kept

    async def _clear_the_way(self, case: Case) -> list[Revision]:
        if case.last:
            return await self._auditor.leave_shared(self._context.settings.settle_s)
        if case.exclusive:
            return await self._auditor.audit()
        opens = case.subscriptions_at(self._context.settings.depth)
        return await self._auditor.leave_room(self._most_subscriptions - opens)

    async def _judge(
        self, instance: Instance, probe: Probe, began: float
    ) -> tuple[CaseResult, Parked | None]:
        case, history = instance.case, probe.history
        current().starved = False
        ending = await execute(
            probe,
            lambda: instance.body(probe, **instance.parameters),
            self._limits.case_s,
            lambda: self.on_long(instance.id),
        )
        self._note_blocked(probe)
        fault = await self._take_fault()
        charged = await self._look_twice(probe, case)
        starved = _starved()
        charged = [one for one in charged if stands(one, fault or starved)]
        stated = [one for one in probe.violations if stands(one, fault or starved)]
        stays = case.parks and fault is None and not current().disturbed
        staying, wrong = await self._leave(probe, stays=stays)
        if wrong and fault is None:
            fault = await self._take_fault()
        starved = _starved()
        if fault is not None:
            ending = Ending(decided=False, blame="driver", message=fault)
        elif reason := asked_too_much(probe, ending, [*charged, *stated]):
            ending = Ending(offered=False, message=reason)
            charged = stated = []
        elif starved is not None:
            ending = Ending(decided=False, blame="suite", message=starved)
        else:
            stated += wrong
        adopted = probe.findings.adopted
        unjudged = CaseResult(
            id=instance.id,
            requirements=case.requirements,
            outcome="passed",
            duration_s=perf_counter() - began,
            history=adopted[1] if adopted else history,
            program=adopted[0] if adopted else None,
            specification=instance.specification,
            repeat_options=self._context.settings.repeat_options,
            hung=tuple(probe.hung),
        )
        result = decide(unjudged, [*charged, *stated], ending)
        if result.outcome == "failed" and self.dead_tasks is not None:
            result = replace(result, died=self.dead_tasks.died())
        if not staying:
            return result, None
        judged = sum(len(one.entry.deliveries) for one in staying)
        account = Parked(
            result, case, history, ending, tuple(charged), tuple(stated), staying, judged
        )
        return result, account

    async def _look_twice(self, probe: Probe, case: Case | None = None) -> list[Violation]:
        """Judges a history; where an event is missing, reads on for a moment and judges again.

        An overtaken event may arrive just after the case; it is reordered then, and not lost.
        """
        deadline = self._context.deadline
        found = self._oracle.judge(probe.history, case)
        kinds = {violation.kind for violation in found}
        if (
            kinds == {"reordered"}
            and case is not None
            and not _PEACEFUL.isdisjoint(case.requirements)
        ):
            deadline.disorderly = True
        deadline.reads_on |= bool(kinds & _LATE)
        short = {violation.entries[0] for violation in found if violation.kind in MISSING}
        behind = [one for one in probe.listeners if one.entry in short and one.open]
        await asyncio.gather(*(one.catch_up() for one in behind))
        return self._oracle.judge(probe.history, case) if behind or deadline.disorderly else found

    async def _leave(
        self, probe: Probe, *, stays: bool
    ) -> tuple[tuple[Listener, ...], list[Violation]]:
        """Ends the case's tasks, leaves its subscriptions, closes its own clients.

        Returns:
            The subscriptions that stay open (those of shared clients, if `stays`), and the breaches.
        """
        await end(*probe.tasks.running, grace_s=self._context.deadline.current_s)
        own = set(probe.access.own)
        still_open = [one for one in probe.listeners if one.open]
        leaving = [one for one in still_open if not stays or one.client in own]
        for listener in leaving:
            listener.drain()
        await asyncio.sleep(0)
        wrong = await leave_all(tuple(leaving))
        for client in probe.access.own:
            await self._context.clients.services.leave(client)
            problem = await client.leave()
            if problem is not None and client.tainted in (None, CLOSED_BY_CASE):
                wrong.append(closing_violation(client, problem))
        return tuple(one for one in still_open if one not in leaving), wrong

    async def judge(
        self,
        requirements: Sequence[str],
        name: str,
        body: Callable[[Probe], Awaitable[None]],
    ) -> tuple[History, tuple[Violation, ...]]:
        """Judges a body with a history of its own, within a case; nothing of it stays open.

        Raises:
            Undecided: it could not be decided.
        """
        probe = self.probe(requirements, History(name, self._context.clock))
        ending = await execute(probe, lambda: body(probe), self._limits.case_s)
        fault = await self._take_fault()
        await end(*probe.tasks.running, grace_s=self._context.deadline.current_s)
        found = [*await self._look_twice(probe), *probe.violations]
        found += (await self._leave(probe, stays=False))[1]
        if fault is not None:
            raise Undecided(fault, "driver")
        if reason := asked_too_much(probe, ending, found):
            raise NotOffered(reason)
        if (starved := _starved()) is not None:
            raise Undecided(starved)
        if ending.message is not None and not found:
            raise Undecided(ending.message, ending.blame or "suite")
        return probe.history, tuple(found)

    def _note_blocked(self, probe: Probe) -> None:
        blocked = self._watchdog.take()
        if blocked is not None and not probe.violations:
            probe.found("no call to block the event loop", f"blocked in {blocked}")

    async def _take_fault(self) -> str | None:
        """Returns how the driver failed in this case, if it did; parked subscriptions are lost then."""
        fault = await self._context.clients.take_fault()
        if fault is not None:
            self._auditor.lose_parked()
            self.on_fault()
        return fault
