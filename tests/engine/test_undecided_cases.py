"""A case that a busy machine left undecided is judged again, a few times; its neighbours are not."""

from __future__ import annotations

import asyncio

import pytest

from engine.hostile import Hostile, examine, instance
from eventhook_conformance.contract import EventPattern
from eventhook_conformance.engine.case_runner import STARVED
from eventhook_conformance.engine.circuit_breaker import CircuitBreaker
from eventhook_conformance.engine.limits import Limits
from eventhook_conformance.engine.undecided_cases import UndecidedCases
from eventhook_conformance.probe import Probe
from eventhook_conformance.probe.deadline import Meter
from eventhook_conformance.probe.turns import Turn
from eventhook_conformance.results import CaseOutcome, CaseResult
from eventhook_conformance.settings import Settings
from eventhook_reference.mutants.base import Event, Member, PliableClient


class DeliversLateOnes(PliableClient):
    """Loses the first `lost` events of one type."""

    lost = 0
    published = 0

    def hand(self, member: Member, event: Event) -> None:
        if event.event_type == "late.event":
            DeliversLateOnes.published += 1
            if DeliversLateOnes.published <= DeliversLateOnes.lost:
                return
        super().hand(member, event)


class Busy:
    """A meter for which waits are starved all the time, until so many events were published."""

    def __init__(self, until: int = 10**6) -> None:
        self._until, self._now = until, 0.0

    def read(self) -> float:
        self._now += 1000 * (DeliversLateOnes.published < self._until)
        return self._now


async def reads_one(probe: Probe) -> None:
    tenant = probe.make.tenant()
    listener = await probe.subscribe(EventPattern.all(tenant))
    event = probe.make.event(tenant, "late.event")
    await probe.publish(event)
    await listener.receive(event)


def judge(lost: int, meter: Meter) -> tuple[CaseOutcome, str | None]:
    """Judges a target that loses so many events; returns how the case ended."""
    DeliversLateOnes.lost, DeliversLateOnes.published = lost, 0
    settings = Settings(arrival_timeout_s=0.02, settle_s=0.0)
    cases = [instance(reads_one)]
    result = examine(Hostile(DeliversLateOnes).target, cases, settings=settings, meter=meter)
    (case,) = result.cases
    return case.outcome, case.message


def test_it_is_judged_again() -> None:
    assert judge(2, Busy()) == ("passed", None)
    assert DeliversLateOnes.published == 3, "the first time it reads on, and publishes twice"


def test_three_times_at_most() -> None:
    assert judge(10, Busy()) == ("error", STARVED)
    assert DeliversLateOnes.published == 4


def test_on_a_machine_that_is_not_busy_any_more_a_breach_is_charged() -> None:
    outcome, _ = judge(10, Busy(until=3))
    assert outcome == "failed"
    assert DeliversLateOnes.published == 3


class LosesTheFirst(DeliversLateOnes):
    """Loses all events until so many were published."""

    def hand(self, member: Member, event: Event) -> None:
        DeliversLateOnes.published += 1
        if DeliversLateOnes.published > DeliversLateOnes.lost:
            PliableClient.hand(self, member, event)


def test_a_busy_machine_makes_no_target_silent() -> None:
    DeliversLateOnes.lost, DeliversLateOnes.published = 10**6, 0
    settings = Settings(arrival_timeout_s=0.02, settle_s=0.0)
    result = examine(
        Hostile(LosesTheFirst).target, [instance(reads_one)], settings=settings, meter=Busy()
    )
    assert (result.verdict, result.suite_failure) == ("inconclusive", STARVED)
    assert not result.silent
    assert not result.unusable


@pytest.mark.asyncio
@pytest.mark.parametrize(("limit_s", "opens"), [(0.0, True), (600.0, False)])
async def test_a_machine_that_is_too_busy_for_all_cases_ends_the_run_in_the_end(
    limit_s: float, opens: bool
) -> None:
    starve()

    async def never_asked() -> str | None:
        raise AssertionError("expected no look at the target")

    breaker = CircuitBreaker(never_asked, Limits(hopeless_cases=9, starved_s=limit_s))
    for number in range(9):
        assert breaker.reason is None
        await breaker.record(result(f"own::{number}"))
    assert (breaker.reason is not None) is opens
    assert not opens or breaker.blame == "suite"


# By hand


def result(identifier: str, outcome: CaseOutcome = "error") -> CaseResult:
    return CaseResult(id=identifier, requirements=("PUB-01",), outcome=outcome)


def starve(*, starved: bool = True) -> None:
    turn = Turn()
    turn.starved = starved
    turn.take()


@pytest.mark.asyncio
async def test_once_three_repeats_in_a_row_decided_nothing_no_other_is_repeated() -> None:
    starve()
    cases = UndecidedCases()
    for name in "abc":
        cases.note(result(name))
        assert cases.repeats(name)
    for name in "ab":
        cases.note(result(name))
        assert cases.repeats(name)
    cases.note(result("c"))
    assert not cases.repeats("c")
    cases.note(result("d"))
    assert not cases.repeats("d")


@pytest.mark.asyncio
async def test_a_case_that_was_decided_is_not_repeated() -> None:
    cases = UndecidedCases()
    starve()
    cases.note(result("a", "failed"))
    starve(starved=False)
    cases.note(result("b"))
    assert not cases.repeats("a")
    assert not cases.repeats("b")


@pytest.mark.asyncio
async def test_a_wait_without_a_processor_says_nothing_of_the_cases_beside_it() -> None:
    cases = UndecidedCases()

    async def ends(name: str, starved: bool) -> None:
        starve(starved=starved)
        await asyncio.sleep(0)
        cases.note(result(name))

    await asyncio.gather(ends("a", True), ends("b", False))
    assert cases.repeats("a")
    assert not cases.repeats("b")
