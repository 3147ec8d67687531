"""One run: one target, judged case by case.

Over 300 lines: a run is started, judged and finished in one place.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from time import perf_counter
from typing import Final

from eventhook_conformance.checker import check
from eventhook_conformance.engine.auditor import Auditor, Revision
from eventhook_conformance.engine.case_runner import STARVED, CaseRunner
from eventhook_conformance.engine.circuit_breaker import CircuitBreaker
from eventhook_conformance.engine.concurrency import (
    choose_concurrency,
    choose_overlap,
    choose_stream_concurrency,
)
from eventhook_conformance.engine.confirmation import confirm, undecided
from eventhook_conformance.engine.dead_tasks import DeadTasks
from eventhook_conformance.engine.events import (
    CaseFinished,
    CaseGoesOn,
    CaseStarted,
    EngineEvent,
    EventSubscriber,
    ResultRevised,
    RunFinished,
    RunStarted,
)
from eventhook_conformance.engine.leaks import LeakWatch
from eventhook_conformance.engine.limits import Limits
from eventhook_conformance.engine.loop_watchdog import Watchdog
from eventhook_conformance.engine.oracle import Checker, Oracle
from eventhook_conformance.engine.outcome import not_claimed, not_run
from eventhook_conformance.engine.resolve_target import ResolvedTarget
from eventhook_conformance.engine.scheduler import Scheduler
from eventhook_conformance.engine.smoke_test import (
    SmokeReport,
    look_for_order,
    smoke_test,
    still_works,
)
from eventhook_conformance.history import Clock, Ledger
from eventhook_conformance.probe import Deadline, RunContext
from eventhook_conformance.probe.client_pool import ClientPool
from eventhook_conformance.probe.deadline import Meter
from eventhook_conformance.probe.stacks import hung
from eventhook_conformance.probe.starvation import StarvationMeter
from eventhook_conformance.probe.turns import Turn, current
from eventhook_conformance.programs.saved import save_program
from eventhook_conformance.results import CaseResult, RunResult
from eventhook_conformance.settings import Settings
from eventhook_conformance.specification import Instance
from eventhook_conformance.specification.requirements import asked_in

_LONGEST_QUEUE: Final = 200
"""Calls that may be under way before another: a hundred publishes on each of two clients."""
REPLAY_SINCE: Final = "1.1"
"""The version of the specification that has replay; a target is judged by an older one as before."""


class Session:
    """Opens a target, judges cases, and closes everything. Call `start`, `judge`…, `finish`.

    Args:
        subject: the target, and the claims that are tested.
        settings: the user's settings.
        planned: the cases that will be asked for, in that order; independent ones may start early.
        subscribers: are told what happens, in order.
        limits: the engine's own limits.
        checker: judges one history.
        meter: counts the time without a processor.
        confirms: `confirm` is called at the end, so that failures may rest on short waits until then.
    """

    def __init__(
        self,
        subject: ResolvedTarget,
        settings: Settings,
        planned: Iterable[Instance] = (),
        subscribers: Sequence[EventSubscriber] = (),
        limits: Limits | None = None,
        checker: Checker = check,
        meter: Meter | None = None,
        *,
        confirms: bool = True,
    ) -> None:
        limits = limits or Limits()
        self.name = subject.name
        self.capabilities = subject.capabilities
        self.result = RunResult(
            target=subject.target.name,
            capabilities=subject.capabilities,
            settings=settings,
            invoked_as=subject.name,
            about=subject.target.about,
        )
        self._settings = settings
        self._limits = limits
        self._planned = [one for one in planned if one.unmet(self.capabilities) is None]
        self._subscribers = tuple(subscribers)
        clock, ledger = Clock(), Ledger()
        self._processes = any("processes" in one.asks_for for one in self._planned)
        self._meter = meter
        self._confirms = confirms
        deadline = Deadline(settings.arrival_timeout_s, meter)
        self.context = RunContext(
            target=subject.target,
            capabilities=subject.capabilities,
            settings=settings,
            clock=clock,
            deadline=deadline,
            ledger=ledger,
            clients=ClientPool(
                replace(subject.target, capabilities=subject.capabilities),
                deadline,
                clock,
                limits.open_s,
                subject.found_as,
            ),
            replaying=(
                subject.capabilities.replay
                if asked_in(REPLAY_SINCE, settings.specification)
                else ()
            ),
        )
        self._oracle = Oracle(subject.capabilities, ledger, checker, deadline)
        self._auditor = Auditor(
            self.context.clients,
            self._oracle,
            min(limits.parked, subject.capabilities.max_subscriptions // 2),
            deadline,
        )
        blocked_s = limits.blocked_s or max(5.0, 2 * settings.arrival_timeout_s)
        self._watchdog = Watchdog(blocked_s)
        self.runner = CaseRunner(self.context, self._oracle, self._auditor, self._watchdog, limits)
        self._breaker = CircuitBreaker(self._check_target, limits, self._starved_s)
        self._scheduler: Scheduler | None = None
        self._begun = 0
        self._began = 0.0
        self._finished = self._interrupted = False
        self._leaks: LeakWatch | None = None
        self._revised: dict[str, CaseResult] = {}
        """Results that an audit changed before they were announced."""

    @property
    def stopped(self) -> bool:
        """True if no more cases can be judged: the target is unusable or silent, or the run ends."""
        return self.result.unusable is not None or self.result.silent or self._interrupted

    @property
    def why_stopped(self) -> str:
        """Why no more cases can be judged, in words."""
        found = self.result
        return found.unusable or found.suite_failure or "the target delivers nothing"

    @property
    def has_enough_failures(self) -> bool:
        """True if as many cases failed or stayed undecided as may end the run."""
        most = self._settings.max_failures
        if most is None:
            return False  # most runs: the cases need not be counted after each
        counts = self.result.summary
        return counts["failed"] + counts["error"] >= most

    async def start(self) -> None:
        """Opens the target and checks that it is wired; `stopped` tells the outcome."""
        self._began = perf_counter()
        if self._meter is None:
            elsewhere = self._processes or not self.capabilities.in_process
            self.context.deadline.meter = StarvationMeter(elsewhere=elsewhere)
        self._tell(RunStarted(self.name, len(self._planned)))
        self._leaks = LeakWatch()
        dead = self.runner.dead_tasks = DeadTasks()
        self.context.deadline.on_vain = dead.search
        noted: list[str] = []
        token = hung.set(noted)
        Turn(pace="patient").take()
        report = await smoke_test(self.context, self.runner.probe)
        starved = current().starved
        Turn().take()
        hung.reset(token)
        if starved and (report.unusable or report.broken or report.silence):
            self.interrupt(STARVED)
            return
        self._take_smoke_report(report, noted)
        self.context.distance.round_trip_s = report.round_trip_s
        self.context.distance.in_turn = report.in_turn
        if report.in_turn:
            self.context.deadline.queue_s = report.round_trip_s * _LONGEST_QUEUE
        claimed = self.capabilities
        width = choose_concurrency(
            claimed,
            report.round_trip_s,
            self._settings.at_once,
            self._limits,
            in_turn=report.in_turn,
        )
        if width > 1 and not self.stopped:
            # Of many at once the first would be charged by what only later ones show.
            await look_for_order(self.context, self.runner.probe)
        self._scheduler = Scheduler(
            self._judge,
            width,
            choose_stream_concurrency(claimed, self._settings.at_once, self._limits),
            choose_overlap(claimed, self._settings.at_once, self._limits),
            claimed.max_subscriptions - self._auditor.budget,
            claimed.max_clients - self._limits.shared_clients,
            multi_client=claimed.multi_client,
            in_a_hurry=lambda: self.context.deadline.is_often_in_vain,
            confirms=self._confirms,
            depth=self._settings.depth,
        )
        self.runner.on_fault = self._scheduler.disturb
        self.runner.on_long = self._say_it_goes_on
        if not self.stopped:
            if self._processes:
                self.context.clients.start_second_process()
            self._scheduler.start(self._planned)

    def _take_smoke_report(self, report: SmokeReport, noted: Sequence[str]) -> None:
        died = self.runner.dead_tasks.died() if self.runner.dead_tasks else ()
        if report.unusable is not None:
            told = [*(f"stands at {one}" for one in noted), *(f"died: {one}" for one in died)]
            reason = "; ".join([report.unusable, *told])
            self.result.unusable = f"target {self.name!r} cannot be used: {reason}"
        elif report.broken is not None:
            self._announce(replace(report.broken, hung=tuple(noted), died=died))
        elif report.silence is not None:
            self.result.silent = True
            self._announce(replace(report.silence, hung=tuple(noted), died=died))

    async def judge(self, instance: Instance) -> CaseResult:
        """Runs a case (or takes its result, if it started early), announces and returns its result.

        Raises:
            RuntimeError: the session is not started.
        """
        result = await self.judge_or_put_off(instance)
        return result or await self.judge(instance)

    async def judge_or_put_off(self, instance: Instance) -> CaseResult | None:
        """Judges a case as `judge` does; returns None if other cases may have disturbed it.

        That case runs alone next.

        Raises:
            RuntimeError: the session is not started.
        """
        if self._scheduler is None:
            raise RuntimeError("expected a started session, got a new one")
        result = await self._scheduler.result(instance)
        if self._scheduler.doubts(instance, result):
            self._revised.pop(result.id, None)
            return None
        result = self._revised.pop(result.id, result)
        self._announce(result)
        return result

    def puts_off(self, instance: Instance) -> bool:
        """Returns whether a case that runs alone had better run after those that wait side by side.

        Waits that run out side by side run out at the same time, and shorten the waits after them.
        """
        return (
            instance.case.phase == 0
            and self.context.deadline.in_vain
            and self._scheduler is not None
            and self._scheduler.overlaps
        )

    def skip(self, instance: Instance, reason: str) -> None:
        """Announces a case that does not apply to the target's claims."""
        self._announce(not_claimed(instance, reason))

    async def confirm(self) -> None:
        """Judges cases again that failed after shortened waits, with full waits; revises their results."""
        hasty = dict(self.runner.hasty)
        self.runner.hasty.clear()
        if hasty and self._scheduler is not None and self._breaker.reason is None:
            self._revise(await confirm(hasty, self.result.cases, self._scheduler.run_again))

    async def finish(self) -> None:
        """Listens once more, revises results by late arrivals, and closes everything.

        Safe to call twice.
        """
        if self._finished:
            return
        self._finished = True
        try:
            if self._scheduler is not None:
                if self._interrupted:
                    self._announce_unasked(self._scheduler.finished())
                await self._scheduler.close()
            if self._interrupted:
                self._revise(undecided(self.runner.hasty, self.result.cases))
            with self._watchdog.watching():
                self._revise(await self._auditor.audit(self._settings.settle_s))
        finally:
            self._watchdog.stop()
            self.result.kit = self.context.clients.kit
            failed = await self.context.clients.close()
            self._fail(failed or self._oracle.failure or self._auditor.failure)
            # A case that ran again may be named twice.
            self.result.unaudited += dict.fromkeys(self._auditor.unaudited)
            if self._leaks is not None and self.result.suite_failure is None:
                self.result.leaked = await self._leaks.left()
            self.result.duration_s = perf_counter() - self._began
            self._tell(RunFinished(self.name, self.result))

    def interrupt(self, why: str) -> None:
        """Says that the run ends before all cases were judged; `finish` comes next."""
        if not self._finished:
            self._interrupted = True
            self._fail(why)

    async def _judge(self, instance: Instance) -> CaseResult:
        if (reason := await self._breaker.why_open()) is not None:
            return not_run(instance, reason, self._breaker.blame)
        judged = await self._run(instance)
        await self._breaker.record(judged)
        return judged

    def _say_it_goes_on(self, case: str) -> None:
        self._tell(CaseGoesOn(self.name, case))

    async def _run(self, instance: Instance) -> CaseResult:
        self._tell(CaseStarted(self.name, instance.id))
        judged = await self.runner.run(instance, swap_clients=self._swap_clients())
        self._revise(judged.revisions)
        tainted = any(client.tainted_by not in (None, instance.id) for client in judged.used)
        if judged.result.outcome != "passed" and tainted:
            # Another case broke the client that this case used, which says nothing about this case.
            judged = await self.runner.run(instance, swap_clients=self._swap_clients())
            self._revise(judged.revisions)
        return self._saved(judged.result)

    @property
    def _concurrent(self) -> bool:
        return self._scheduler is not None and self._scheduler.concurrent

    def _swap_clients(self) -> bool:
        """Returns whether the shared clients change places: for every second one of concurrent cases."""
        self._begun += 1
        return self._concurrent and self.capabilities.multi_client and self._begun % 2 == 0

    def _starved_s(self) -> float:
        return self.context.deadline.meter.read()

    async def _check_target(self) -> str | None:
        before = self.context.deadline.undecided
        trouble = await still_works(self.context, self.runner.probe)
        # In vain for lack of a processor, it says nothing of the target.
        return trouble if self.context.deadline.undecided == before else None

    def _saved(self, result: CaseResult) -> CaseResult:
        """Saves a random program that broke the target, so that it can be played again."""
        if result.program is None or self._settings.failures is None:
            return result
        try:
            path = save_program(self._settings.failures, self.name, result.id, result.program)
        except OSError as error:
            self._fail(f"a failing program could not be saved: {error}")
            return result
        return replace(result, saved=str(path))

    def _announce_unasked(self, results: Iterable[CaseResult]) -> None:
        """Announces the results of cases that started early, and that nobody will ask for any more."""
        announced = {one.id for one in self.result.cases}
        for result in results:
            if result.id not in announced:
                self._announce(self._revised.pop(result.id, result))

    def _announce(self, result: CaseResult) -> None:
        self.result.cases.append(result)
        self._tell(CaseFinished(self.name, result))

    def _revise(self, revisions: Iterable[Revision]) -> None:
        for before, after in revisions:
            place = self._place(before)
            if place is None:
                self._revised[before.id] = after
            else:
                self.result.cases[place] = after
                self._tell(ResultRevised(self.name, before, after))

    def _place(self, result: CaseResult) -> int | None:
        """Returns the place of a result among those announced; None if it was not announced yet."""
        for place, announced in enumerate(self.result.cases):
            if announced.id == result.id:
                return place
        return None

    def _fail(self, why: str | None) -> None:
        self.result.suite_failure = self.result.suite_failure or why

    def _tell(self, event: EngineEvent) -> None:
        for subscriber in self._subscribers:
            subscriber(event)
