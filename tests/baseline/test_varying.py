"""Several runs: what varies is flaky, what does not is known."""

from __future__ import annotations

from dataclasses import replace

from baseline.test_baseline import bad, baseline, charged, good, known
from eventhook_conformance.baseline.known import Charge, record
from eventhook_conformance.baseline.varying import mark_flaky, merge

CHARGES: list[Charge] = [("made::broken", identifier) for identifier in charged()]


def test_runs_that_agree_vary_in_nothing() -> None:
    for seen in (good(), bad()):
        merged, varying = merge([seen["made"]] * 3)
        assert varying == {}
        assert merged == replace(seen["made"], decided=set(seen["made"].decided))


def test_a_failure_that_comes_and_goes_varies() -> None:
    merged, varying = merge([good()["made"], bad()["made"], good()["made"]])
    assert dict.fromkeys(CHARGES, "seen in 1 of 3 runs") == varying
    assert set(merged.charges) == set(CHARGES)
    assert {merged.outcomes[one] for one in charged()} == {"failed"}


def test_failed_once_and_undecided_once_varies() -> None:
    undecided = replace(bad()["made"], charges={}, undecided=dict.fromkeys(CHARGES, "it died"))
    _, varying = merge([bad()["made"], undecided])
    assert dict.fromkeys(CHARGES, "failed in 1 of 2 runs, else undecided") == varying


def test_what_varies_becomes_flaky_and_the_rest_stays_known() -> None:
    before = record(bad())
    (entry,) = before.entries
    first, *rest = charged()
    marked = mark_flaky(before, {"made": {("made::broken", first): "seen in 1 of 3 runs"}})
    stable, flaky = marked.entries
    assert stable == replace(entry, requirements=tuple(rest))
    assert (flaky.requirements, flaky.flaky, flaky.reason) == (
        (first,),
        True,
        "seen in 1 of 3 runs",
    )
    everything = dict.fromkeys(CHARGES, "seen in 1 of 3 runs")
    (whole,) = mark_flaky(before, {"made": everything}).entries
    assert whole == replace(entry, flaky=True, reason="seen in 1 of 3 runs")


def test_a_reason_that_people_wrote_and_coarse_entries_stay() -> None:
    everything = dict.fromkeys(CHARGES, "seen in 1 of 3 runs")
    (mine,) = mark_flaky(baseline(known(reason="races")), {"made": everything}).entries
    assert (mine.flaky, mine.reason) == (True, "races")
    coarse = known(case=None)
    assert mark_flaky(baseline(coarse), {"made": everything}).entries == (coarse,)


def test_trouble_in_one_run_is_trouble() -> None:

    broken = replace(good()["made"], trouble="interrupted")
    assert merge([broken, good()["made"]])[0].trouble == "interrupted"
