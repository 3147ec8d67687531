"""The check of a verdict that a vendor submits: consistent ones pass, and damage is named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from eventhook_conformance.cases import catalog
from eventhook_conformance.checker import Violation
from eventhook_conformance.cli import main
from eventhook_conformance.report.json_report import json_text
from eventhook_conformance.results import CaseResult, RunResult
from eventhook_conformance.settings import Settings
from eventhook_conformance.target import Capabilities

CLAIMS = Capabilities(profiles={"events"})
ABOUT = """
name = "made-bus"
language = "Python"
library = "made-bus 1"
by = "the tests"
source = "this file"
"""


def run_of(*broken: str, settings: Settings | None = None, left_out: int = 0) -> RunResult:
    """Returns a whole run; the first case of each broken requirement fails."""
    cases, open_ids = [], set(broken)
    for one in list(catalog().values())[left_out:]:
        charged = [name for name in one.case.requirements if name in open_ids]
        open_ids -= set(charged)
        outcome: Any = "not_claimed" if one.unmet(CLAIMS) else "failed" if charged else "passed"
        found = tuple(Violation("failed", (name,), "this", "that") for name in charged)
        cases.append(
            CaseResult(
                id=one.id, requirements=one.case.requirements, outcome=outcome, violations=found
            )
        )
    assert not open_ids
    return RunResult(
        target="made-bus", capabilities=CLAIMS, settings=settings or Settings(), cases=cases
    )


def check(folder: Path, report: Any, about: str = ABOUT) -> tuple[int, str]:
    text = report if isinstance(report, str) else json_text([report])
    (folder / "r.json").write_text(text, encoding="utf-8")
    (folder / "r.toml").write_text(about, encoding="utf-8")
    files = [str(folder / "r.json"), str(folder / "r.toml")]
    done = CliRunner().invoke(main, ["verdict", "check", *files])
    return done.exit_code, " ".join(done.output.split())


def test_a_whole_conformant_run_can_be_submitted(tmp_path: Path) -> None:
    assert check(tmp_path, run_of()) == (0, "made-bus: conformant: can be submitted")


def test_a_failure_needs_a_finding(tmp_path: Path) -> None:
    code, told = check(tmp_path, run_of("PUB-05"))
    assert code == 1
    assert "findings: expected how PUB-05 shows with the library alone, got nothing" in told
    found = ABOUT + '[findings]\nPUB-05 = "publish, then subscribe"\n'
    code, told = check(tmp_path, run_of("PUB-05"), found)
    assert (code, told) == (0, "made-bus: non-conformant: can be submitted")
    assert "that do not hold, got PUB-05" in check(tmp_path, run_of(), found)[1]


@pytest.mark.parametrize(
    "narrowed",
    [
        Settings(selection="PUB"),
        Settings(profiles=("events",)),
        Settings(cases=("x",)),
        Settings(max_failures=1),
        Settings(replay=[]),
    ],
)
def test_a_run_that_left_something_out_is_refused(tmp_path: Path, narrowed: Settings) -> None:
    if narrowed.replay == []:
        narrowed = Settings(replay={"steps": []})
    code, told = check(tmp_path, run_of(settings=narrowed))
    assert code == 1
    assert "expected a whole run, got one narrowed by" in told


def test_missing_cases_are_counted(tmp_path: Path) -> None:
    code, told = check(tmp_path, run_of(left_out=3))
    assert code == 1
    assert f"expected all {len(catalog())}, got none of" in told
    assert "and 2 others" in told


def damaged(**changes: Any) -> str:
    report = json.loads(json_text([run_of("PUB-05")]))
    [result] = report["results"]
    result.update(changes)
    if "verdict" in changes:
        for one in result["requirements"]:
            one["outcome"] = "passed" if one["outcome"] == "failed" else one["outcome"]
    return json.dumps(report)


@pytest.mark.parametrize(
    ("report", "told"),
    [
        (damaged(verdict="conformant"), "PUB-05: is charged by a case, but the report says passed"),
        (damaged(requirements=[]), "requirements: expected all"),
        (damaged(specification={"version": "9.9"}), "specification: expected 1.0 or"),
        (damaged(target={"name": "other", "capabilities": {}}), "expected that of the report"),
        (damaged(target={"name": "made-bus", "capabilities": {"profiles": ["x"]}}), "claims:"),
    ],
    ids=["verdict", "requirements", "specification", "name", "claims"],
)
def test_a_report_that_was_changed_by_hand_is_told_from_one_that_was_not(
    tmp_path: Path, report: str, told: str
) -> None:
    code, output = check(tmp_path, report)
    assert code == 1
    assert told in output


@pytest.mark.parametrize(
    ("about", "told"),
    [
        (ABOUT.replace("by =", "buy ="), "buy"),
        (ABOUT.replace('"Python"', "7"), "language"),
        ("= x", "r.toml"),
    ],
)
def test_a_file_that_cannot_be_read_ends_with_two(tmp_path: Path, about: str, told: str) -> None:
    code, output = check(tmp_path, run_of(), about)
    assert code == 2
    assert told in output


@pytest.mark.parametrize("report", ["", "[]", "{}", '{"results": []}', '{"results": [1]}'])
def test_what_is_no_report_ends_with_two(tmp_path: Path, report: str) -> None:
    assert check(tmp_path, report)[0] == 2
