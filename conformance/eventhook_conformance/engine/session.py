"""One run: one target, judged case by case."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import AsyncExitStack
from functools import partial
from typing import Final

from eventhook_conformance.checker import Violation, condense
from eventhook_conformance.engine.circuit_breaker import CircuitBreaker
from eventhook_conformance.engine.execution import act, closing_violation, decide, not_run, stands
from eventhook_conformance.engine.loop_watchdog import Watchdog
from eventhook_conformance.engine.oracle import Oracle
from eventhook_conformance.engine.parking import Parked, Parking, leave_all
from eventhook_conformance.engine.scheduler import (
    Scheduler,
    choose_concurrency,
    choose_stream_concurrency,
)
from eventhook_conformance.history import Clock, History, Ledger
from eventhook_conformance.probe import Client, Deadline, Probe, Undecided
from eventhook_conformance.probe.client import CLOSED_BY_CASE
from eventhook_conformance.probe.client_pool import Clients
from eventhook_conformance.probe.containment import end
from eventhook_conformance.programs.saved import save_program
from eventhook_conformance.results import CaseResult, RunResult
from eventhook_conformance.settings import Settings
from eventhook_conformance.specification import Case, Instance
from eventhook_conformance.target import Capabilities, Target

_PARKED: Final = 400


class Run:
    """Opens the target's clients, runs cases through them, and judges what they saw.

    Args:
        target: what is judged.
        capabilities: its claims, narrowed to the profiles that are tested.
        settings: how long to wait, and the like.
        name: what the user calls the target on the command line, if not by its own name.
    """

    def __init__(
        self, target: Target, capabilities: Capabilities, settings: Settings, name: str = ""
    ) -> None:
        self.target = target
        self.name = name or target.name
        self.capabilities = capabilities
        self.settings = settings
        self.result = RunResult(
            target=target.name,
            capabilities=capabilities,
            settings=settings,
            invoked_as=self.name,
            about=target.about,
        )
        self.deadline = Deadline(settings.arrival_timeout_s)
        self.clock = Clock()
        self._ledger = Ledger()
        self._oracle = Oracle(capabilities, self._ledger, self._checker_failed)
        self._parking = Parking(min(_PARKED, capabilities.max_subscriptions // 2))
        self.clients = Clients(target, self.deadline, self.clock)
        self._judging: set[str] = set()
        self._begun = 0
        self._scheduler: Scheduler | None = None
        self.circuit_breaker = CircuitBreaker()
        self.round_trip_s = 0.0
        """The fastest that was seen before the first case, in seconds."""
        self.planned: Sequence[Instance] = ()
        """What will be asked for, in that order; cases that can run beside others may begin early."""
        self._watchdog = Watchdog(max(5.0, 2 * settings.arrival_timeout_s))
        self._began = 0.0
        self.finished = False
        """Its late arrivals are judged, and all of it is closed."""
        self.on_case: Callable[[Run, CaseResult], None] | None = None
        self.on_finished: Callable[[Run], None] | None = None

    async def start(self) -> None:
        """Enters the target's server, where it has one.

        Raises:
            TargetUnusable: that raised or hung.
        """
        self._began = time.perf_counter()
        await self.clients.start()

    async def judge(self, instance: Instance) -> CaseResult:
        """Runs one case and judges what it saw; the result is also entered in the run's.

        Where the target is far away, cases that were planned begin before they are asked for.
        """
        if self._scheduler is None:
            claimed = self.capabilities
            self._scheduler = Scheduler(
                self._judge,
                choose_concurrency(claimed, self.round_trip_s, self.settings.at_once),
                choose_stream_concurrency(claimed, self.settings.at_once),
                claimed.max_subscriptions - self._parking.budget,
                multi_client=claimed.multi_client,
            )
        planned, self.planned = self.planned, ()
        self._scheduler.start(planned)
        result = await self._scheduler.result(instance)
        self.note(result)
        return result

    async def _judge(self, instance: Instance) -> CaseResult:
        if self.circuit_breaker.why is not None:
            return not_run(instance, self.circuit_breaker.why)
        result = await self._judge_fairly(instance)
        await self.circuit_breaker.note(result)
        return result

    async def _judge_fairly(self, instance: Instance) -> CaseResult:
        result, used = await self._judge_once(instance)
        broken = any(client.tainted_by not in (None, instance.id) for client in used)
        if result.outcome != "passed" and broken and self._scheduler and self._scheduler.concurrent:
            # Another case broke a client under this one, which says nothing of this one.
            result, _ = await self._judge_once(instance)
        return result

    async def _judge_once(self, instance: Instance) -> tuple[CaseResult, Collection[Client]]:
        """The result of a case, and the shared clients that it used."""
        case = instance.case
        history = History(instance.id, self.clock)
        result = CaseResult(id=instance.id, requirements=case.requirements, outcome="passed")
        self._judging.add(result.id)
        began = time.perf_counter()
        if case.last:
            await self._leave_shared()
        elif case.exclusive:
            await self.audit()
        with self._watchdog.watching():
            probe = self.probe(case.requirements, history)
            result.history = history
            await act(probe, lambda: instance.body(probe, **instance.parameters), result)
            if probe.adopted is not None:
                result.program, result.history = probe.adopted
            self._note_blocked(probe)
            fault = await self._take_fault(result)
            charged = await self._oracle.first(probe, history, case)
            charged = [one for one in charged if stands(one, fault)]
            stated = [one for one in probe.violations if stands(one, fault)]
            wrong = await self._tidy(case, probe, result, charged, stated, stays=fault is None)
            if wrong and fault is None and (fault := await self._take_fault(result)):
                await self._retire_tainted()
            stated += [] if fault else wrong
        result.violations = condense([*charged, *stated])
        result.duration_s = time.perf_counter() - began
        decide(result)
        self._save(result)
        self._judging.discard(result.id)
        if not any(one.open for one in probe.listeners):
            self._forget(result)
        return result, probe.used

    def _checker_failed(self, why: str) -> None:
        self.result.suite_failure = why

    def _save(self, result: CaseResult) -> None:
        """Keeps a random program that broke the target, so that it can be played again."""
        if result.program is None or self.settings.failures is None:
            return
        try:
            path = save_program(self.settings.failures, self.name, result.id, result.program)
        except OSError as error:
            self.result.suite_failure = f"a failing program could not be saved: {error}"
        else:
            result.saved = str(path)

    def note(self, result: CaseResult) -> None:
        """Enters a result in the run's."""
        self.result.cases.append(result)
        if self.on_case is not None:
            self.on_case(self, result)

    def probe(self, requirements: Sequence[str], history: History) -> Probe:
        """What a case of these requirements acts through.

        Args:
            requirements: those that it is made for.
            history: where all it does is recorded.
        """
        return Probe(
            requirements=requirements,
            history=history,
            open_client=self.clients.open_client,
            shared=partial(self._shared, swap_clients=self._swap_clients()),
            target=self.target,
            server=self.clients.server,
            capabilities=self.capabilities,
            settings=self.settings,
            deadline=self.deadline,
            services=self.clients.services,
            judge_apart=self._judge_apart,
            note_published=lambda event: self._ledger.add(event, history.case),
        )

    def _swap_clients(self) -> bool:
        """Whether a case has the second client for its first: of those at once, every other one."""
        self._begun += 1
        concurrent = self._scheduler is not None and self._scheduler.concurrent
        return concurrent and self.capabilities.multi_client and self._begun % 2 == 0

    async def _shared(self, number: int, *, swap_clients: bool) -> Client:
        return await self.clients.shared(1 - number if swap_clients else number)

    async def _judge_apart(
        self,
        requirements: Sequence[str],
        name: str,
        body: Callable[[Probe], Awaitable[None]],
    ) -> tuple[History, tuple[Violation, ...]]:
        """Judges a body with a history of its own, within a case; nothing of it stays open.

        Raises:
            Undecided: it could not be decided.
        """
        history = History(name, self.clock)
        probe = self.probe(requirements, history)
        result = CaseResult(id=name, requirements=tuple(requirements), outcome="passed")
        await act(probe, lambda: body(probe), result)
        fault = await self._take_fault(result)
        await end(*probe.tasks, grace_s=self.deadline.current_s)
        found = [*await self._oracle.first(probe, history), *probe.violations]
        found += await leave_all(tuple(one for one in probe.listeners if one.open))
        for client in probe.own_clients:
            await client.leave()
        if fault or (result.message is not None and not found):
            raise Undecided(result.message or "", "driver" if result.blame == "driver" else "suite")
        return history, tuple(found)

    def _note_blocked(self, probe: Probe) -> None:
        blocked = self._watchdog.take()
        if blocked is not None and not probe.violations:
            probe.found("no call to block the event loop", f"blocked in {blocked}")

    async def _take_fault(self, result: CaseResult) -> str | None:
        """What broke between the suite and the bus in a case, which is undecided then.

        No shared client is used again, and what is parked on them cannot be heard any more.
        """
        fault = await self.clients.take_fault()
        if fault is not None:
            result.decided, result.blame, result.message = False, "driver", fault
            self._lose_parked()
        return fault

    def _lose_parked(self) -> None:
        self.result.unaudited += [one.result.id for one in self._parking]
        for client in self.clients.all_shared():
            client.tainted = client.tainted or "its driver failed"
            for parked in self._parking:
                parked.excuse(client)

    async def _tidy(
        self,
        case: Case,
        probe: Probe,
        result: CaseResult,
        charged: Sequence[Violation],
        stated: Sequence[Violation],
        *,
        stays: bool,
    ) -> list[Violation]:
        """Parks what is open (if it stays), closes the case's own clients, replaces suspect ones."""
        await end(*probe.tasks, grace_s=self.deadline.current_s)
        own = {client.name for client in probe.own_clients}
        open_listeners = [one for one in probe.listeners if one.open]
        leaving = [
            one for one in open_listeners if not (stays and case.parks) or one.client.name in own
        ]
        for listener in leaving:
            listener.drain()
        await asyncio.sleep(0)
        wrong = await leave_all(tuple(leaving))
        for client in probe.own_clients:
            await self.clients.services.leave(client)
            problem = await client.leave()
            if problem is not None and client.tainted in (None, CLOSED_BY_CASE):
                wrong.append(closing_violation(client, problem))
        parked = tuple(one for one in open_listeners if one not in leaving)
        if parked:
            judged = sum(len(one.entry.deliveries) for one in parked)
            account = Parked(
                result, case, probe.history, tuple(charged), (*stated, *wrong), parked, judged
            )
            self._parking.park(account)
        for one, violations in await self._parking.make_room():
            self._settle_account(one, violations)
        await self._retire_tainted()
        return wrong

    async def _retire_tainted(self) -> None:
        if len(self._judging) > 1:
            return  # others may still act through it; the last of them closes it
        for client in self.clients.all_shared():
            if client.tainted:
                await self._retire(client)

    async def _retire(self, client: Client) -> None:
        """Closes a shared client that no other case should use; what is parked on it leaves first."""
        for parked in self._parking.of(client):
            parked.excuse(client)
            self._settle_account(parked, await self._parking.remove(parked))
        await self.clients.retire(client)

    async def _leave_shared(self) -> None:
        """Nothing that other cases left is open when the server is broken; it was judged before."""
        await self.audit(self.settings.settle_s)
        for client in self.clients.all_shared():
            await self._retire(client)

    async def audit(self, settle_s: float = 0.0) -> None:
        """Has all parked subscriptions leave, and charges what came late to its cases."""
        if not len(self._parking):
            return
        silent_s = asyncio.get_running_loop().time() - self._parking.since_s
        if settle_s > silent_s:
            # The one sleep of a run: silence has no event that could be waited for.
            await asyncio.sleep(settle_s - silent_s)
        asked = list(self._parking)
        accounts = await self._parking.empty()
        fault = await self.clients.take_fault()
        if fault is not None:
            # It shows in no case, and what it kept from being heard might have failed many.
            self.result.suite_failure = fault
            self.result.unaudited += [one.result.id for one in asked]
            self._lose_parked()
            await self._retire_tainted()
            return
        for parked, violations in accounts:
            self._settle_account(parked, violations)

    def _settle_account(self, parked: Parked, leaving: list[Violation]) -> None:
        """Judges a case's history again, now that all it will ever get is in it."""
        if leaving or not parked.quiet:
            violations = self._oracle.last(parked, leaving)
            if violations is not None:
                parked.result.violations = condense(violations)
                decide(parked.result)
        self._forget(parked.result)

    def _forget(self, result: CaseResult) -> None:
        """A history that shows no breach is of no more use, and a run makes many."""
        if result.outcome == "passed" and result.id not in self._judging:
            result.history = None

    async def finish(self) -> None:
        """Listens once more, judges what came, closes everything; safe to call twice."""
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self._close)
            if self._scheduler is not None:
                await self._scheduler.close()
            with self._watchdog.watching():
                await self.audit(self.settings.settle_s)
        if not self.finished:
            self.finished = True
            self.result.duration_s = time.perf_counter() - self._began
            if self.on_finished is not None:
                self.on_finished(self)

    async def _close(self) -> None:
        self.result.kit = self.clients.kit
        self.result.suite_failure = await self.clients.close() or self.result.suite_failure
