"""Programs alone: their time limit, the lines, and the table that is written in slices."""

from __future__ import annotations

from dataclasses import replace

import pytest

from eventhook_conformance.selftest import unaided
from eventhook_conformance.selftest.examine import Examination, registered_mutants
from eventhook_conformance.selftest.unaided import (
    examine_unaided,
    unaided_line,
    unaided_markdown,
    unaided_summary,
)
from selftest.findings import ACCUSED, FOUND, SURVIVOR, VARIANT


def test_a_survivor_is_said_in_one_line() -> None:
    assert unaided_line(SURVIVOR).splitlines() == [f"{'survived  subtle':<46} {'-':<22}   1.3 s"]
    assert "expected nothing" in unaided_line(ACCUSED)


@pytest.mark.parametrize(
    ("findings", "told"),
    [
        ([FOUND, SURVIVOR], "1 of 2 mutants found"),
        ([FOUND, SURVIVOR, VARIANT], "1 of 2 mutants found; 0 of 1 correct variants accused"),
        ([ACCUSED, VARIANT], "0 of 0 mutants found; 1 of 2 correct variants accused"),
        (
            [replace(SURVIVOR, judgement="undecided"), FOUND],
            "1 of 2 mutants found, 1 undecided",
        ),
    ],
)
def test_the_summary_counts_what_was_found(findings: list[Examination], told: str) -> None:
    assert unaided_summary(findings) == told


def test_the_table_tells_what_was_found_by_what_and_how_soon() -> None:
    lines = unaided_markdown([FOUND, SURVIVOR, VARIANT]).splitlines()
    assert "| `retains-the-last` | It is retained. | PUB-05, PUB-03 | 1.3 |" in lines
    assert "| `subtle` | It is subtle. | survived |" in lines
    assert not [line for line in lines if "batches" in line]
    assert "## The others" not in unaided_markdown([FOUND])


@pytest.mark.parametrize(
    ("name", "examples", "judgement"),
    [
        ("needs-a-responder", 40, "killed"),
        ("needs-a-responder", 0, "survived"),
        ("wire", 5, "passed"),
    ],
)
def test_unaided_a_mutant_is_found_or_survives_and_a_variant_passes(
    name: str, examples: int, judgement: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unaided, "SETTINGS", replace(unaided.SETTINGS, examples=examples))
    monkeypatch.setattr(unaided, "GROUPS", ("random_histories",))
    assert examine_unaided(registered_mutants()[name]).judgement == judgement


def test_what_is_found_too_late_is_not_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unaided, "LIMIT_S", 0.0)
    assert examine_unaided(registered_mutants()["needs-a-responder"]).judgement == "survived"


def test_a_table_keeps_the_rows_of_mutants_that_were_not_examined() -> None:
    both = unaided_markdown([FOUND, SURVIVOR])
    now_found = replace(SURVIVOR, judgement="killed", charged=("PUB-01",), duration_s=0.5)
    lines = unaided_markdown([now_found], both).splitlines()
    assert "| `retains-the-last` | It is retained. | PUB-05, PUB-03 | 1.3 |" in lines
    assert "| `subtle` | It is subtle. | PUB-01 | 0.5 |" in lines
    assert "## The others" not in lines
    assert not [line for line in lines if "survived" in line]


def test_a_table_leaves_out_mutants_that_there_are_no_more() -> None:
    text = unaided_markdown([], unaided_markdown([FOUND, SURVIVOR]), {"subtle": SURVIVOR})
    assert "retains-the-last" not in text
    assert "| `subtle` | It is subtle. | survived |" in text
