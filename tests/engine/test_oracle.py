"""The oracle: charges the checker's violations, at the end of a case and after late arrivals."""

from __future__ import annotations

from checker.builder import Timeline
from engine.hostile import CLAIMS, before, instance
from eventhook_conformance.checker import Violation
from eventhook_conformance.engine.execution import Ending
from eventhook_conformance.engine.oracle import Oracle
from eventhook_conformance.engine.parking import Parked
from eventhook_conformance.history import Ledger, Publish, Subscribed
from eventhook_conformance.results import CaseResult
from eventhook_conformance.specification import Case

CASE = instance(before, "PUB-12", implicates={"lost", "lost-first"}).case


def loses_one(at: Timeline) -> tuple[Subscribed, Publish]:
    """Returns a history in which the second of two events overtook the first."""
    s = at.subscribe()
    first, second = at.publishes(2)
    at.deliver(s, second)
    return s, first


def parked(at: Timeline, charged: list[Violation], case: Case = CASE) -> Parked:
    result = CaseResult(id="own::case", requirements=case.requirements, outcome="failed")
    return Parked(result, case, at.history, Ending(), tuple(charged), (), (), 0)


def identifiers(violations: list[Violation]) -> list[str]:
    return sorted({one for violation in violations for one in violation.requirements})


def test_a_breach_is_charged_to_its_requirement_and_to_an_implicated_case() -> None:
    at = Timeline()
    loses_one(at)
    oracle = Oracle(CLAIMS, Ledger())
    assert "PUB-12" not in identifiers(oracle.judge(at.history))
    assert "PUB-12" in identifiers(oracle.judge(at.history, CASE))


def test_an_event_that_comes_late_is_reordered_and_not_lost() -> None:
    at = Timeline()
    s, first = loses_one(at)
    oracle = Oracle(CLAIMS, Ledger())
    charged = oracle.judge(at.history, CASE)
    assert {one.kind for one in charged} <= {"lost", "lost-first"}
    at.deliver(s, first)
    late = oracle.judge_late(parked(at, charged), [])
    assert late is not None
    assert identifiers(late) == ["PUB-06"]


def test_nothing_late_changes_nothing() -> None:
    at = Timeline()
    loses_one(at)
    oracle = Oracle(CLAIMS, Ledger())
    assert oracle.judge_late(parked(at, oracle.judge(at.history, CASE)), []) is None


def test_a_checker_that_fails_is_remembered_and_charges_nothing() -> None:
    def fail(*_: object) -> list[Violation]:
        raise IndexError("off by one")

    oracle = Oracle(CLAIMS, Ledger(), fail)
    at = Timeline()
    assert oracle.judge(at.history) == []
    assert oracle.failure == "the checker failed on the case: IndexError: off by one"
    assert oracle.judge_late(parked(at, []), []) is None
