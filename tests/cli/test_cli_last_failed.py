"""`run -x`, `--max-failures` and `--last-failed`: early ends, and the cases of the next run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from checker.builder import Timeline
from eventhook_conformance.cli._last_failed import load_last_failed, save_last_failed
from report import made

PROGRAM = str(Path(sys.executable).with_name("eventhook-conformance"))
TARGET = """
import os
from eventhook_reference.mutants.base import PliableClient, pliable_target


class Sometimes(PliableClient):
    def hand(self, member, event):
        super().hand(member, event)
        if os.environ.get("DOUBLES") and hasattr(event, "tenant_id"):
            super().hand(member, event)


target = pliable_target("ours", Sometimes)
"""


@pytest.fixture
def vendor(tmp_path: Path) -> Path:
    (tmp_path / "ours.py").write_text(TARGET)
    return tmp_path


def run(vendor: Path, *arguments: str, doubles: bool = True) -> tuple[int, dict[str, Any]]:
    done = subprocess.run(
        [PROGRAM, "run", "ours:target", "-q", "--json", "r.json", *arguments],
        cwd=vendor,
        env={
            **os.environ,
            "XDG_CACHE_HOME": str(vendor / "cache"),
            "DOUBLES": "1" if doubles else "",
        },
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    result: dict[str, Any] = json.loads((vendor / "r.json").read_text())["results"][0]
    return done.returncode, result


def ran(result: dict[str, Any]) -> list[str]:
    return [case["id"] for case in result["cases"] if case["outcome"] != "not_claimed"]


@pytest.mark.parametrize(("options", "count"), [(("-x",), 1), (("--max-failures", "3"), 3)])
def test_a_run_stops_after_so_many_failures(
    vendor: Path, options: tuple[str, ...], count: int
) -> None:
    code, result = run(vendor, "-k", "PUB-02 or STR-02", *options)
    assert code == 1
    assert result["summary"]["failed"] == count
    assert "--max-failures" in result["message"]
    assert result["settings"]["max_failures"] == count
    outcomes = {one["id"]: one["outcome"] for one in result["requirements"]}
    assert "untested" in outcomes.values()
    assert outcomes["EVT-01"] == "not_claimed"


def test_a_run_without_failures_does_not_stop(vendor: Path) -> None:
    code, result = run(vendor, "-k", "PUB-04", "-x", doubles=False)
    assert code == 0
    assert result["message"] is None


def test_the_last_failed_run_again(vendor: Path) -> None:
    _, first = run(vendor, "-k", "PUB-04 or STR-02")
    failed = [case["id"] for case in first["cases"] if case["outcome"] == "failed"]
    assert 0 < len(failed) < len(ran(first))
    code, second = run(vendor, "--last-failed", doubles=False)
    assert ran(second) == failed
    assert code == 0
    assert {one["reason"] for one in second["requirements"] if one["id"] == "PUB-09"} == {
        "not selected by --last-failed"
    }
    # All of them are mended: the next such run is a whole one again, here narrowed by -k.
    _, third = run(vendor, "-k", "STR-02", "--last-failed", doubles=False)
    assert ran(third)
    assert third["settings"]["cases"] is None


def test_a_partial_run_forgets_no_failure_that_it_did_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    save_last_failed(made.result(made.failed(Timeline(), "a::b"), made.undecided()))
    assert load_last_failed(["made"]) == ("a::b", "made::undecided")
    save_last_failed(made.result(made.failed(Timeline(), "c::d")))
    assert load_last_failed(["made"]) == ("c::d", "a::b", "made::undecided")
    assert load_last_failed(["other", "made"]) == load_last_failed(["made"])
    monkeypatch.chdir(tmp_path)
    assert load_last_failed(["made"]) == ()


def test_a_home_that_cannot_be_written_costs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    save_last_failed(made.result(made.failed(Timeline())))
    assert load_last_failed(["made"]) == ()


def test_a_directory_that_is_gone_costs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    save_last_failed(made.result(made.failed(Timeline())))
