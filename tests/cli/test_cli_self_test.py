"""`self-test`: its output, files and exit codes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from eventhook_conformance.cli import main
from eventhook_conformance.cli._self_test import json_text
from eventhook_conformance.selftest.examine import examine, registered_mutants
from selftest.findings import ACCUSED, FOUND, SURVIVOR


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
    assert "self-test --unaided --table FILE`: 1 of 1\nmutants found" in text
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
