"""`benchmarks/same_verdicts.py`: it tells each difference that counts, and none that does not."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

import same_verdicts

REPORT: dict[str, Any] = {
    "schema": 1,
    "results": [
        {
            "target": {"name": "bus", "about": None},
            "verdict": "non-conformant",
            "duration_s": 1.5,
            "requirements": [
                {"id": "PUB-01", "outcome": "failed", "cases": ["events::all"]},
                {"id": "PUB-02", "outcome": "passed", "cases": ["events::once"]},
            ],
            "cases": [
                {
                    "id": "events::all",
                    "duration_s": 0.5,
                    "outcome": "failed",
                    "message": "expected event 7f3a, got nothing",
                    "violations": [
                        {"requirement": "PUB-01", "kind": "missing", "message": "event 7f3a"},
                        {"requirement": "PUB-06", "kind": "missing", "message": "event 7f3a"},
                    ],
                    "history": ["1 publish 7f3a"],
                },
                {
                    "id": "events::once",
                    "duration_s": 0.5,
                    "outcome": "passed",
                    "message": None,
                    "violations": [],
                    "history": None,
                },
            ],
        }
    ],
}
SELF_TEST: dict[str, Any] = {
    "schema": 1,
    "mutants": [
        {
            "name": "drops",
            "outcome": "killed",
            "expected": ["PUB-01"],
            "charged": ["PUB-01", "PUB-06"],
            "message_found": True,
            "message": "event 7f3a",
            "duration_s": 2.0,
        },
        {
            "name": "batches",
            "outcome": "passed",
            "expected": [],
            "charged": [],
            "message_found": False,
            "message": "",
            "duration_s": 3.0,
        },
    ],
}
Change = Callable[[Any], object]


def changed(document: dict[str, Any], change: Change) -> dict[str, Any]:
    copy = deepcopy(document)
    change(copy["results"][0] if "results" in copy else copy["mutants"])
    return copy


def written(file: Path, document: object) -> Path:
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(document), encoding="utf-8")
    return file


@pytest.fixture
def called(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[[Path, Path], tuple[int, list[str]]]:
    """Calls the script on two paths: the exit code, and the lines of both outputs."""

    def call(before: Path, after: Path) -> tuple[int, list[str]]:
        monkeypatch.setattr(sys, "argv", ["same_verdicts.py", str(before), str(after)])
        with pytest.raises(SystemExit) as ended:
            same_verdicts.main()
        output = capsys.readouterr()
        return int(str(ended.value.code)), [*output.out.splitlines(), *output.err.splitlines()]

    return call


Called = Callable[[Path, Path], tuple[int, list[str]]]


def unlike(result: Any) -> None:
    """Changes all that may differ."""
    result["target"]["about"] = "another release"
    result["duration_s"] = 99.0
    result["cases"].reverse()
    failed = result["cases"][1]
    failed["duration_s"] = 9.0
    failed["message"] = "expected event 11aa, got nothing"
    failed["history"] = ["4 publish 11aa"]
    failed["violations"].reverse()
    # One more breach of the same charge is no other charge.
    failed["violations"] += [{"requirement": "PUB-06", "kind": "late", "message": "event 11aa"}]


def unlike_mutants(mutants: Any) -> None:
    """Changes all that may differ."""
    mutants.reverse()
    mutants[1]["duration_s"] = 9.0
    mutants[1]["message"] = "event 11aa"
    mutants[1]["charged"].reverse()


@pytest.mark.parametrize(
    ("document", "change", "compared"),
    [
        (REPORT, unlike, "2 cases, 2 requirements, 1 verdict, 0 mutants"),
        (SELF_TEST, unlike_mutants, "0 cases, 0 requirements, 0 verdicts, 2 mutants"),
    ],
    ids=["report", "self-test"],
)
def test_times_messages_histories_and_order_may_differ(
    document: dict[str, Any], change: Change, compared: str, tmp_path: Path, called: Called
) -> None:
    before = written(tmp_path / "before.json", document)
    after = written(tmp_path / "after.json", changed(document, change))
    assert called(before, after) == (
        0,
        [f"compared {compared} in 1 pair of files: 0 differences"],
    )


@pytest.mark.parametrize(
    ("document", "change", "lines"),
    [
        (
            REPORT,
            lambda result: result["cases"][1].update(outcome="error"),
            ["bus: case events::once: expected passed, got error"],
        ),
        (
            REPORT,
            lambda result: result["cases"][0]["violations"].pop(),
            ["bus: case events::all: expected failed at PUB-01 PUB-06, got failed at PUB-01"],
        ),
        (
            REPORT,
            lambda result: result["cases"][1].update(id="events::twice"),
            [
                "bus: case events::once: expected passed, got no such case",
                "bus: case events::twice: expected no such case, got passed",
            ],
        ),
        (
            REPORT,
            lambda result: result["requirements"][0].update(outcome="untested"),
            ["bus: requirement PUB-01: expected failed, got untested"],
        ),
        (
            REPORT,
            lambda result: result["requirements"].pop(),
            ["bus: requirement PUB-02: expected passed, got no such requirement"],
        ),
        (
            REPORT,
            lambda result: result.update(verdict="conformant"),
            ["bus: verdict: expected non-conformant, got conformant"],
        ),
        (
            SELF_TEST,
            lambda mutants: mutants[0].update(outcome="misplaced", message_found=False),
            [
                (
                    "mutant drops: expected killed at PUB-01 PUB-06 (message found), "
                    "got misplaced at PUB-01 PUB-06 (message not found)"
                )
            ],
        ),
        (
            SELF_TEST,
            lambda mutants: mutants[0].update(charged=["PUB-01"]),
            [
                (
                    "mutant drops: expected killed at PUB-01 PUB-06 (message found), "
                    "got killed at PUB-01 (message found)"
                )
            ],
        ),
        (
            SELF_TEST,
            lambda mutants: mutants.pop(),
            ["mutant batches: expected passed (message not found), got no such mutant"],
        ),
    ],
    ids=[
        "outcome",
        "charges",
        "id",
        "requirement",
        "no-requirement",
        "verdict",
        "message",
        "mutant-charges",
        "no-mutant",
    ],
)
def test_each_difference_is_one_line_and_ends_with_1(
    document: dict[str, Any], change: Change, lines: list[str], tmp_path: Path, called: Called
) -> None:
    before = written(tmp_path / "before.json", document)
    after = written(tmp_path / "after.json", changed(document, change))
    code, said = called(before, after)
    assert (code, said[:-1]) == (1, lines)
    differ = "1 difference" if len(lines) == 1 else f"{len(lines)} differences"
    assert said[-1].endswith(f"in 1 pair of files: {differ}")


def test_folders_are_compared_by_name_and_what_is_missing_differs(
    tmp_path: Path, called: Called
) -> None:
    before, after = tmp_path / "before", tmp_path / "after"
    for folder in (before, after):
        written(folder / "bus.json", REPORT)
        written(folder / "zoo.json", SELF_TEST)
        written(folder / "notes.txt", "not read")
    assert called(before, after)[0] == 0
    written(before / "gone.json", REPORT)
    written(after / "new.json", REPORT)
    written(after / "zoo.json", changed(SELF_TEST, lambda mutants: mutants.pop()))
    assert called(before, after) == (
        1,
        [
            "gone.json: expected a file, got no such file",
            "new.json: expected no such file, got a file",
            "zoo.json: mutant batches: expected passed (message not found), got no such mutant",
            "compared 2 cases, 2 requirements, 1 verdict, 1 mutant in 2 pairs of files: 3 differences",
        ],
    )


def test_nothing_to_compare_ends_with_3(tmp_path: Path, called: Called) -> None:
    empty, other = tmp_path / "empty", tmp_path / "other"
    empty.mkdir()
    assert called(empty, empty)[0] == 3
    report = written(other / "bus.json", REPORT)
    assert called(empty, other)[0] == 3
    assert called(report, written(tmp_path / "zoo.json", SELF_TEST))[0] == 3


def test_a_pair_in_which_nothing_was_judged_is_not_taken_for_the_same(
    tmp_path: Path, called: Called
) -> None:
    folder = tmp_path / "both"
    written(folder / "bus.json", REPORT)
    written(folder / "idle.json", changed(REPORT, lambda result: result.update(cases=[])))
    code, lines = called(folder, folder)
    assert code == 3
    assert lines[0] == "idle.json: expected a case or a mutant on both sides, got none"


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("{", "broken.json: "),
        ('{"schema": 1}', "expected a report or the result of a self-test, got neither"),
        ('{"results": [{}]}', "broken.json: "),
        (json.dumps({"results": REPORT["results"] * 2}), "expected each verdict once, got bus: "),
    ],
    ids=["no-json", "no-report", "no-result", "twice"],
)
def test_what_cannot_be_read_ends_with_2(
    content: str, complaint: str, tmp_path: Path, called: Called
) -> None:
    broken = tmp_path / "broken.json"
    broken.write_text(content, encoding="utf-8")
    code, lines = called(written(tmp_path / "bus.json", REPORT), broken)
    assert code == 2
    assert complaint in lines[-1]


def test_a_file_is_not_compared_with_a_folder_or_with_nothing(
    tmp_path: Path, called: Called
) -> None:
    report = written(tmp_path / "folder" / "bus.json", REPORT)
    for other, complaint in ((report.parent, "got one of each"), (tmp_path / "no", "there is no")):
        code, lines = called(report, other)
        assert code == 2
        assert complaint in lines[-1]
