"""Compares runs with baselines: worse, better, stale, unknown, expired, flaky, each both ways."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from checker.builder import Timeline
from eventhook_conformance.baseline.comparison import Comparison, accepts, compare
from eventhook_conformance.baseline.known import (
    Baseline,
    BrokenBaseline,
    Entry,
    Observed,
    as_observed,
    observed,
    record,
)
from eventhook_conformance.report.json_report import to_json
from eventhook_conformance.results import RunResult
from eventhook_conformance.specification import specification_version
from eventhook_conformance.target import Capabilities
from report import made

TODAY = datetime.date(2026, 6, 1)
CASES = frozenset({"made::broken", "made::undecided", "made::other"})
BROKEN = Entry(target="made", case="made::broken", requirements=("PUB-01", "PUB-02", "PUB-04"))


def seen(*results: RunResult) -> dict[str, Observed]:
    return observed(to_json(results))


def good(**members: Any) -> dict[str, Observed]:
    """Returns a run in which all requirements hold, the case `made::broken` included."""
    result = made.all_pass()
    fixed = replace(made.passed("PUB-02"), id="made::broken")
    result.cases.append(fixed)
    for name, value in members.items():
        setattr(result, name, value)
    return seen(result)


def bad() -> dict[str, Observed]:
    """Returns the same run, in which that case fails."""
    result = made.all_pass()
    result.cases.append(made.failed(Timeline()))
    return seen(result)


def charged() -> tuple[str, ...]:
    return tuple(sorted(requirement for _, requirement in bad()["made"].charges))


def baseline(*entries: Entry, **members: Any) -> Baseline:
    before = record(good())
    return replace(before, entries=entries, **members)


def known(**members: Any) -> Entry:
    plain = {"target": "made", "case": "made::broken", "requirements": charged()}
    return Entry(**{**plain, "reason": "being fixed", **members})


def news(before: Baseline, now: Mapping[str, Observed], today: datetime.date = TODAY) -> Comparison:
    return compare(before, now, cases=CASES, today=today)


def test_nothing_new_is_nothing_new() -> None:
    comparison = news(baseline(), good())
    assert comparison.exit_code == 0
    assert list(comparison.lines()) == ["known      0 known failures"]


def test_worse() -> None:
    comparison = news(baseline(), bad())
    assert comparison.exit_code == 1
    assert len(comparison.worse) == len(charged())
    assert any("made made::broken PUB-02: expected" in line for line in comparison.worse)


def test_known_is_no_news() -> None:
    comparison = news(baseline(known()), bad())
    assert comparison.exit_code == 0
    assert len(comparison.known) == len(charged())
    assert list(comparison.lines()) == ["known      2 known failures in 1 case"]


def test_one_more_requirement_of_a_known_case_is_worse() -> None:
    first, *rest = charged()
    comparison = news(baseline(known(requirements=tuple(rest))), bad())
    assert comparison.exit_code == 1
    (line,) = comparison.worse
    assert first in line


def test_another_case_of_a_known_requirement_is_worse_unless_any_case_is_meant() -> None:
    assert news(baseline(known(case="made::other")), bad()).exit_code == 1
    assert news(baseline(known(case=None)), bad()).exit_code == 0


def test_another_target_of_a_known_case_is_worse() -> None:
    comparison = news(baseline(known(target="other")), bad())
    assert comparison.worse
    assert any("no [[target]] named 'other'" in line for line in comparison.unknown)


def test_what_passes_now_is_better_and_its_entry_stale() -> None:
    comparison = news(baseline(known(line=12)), good())
    assert comparison.exit_code == 1
    assert len(comparison.stale) == len(charged())
    assert comparison.stale[0].endswith("passes now: remove the entry (line 12)")
    assert any("PUB-02 (Each event is delivered exactly once) holds now" in line
               for line in comparison.better)  # fmt: skip
    assert not comparison.worse


def test_a_coarse_entry_is_stale_when_its_requirement_holds() -> None:
    entry = known(case=None, requirements=("PUB-02",))
    assert news(baseline(entry), good()).stale
    assert not news(baseline(known(case=None)), bad()).stale


def test_what_was_not_run_is_not_stale() -> None:
    assert news(baseline(known(case="made::other")), good()).exit_code == 0


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (known(case="made::nonsense"), "there is no such case"),
        (known(requirements=("PUB-99",)), "there is no requirement PUB-99"),
    ],
)
def test_an_entry_that_names_nothing_fails(entry: Entry, reason: str) -> None:
    comparison = news(baseline(entry), good())
    assert comparison.exit_code == 1
    assert any(reason in line for line in comparison.unknown)
    assert not any("PUB-99 passes" in line for line in comparison.stale)


def test_an_entry_lasts_until_its_day_is_over() -> None:
    entry = known(expires=TODAY, line=3)
    assert news(baseline(entry), bad()).exit_code == 0
    comparison = news(baseline(entry), bad(), TODAY + datetime.timedelta(days=1))
    assert comparison.exit_code == 1
    assert "was accepted until 2026-06-01 (line 3: " in comparison.expired[0]
    assert "being fixed" in comparison.expired[0]


def test_flaky_may_fail_and_may_pass() -> None:
    entry = known(flaky=True, reason="races")
    failing = news(baseline(entry), bad())
    assert failing.exit_code == 0
    assert "failed this time (races)" in failing.flaky[0]
    transient = news(baseline(entry), good())
    assert transient.exit_code == 0
    assert not transient.stale
    late = news(baseline(replace(entry, expires=TODAY)), bad(), TODAY.replace(year=2027))
    assert late.exit_code == 1


def test_undecided_is_no_verdict_unless_known() -> None:
    result = made.all_pass()
    result.cases.append(made.undecided())
    comparison = news(baseline(), seen(result))
    assert comparison.exit_code == 3
    assert "made made::undecided PUB-05: it died" in comparison.undecided[0]
    entry = known(case="made::undecided", requirements=("PUB-05",), outcome="undecided")
    assert news(baseline(entry), seen(result)).exit_code == 0


def test_known_to_be_undecided_does_not_cover_a_failure() -> None:
    assert news(baseline(known(outcome="undecided")), bad()).exit_code == 1


def test_untested_is_no_verdict_unless_known() -> None:
    result = made.all_pass()
    result.cases = [case for case in result.cases if case.requirements != ("PUB-05",)]
    assert news(baseline(), seen(result)).exit_code == 3
    entry = known(case=None, requirements=("PUB-05",), outcome="untested")
    assert news(baseline(entry), seen(result)).exit_code == 0


@pytest.mark.parametrize(
    "result",
    [made.result(unusable="no"), made.result(made.passed(), suite_failure="interrupted")],
)
def test_a_run_without_result_is_no_verdict(result: RunResult) -> None:
    assert news(baseline(), seen(result)).exit_code == 3


def test_a_should_changes_nothing() -> None:
    result = made.all_pass()
    result.cases.append(made.advisory_failure())
    comparison = news(baseline(), seen(result))
    assert comparison.exit_code == 0
    assert any("PUB-19 (SHOULD)" in line for line in comparison.notes)
    assert record(seen(result)).entries == ()


def test_a_claim_taken_back_is_worse_and_a_new_one_better() -> None:
    both = Capabilities(profiles={"events"}, total_order=True)
    comparison = news(record(good(capabilities=both)), good())
    assert comparison.exit_code == 1
    assert "PUB-07" in comparison.worse[0]
    assert "is no longer claimed" in comparison.worse[0]
    now = made.all_pass()
    now.capabilities = both
    now.cases.append(made.passed("PUB-07"))
    wider = news(baseline(), seen(now))
    assert wider.exit_code == 0
    assert any("PUB-07" in line and "is claimed now and holds" in line for line in wider.better)


def test_a_run_of_one_profile_is_held_against_that_profile() -> None:
    before = record(good(capabilities=Capabilities()))
    narrowed = good()
    narrowed["made"] = replace(narrowed["made"], profiles=("events",))
    assert news(before, narrowed).exit_code == 0
    assert news(before, good()).exit_code == 1


def test_targets_that_are_new_or_not_run_are_noted() -> None:
    comparison = news(replace(baseline(), targets={}), good())
    assert comparison.exit_code == 0
    assert comparison.notes == ["made is not in the baseline yet"]
    assert news(baseline(), {}).notes == ["made was not run"]


def test_another_specification_is_noted() -> None:
    comparison = news(baseline(specification="0.9"), good())
    judged = f"specification 0.9, made was judged with {specification_version()}"
    assert any(judged in line for line in comparison.notes)


@pytest.mark.parametrize(
    ("entry", "accepted"),
    [
        (known(), True),
        (known(flaky=True), True),
        (known(case=None), True),
        (known(requirements=charged()[1:]), False),
        (known(target="other"), False),
        (known(outcome="undecided"), False),
        (known(expires=TODAY), True),
        (known(expires=TODAY - datetime.timedelta(days=1)), False),
    ],
)
def test_a_case_is_accepted_if_all_its_charges_are(entry: Entry, accepted: bool) -> None:
    charges = [charge for charge in bad()["made"].charges if charge[0] == "made::broken"]
    assert accepts(baseline(entry), "made", charges, "failed", TODAY) is accepted
    assert not accepts(baseline(entry), "made", [("made::slow", "PUB-19")], "failed", TODAY)


# Recording


def test_what_is_recorded_is_no_news() -> None:
    before = record(bad())
    (entry,) = before.entries
    assert (entry.case, entry.requirements) == ("made::broken", charged())
    assert news(before, bad()).exit_code == 0
    assert record(good()).entries == ()


def test_recording_again_keeps_what_people_wrote_and_drops_what_passes() -> None:
    mine = known(link="https://example.org/1", expires=TODAY)
    flaky = known(case="made::other", flaky=True)
    elsewhere = known(target="other")
    before = baseline(mine, flaky, elsewhere)
    assert set(record(bad(), before).entries) == {mine, flaky, elsewhere}
    assert set(record(good(), before).entries) == {flaky, elsewhere}
    first, *rest = charged()
    partly = record(bad(), baseline(known(requirements=(*charged(), "PUB-08"))))
    assert partly.entries == (known(),)
    more = record(bad(), baseline(known(requirements=tuple(rest))))
    assert [entry.requirements for entry in more.entries] == [tuple(rest), (first,)]


def test_two_results_of_one_name_cannot_be_told_apart() -> None:
    with pytest.raises(BrokenBaseline, match="two results have the target name 'made'"):
        seen(made.all_pass(), made.all_pass())


@pytest.mark.parametrize("report", [{}, {"results": [{}]}, {"results": 5}, {"results": ["x"]}, []])
def test_what_is_no_report_is_said(report: Any) -> None:
    with pytest.raises(BrokenBaseline, match="expected a JSON report"):
        observed(report)


# Two baselines


def test_an_entry_added_is_worse_and_one_removed_better() -> None:
    without, with_it = baseline(), baseline(known())
    added = news(without, as_observed(with_it, CASES))
    assert added.exit_code == 1
    assert "being fixed" in added.worse[0]
    removed = news(replace(with_it, kept=False), as_observed(without, CASES))
    assert removed.exit_code == 0
    assert removed.better
    assert news(with_it, as_observed(with_it, CASES)).exit_code == 0
