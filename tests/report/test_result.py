"""The outcome of a run: requirements, verdicts, exit codes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from eventhook_conformance.checker import Violation
from eventhook_conformance.results import CaseOutcome, CaseResult, RunResult, exit_code
from eventhook_conformance.settings import Settings
from eventhook_conformance.specification.requirements import requirements
from eventhook_conformance.target import Capabilities

EVENTS = Capabilities(profiles={"events"})
CLAIMED = [one.id for one in requirements().values() if one.unmet(EVENTS) is None]
MUSTS = [one for one in CLAIMED if requirements()[one].level == "MUST"]
SHOULDS = [one for one in CLAIMED if requirements()[one].level == "SHOULD"]


def violation(*charged: str) -> Violation:
    return Violation("lost", charged, "it to come", "it did not")


def case(identifier: str, outcome: CaseOutcome = "passed", **members: Any) -> CaseResult:
    return CaseResult(
        id=f"made::{identifier}", requirements=(identifier,), outcome=outcome, **members
    )


def failed(identifier: str, *charged: str) -> CaseResult:
    return case(
        identifier, "failed", blame="target", violations=[violation(*(charged or (identifier,)))]
    )


def run(*changed: CaseResult, only: list[str] | None = None, **members: Any) -> RunResult:
    """Returns a run in which a case of every claimed requirement passed, except those given."""
    instead = {one.requirements[0] for one in changed}
    chosen = CLAIMED if only is None else only
    cases = [case(one) for one in chosen if one not in instead]
    members = {"capabilities": EVENTS, "settings": Settings(), **members}
    return RunResult(target="made", cases=[*cases, *changed], **members)


def outcome(result: RunResult, identifier: str) -> str:
    found = [one for one in result.requirement_results() if one.requirement.id == identifier]
    assert len(found) == 1
    return found[0].outcome


# Requirements


def test_all_requirements_are_reported_in_order() -> None:
    found = [one.requirement.id for one in run().requirement_results()]
    assert found == list(requirements())


def test_a_requirement_whose_case_completed_is_passed() -> None:
    assert outcome(run(), "PUB-01") == "passed"


def test_a_requirement_is_failed_where_a_violation_charges_it() -> None:
    result = run(failed("PUB-01"))
    assert outcome(result, "PUB-01") == "failed"
    assert outcome(result, "PUB-02") == "passed"


def test_a_violation_charges_whichever_case_saw_it() -> None:
    result = run(failed("PAT-01", "TEN-01"))
    assert outcome(result, "TEN-01") == "failed"
    assert outcome(result, "PAT-01") == "passed"


def test_a_charge_comes_before_an_error() -> None:
    result = run(failed("PAT-01", "TEN-01"), case("TEN-01", "error"))
    assert outcome(result, "TEN-01") == "failed"


def test_a_case_that_could_not_be_decided_is_an_error() -> None:
    assert outcome(run(case("PUB-01", "error")), "PUB-01") == "error"


def test_a_case_that_failed_for_another_reason_and_ended_early_decides_nothing() -> None:
    early = replace(failed("PUB-01", "PUB-02"), decided=False)
    assert outcome(run(early), "PUB-01") == "error"
    assert outcome(run(early), "PUB-02") == "failed"


def test_an_error_comes_before_a_pass() -> None:
    result = run()
    result.cases.append(case("PUB-01", "error"))
    assert outcome(result, "PUB-01") == "error"


def test_one_completed_case_is_enough() -> None:
    result = run()
    result.cases.append(case("PUB-01", "not_claimed"))
    assert outcome(result, "PUB-01") == "passed"


def test_what_is_not_claimed_says_why() -> None:
    by_id = {one.requirement.id: one for one in run().requirement_results()}
    assert by_id["STR-01"].outcome == "not_claimed"
    assert by_id["STR-01"].reason == "profile streams is not claimed"
    assert by_id["PUB-07"].outcome == "not_claimed"
    assert by_id["PUB-07"].reason == "needs total_order=True, claimed is False"
    assert by_id["PUB-01"].reason is None


def test_a_breach_of_what_is_not_claimed_is_a_breach() -> None:
    assert outcome(run(failed("PUB-01", "STR-04")), "STR-04") == "failed"


def test_a_claimed_requirement_without_a_case_is_untested() -> None:
    result = run(only=["PUB-01"])
    assert outcome(result, "PUB-02") == "untested"
    assert result.verdict == "inconclusive"


def test_every_case_is_named() -> None:
    by_id = {one.requirement.id: one for one in run().requirement_results()}
    assert by_id["PUB-01"].cases == ("made::PUB-01",)
    assert by_id["STR-01"].cases == ()


def test_a_selection_narrows_the_claim() -> None:
    result = run(
        only=["PUB-01"],
        settings=Settings(selection="PUB-01"),
        selectable={one: ["made"] for one in CLAIMED},
    )
    by_id = {one.requirement.id: one for one in result.requirement_results()}
    assert by_id["PUB-02"].outcome == "not_claimed"
    assert by_id["PUB-02"].reason == "not selected by -k 'PUB-01'"
    assert (result.verdict, exit_code([result])) == ("conformant", 0)


def test_a_selection_excuses_no_requirement_without_cases() -> None:
    result = run(only=["PUB-01"], settings=Settings(selection="PUB-01"))
    assert outcome(result, "PUB-02") == "untested"
    assert exit_code([result]) == 3


def test_a_selection_of_nothing_is_no_verdict() -> None:
    result = run(
        only=[],
        settings=Settings(selection="nothing"),
        selectable={one: ["made"] for one in CLAIMED},
    )
    assert (result.verdict, exit_code([result])) == ("inconclusive", 3)


def test_the_summary_counts_cases() -> None:
    result = run(failed("PUB-01"), case("PUB-02", "error"), case("STR-01", "not_claimed"))
    assert dict(result.summary) == {
        "passed": len(CLAIMED) - 2,
        "failed": 1,
        "error": 1,
        "not_claimed": 1,
    }


# Verdicts and exit codes


def test_all_that_is_claimed_holds() -> None:
    assert (run().verdict, exit_code([run()])) == ("conformant", 0)


@pytest.mark.parametrize("identifier", MUSTS)
def test_any_must_that_is_broken(identifier: str) -> None:
    result = run(failed(identifier))
    assert (result.verdict, exit_code([result])) == ("non-conformant", 1)


@pytest.mark.parametrize("identifier", SHOULDS)
def test_a_should_changes_nothing(identifier: str) -> None:
    assert SHOULDS
    for changed in (failed(identifier), case(identifier, "error"), case(identifier, "not_claimed")):
        result = run(changed)
        assert (result.verdict, exit_code([result])) == ("conformant", 0)


def test_a_should_alone_is_a_verdict_only_with_the_rest() -> None:
    assert run(only=SHOULDS).verdict == "inconclusive"


@pytest.mark.parametrize(
    "result",
    [run(only=[]), run(suite_failure="the suite tripped"), run(unusable="it cannot be opened")],
    ids=["nothing ran", "suite failure", "unusable"],
)
def test_no_verdict(result: RunResult) -> None:
    assert result.verdict == "inconclusive"


def test_nothing_but_cases_that_are_not_claimed_is_no_verdict() -> None:
    result = run(*(case(one, "not_claimed") for one in CLAIMED))
    assert (result.verdict, exit_code([result])) == ("inconclusive", 3)


def test_an_undecided_must_is_no_verdict() -> None:
    result = run(case("PUB-01", "error"))
    assert (result.verdict, exit_code([result])) == ("inconclusive", 3)


def test_a_breach_weighs_more_than_doubt() -> None:
    result = run(failed("PUB-01"), case("PUB-02", "error"), suite_failure="it tripped")
    assert (result.verdict, exit_code([result])) == ("non-conformant", 1)


def test_unusable_weighs_more_than_a_breach() -> None:
    assert exit_code([run(failed("PUB-01"), unusable="it cannot be opened")]) == 2


GOOD, BAD, OPEN = run(), run(failed("PUB-01")), run(case("PUB-01", "error"))
GONE = run(only=[], unusable="it cannot be opened")


@pytest.mark.parametrize(
    ("results", "code"),
    [
        ([GOOD], 0),
        ([GOOD, GOOD], 0),
        ([BAD], 1),
        ([GOOD, BAD], 1),
        ([OPEN], 3),
        ([GOOD, OPEN], 3),
        ([OPEN, BAD], 1),
        ([GOOD, BAD, OPEN], 1),
        ([GONE], 2),
        ([GOOD, GONE], 2),
        ([BAD, GONE], 2),
        ([OPEN, GONE], 2),
        ([GOOD, BAD, OPEN, GONE], 2),
        ([], 3),
    ],
)
def test_the_first_that_applies_to_any(results: list[RunResult], code: int) -> None:
    assert exit_code(results) == code
    assert exit_code(results[::-1]) == code


@pytest.mark.parametrize("narrowed", [{"selection": "PUB-01"}, {"cases": ("made::PUB-01",)}])
def test_a_selected_case_that_did_not_run_is_untested_and_one_that_does_not_apply_is_not(
    narrowed: dict[str, Any],
) -> None:
    applies = case("PUB-01")
    other = case("PUB-02", "not_claimed", message="needs more")
    result = run(
        applies,
        other,
        only=[],
        settings=Settings(**narrowed),
        selectable={"PUB-01": [applies.id], "PUB-02": [other.id], "PUB-03": ["made::PUB-03"]},
        selected=frozenset({applies.id, other.id}),
    )
    assert outcome(result, "PUB-02") == "not_claimed"
    assert outcome(result, "PUB-03") == "not_claimed"
    stopped = replace(result, cases=[applies])
    assert outcome(stopped, "PUB-02") == "untested"
    assert outcome(stopped, "PUB-03") == "not_claimed"
