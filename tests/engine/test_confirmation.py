"""Failures that rest on shortened waits are confirmed with full ones, and no slow bus is charged for it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import count

import pytest

from engine.hostile import Hostile, instance, new_session
from eventhook_conformance.checker import MISSING, Violation
from eventhook_conformance.contract import EventPattern
from eventhook_conformance.engine.confirmation import Hasty, choose, confirm
from eventhook_conformance.engine.events import EngineEvent, ResultRevised
from eventhook_conformance.engine.limits import Limits
from eventhook_conformance.engine.resolve_target import ResolvedTarget
from eventhook_conformance.engine.runner import judge_subject
from eventhook_conformance.probe import Probe
from eventhook_conformance.results import CaseOutcome, CaseResult, RunResult
from eventhook_conformance.settings import Settings
from eventhook_conformance.specification import Instance
from eventhook_reference.mutants.base import Event, Member, PliableClient

SETTINGS = Settings(arrival_timeout_s=2.0, settle_s=0.0)
LOST = tuple(f"lost::{number}" for number in range(6))
SLOW = ("slow::1", "slow::2")
SLOW_S = 0.6
"""Longer than a shortened wait, shorter than a full one."""


def named(identifier: str) -> Instance:
    about = "PUB-09" if identifier.startswith("slow") else "PUB-01"
    return replace(instance(reads_one, about, implicates=MISSING), id=identifier)


async def reads_one(probe: Probe) -> None:
    tenant = probe.make.tenant()
    listener = await probe.subscribe(EventPattern.all(tenant))
    kind = "slow.one" if probe.history.case.startswith("slow") else "lost.one"
    event = probe.make.event(tenant, kind)
    await probe.publish(event)
    await listener.receive(event)


class LosesSomeAndIsSlowWithOthers(PliableClient):
    def hand(self, member: Member, event: Event) -> None:
        match event.event_type:
            case "lost.one":
                pass
            case "slow.one":
                asyncio.get_running_loop().call_later(SLOW_S, super().hand, member, event)
            case _:
                super().hand(member, event)


class LosesNowAndThen(PliableClient):
    """Loses two events of one type, and all of another."""

    lost = count()

    def hand(self, member: Member, event: Event) -> None:
        if event.event_type == "lost.one":
            return
        if event.event_type != "slow.one" or next(self.lost) >= len(SLOW):
            super().hand(member, event)


def run(client: type[PliableClient], *names: str) -> tuple[RunResult, list[ResultRevised]]:
    revised: list[ResultRevised] = []

    def watch(event: EngineEvent) -> None:
        if isinstance(event, ResultRevised):
            revised.append(event)

    target = Hostile(client).target
    subject = ResolvedTarget(target.name, target, target.capabilities)
    cases = [named(name) for name in names]
    # Four fill the place, and their waits have run out when the next begin.
    limits = Limits(concurrent_cases=4)
    return judge_subject(subject, SETTINGS, cases, [watch], limits), revised


def outcomes(result: RunResult) -> dict[str, str]:
    return {one.id: one.outcome for one in result.cases}


def test_what_is_only_slow_is_not_charged() -> None:
    result, revised = run(LosesSomeAndIsSlowWithOthers, *LOST, *SLOW)
    assert outcomes(result) == dict.fromkeys(LOST, "failed") | dict.fromkeys(SLOW, "passed")
    assert {one.after.id for one in revised} >= set(SLOW)


def test_what_is_lost_now_and_then_stays_charged() -> None:
    LosesNowAndThen.lost = count()
    result, revised = run(LosesNowAndThen, *LOST, *SLOW)
    assert set(outcomes(result).values()) == {"failed"}
    assert not revised


# By hand


def result(identifier: str, *requirements: str, outcome: CaseOutcome = "failed") -> CaseResult:
    found = Violation("lost", requirements, "it to arrive", "it did not", ())
    return CaseResult(
        id=identifier,
        requirements=requirements,
        outcome=outcome,
        violations=(found,) if outcome == "failed" else (),
    )


def hasty(*names: str) -> dict[str, Hasty]:
    return {name: Hasty(named(name), 0.1) for name in names}


def test_one_case_stands_for_all_that_are_charged_alike() -> None:
    results = [result("a", "PUB-01"), result("b", "PUB-01"), result("c", "PUB-01", "PUB-06")]
    assert choose(hasty("a", "b", "c"), results) == ["c"]


def test_what_a_full_wait_showed_needs_no_other() -> None:
    results = [result("a", "PUB-01"), result("b", "PUB-01"), result("c", "PUB-06")]
    assert choose(hasty("b", "c"), results) == ["c"]


def test_a_case_with_clients_of_its_own_stands_for_no_other() -> None:
    given = hasty("a", "b")
    alone = replace(given["a"].instance, case=replace(given["a"].instance.case, clients=1))
    given["a"] = Hasty(alone, 0.1)
    assert choose(given, [result("a", "PUB-01"), result("b", "PUB-01")]) == ["b"]


def test_but_for_what_no_other_shows() -> None:
    given = hasty("a", "b")
    alone = replace(given["a"].instance, case=replace(given["a"].instance.case, exclusive="cleans"))
    given["a"] = Hasty(alone, 0.1)
    assert choose(given, [result("a", "PUB-01", "CLN-08"), result("b", "PUB-01")]) == ["b", "a"]


@pytest.mark.parametrize(
    ("took_s", "changed"),
    [(0.05, []), (0.5, ["a", "b"])],
    ids=["soon-as-others", "after-a-long-wait"],
)
def test_only_a_target_that_is_slow_is_judged_again_as_a_whole(
    took_s: float, changed: list[str]
) -> None:
    async def run_again(given: Iterable[Instance]) -> Sequence[tuple[CaseResult, float]]:
        return [(result(one.id, "PUB-01", outcome="passed"), took_s) for one in given]

    results = [result("a", "PUB-01"), result("b", "PUB-01")]
    revisions = asyncio.run(confirm(hasty("a", "b"), results, run_again))
    assert [one.after.id for one in revisions] == changed


def test_what_cannot_be_decided_again_is_undecided() -> None:
    async def run_again(given: Iterable[Instance]) -> Sequence[tuple[CaseResult, float]]:
        return [(result(one.id, "PUB-01", outcome="error"), 0.5) for one in given]

    results = [result("a", "PUB-01"), result("b", "PUB-01")]
    revisions = asyncio.run(confirm(hasty("a", "b"), results, run_again))
    assert {one.after.id: one.after.outcome for one in revisions} == {"a": "error", "b": "error"}


@pytest.mark.parametrize("interrupted", [True, False])
def test_what_an_interrupted_run_could_not_confirm_is_undecided(interrupted: bool) -> None:
    async def finish() -> dict[str, str]:
        session = new_session(Hostile().target)
        session.result.cases += [result("a", "PUB-01"), result("b", "PUB-06")]
        session.runner.hasty.update(hasty("a"))
        if interrupted:
            session.interrupt("interrupted")
        await session.finish()
        return outcomes(session.result)

    expected = {"a": "error" if interrupted else "failed", "b": "failed"}
    assert asyncio.run(finish()) == expected
