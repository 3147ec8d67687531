"""`self-test`: what it prints, what it writes, and how it exits."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from eventhook_conformance.cli import main
from eventhook_conformance.cli._self_test import (
    json_text,
    unaided_line,
    unaided_markdown,
    unaided_summary,
)
from eventhook_conformance.selftest import examine as selftest
from eventhook_conformance.selftest.examine import (
    Examination,
    examine,
    examine_unaided,
    registered_mutants,
)

FOUND = Examination(
    mutant="retains-the-last",
    bug="It is retained.",
    expected=(),
    charged=("PUB-05", "PUB-03"),
    judgement="killed",
    message="expected nothing",
    message_found=True,
    duration_s=1.26,
)
SURVIVOR = replace(FOUND, mutant="subtle", bug="It is subtle.", charged=(), judgement="survived")
VARIANT = replace(FOUND, mutant="batches", bug="It is correct.", charged=(), judgement="passed")
ACCUSED = replace(VARIANT, mutant="wire", judgement="accused", charged=("PUB-01",))


def invoke(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(main, ["self-test", *arguments])
    return done.exit_code, done.output


def test_a_mutant_that_is_caught_ends_with_0() -> None:
    code, output = invoke("swallows-the-first")
    assert code == 0, output
    assert output.startswith("killed    swallows-the-first")
    assert "1 mutant: 1 killed in" in output


def test_unaided_names_what_it_was_found_by_and_expects_nothing(tmp_path: Path) -> None:
    table = tmp_path / "unaided.md"
    code, output = invoke("retains-the-last", "--unaided", "--table", str(table))
    assert code == 0, output
    assert output.startswith("killed    retains-the-last")
    assert "PUB-05" in output
    assert "expected" not in output
    assert "1 of 1 mutants found in" in output
    text = table.read_text(encoding="utf-8")
    assert text.startswith("# What random histories and interleavings find alone\n")
    assert "self-test --unaided --table FILE`: 1 of 1 mutants found." in text
    assert "named" not in text


def test_json_tells_what_each_came_to_and_what_it_was_charged_with(tmp_path: Path) -> None:
    file = tmp_path / "findings.json"
    code, output = invoke("swallows-the-first", "--json", str(file))
    assert code == 0, output
    [mutant] = json.loads(file.read_text(encoding="utf-8"))["mutants"]
    assert (mutant["name"], mutant["outcome"]) == ("swallows-the-first", "killed")
    assert mutant["expected"]
    assert set(mutant["expected"]) <= set(mutant["charged"])
    assert mutant["message_found"] is True


def test_json_keeps_each_outcome_as_it_was() -> None:
    text = json_text([FOUND, replace(SURVIVOR, message_found=False), ACCUSED])
    assert text.isascii()
    written = json.loads(text)
    assert written["schema"] == 1
    told = [(one["outcome"], one["charged"], one["message_found"]) for one in written["mutants"]]
    assert told == [
        ("killed", ["PUB-05", "PUB-03"], True),
        ("survived", [], False),
        ("accused", ["PUB-01"], True),
    ]


def test_the_message_is_not_found_where_another_one_was_charged() -> None:
    mutant = replace(registered_mutants()["swallows-the-first"], seen="words that nobody says")
    finding = examine(mutant)
    assert finding.judgement == "misplaced"
    assert not finding.message_found
    assert finding.message.startswith("no message says 'words that nobody says', but: ")


@pytest.mark.parametrize("option", ["--json", "--table"])
def test_a_file_in_no_directory_is_refused_before_anything_is_run(
    option: str, tmp_path: Path
) -> None:
    code, output = invoke("swallows-the-first", option, str(tmp_path / "none" / "file"))
    assert code == 2
    assert "there is no directory" in output
    assert "killed" not in output


def test_unaided_and_full_exclude_each_other() -> None:
    code, output = invoke("--unaided", "--full")
    assert code == 2
    assert "--full and --unaided exclude each other" in output


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
    short = replace(selftest.UNAIDED_SETTINGS, examples=examples)
    monkeypatch.setattr(selftest, "UNAIDED_SETTINGS", short)
    monkeypatch.setattr(selftest, "UNAIDED_CASES", ("random_histories",))
    assert examine_unaided(registered_mutants()[name]).judgement == judgement
