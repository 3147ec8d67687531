"""The suite's own driver, as a driver: whole targets through it, correct ones and broken ones."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from eventhook_conformance.engine.resolve_target import find_target
from eventhook_conformance.engine.runner import cases_for, judge
from eventhook_conformance.settings import Settings

PROGRAM = str(Path(sys.executable).with_name("eventhook-conformance"))
SKELETON = Path(__file__).parents[2] / "examples" / "drivers" / "skeleton" / "driver.py"


@pytest.mark.slow
@pytest.mark.parametrize(
    "line", [f"{PROGRAM} driver memory", f"{sys.executable} {SKELETON}"], ids=["memory", "skeleton"]
)
def test_a_correct_bus_behind_a_driver_is_conformant(line: str) -> None:
    result = judge(find_target(f"driver:{line}"), Settings(depth="quick"))
    assert [f"{one.id}: {one.message}" for one in result.cases if one.outcome == "failed"] == []
    assert result.verdict == "conformant"
    assert result.suite_failure is None
    assert result.unaudited == []
    passed = {one.requirement.id for one in result.requirement_results() if one.outcome == "passed"}
    assert {"EVT-10", "EVT-03", "CLN-06", "OVF-07"} <= passed
    not_claimed = {"EVT-04", "PUB-14", "PUB-23"}
    assert not passed & not_claimed


MUTANTS = """
from contextlib import asynccontextmanager
from eventhook_reference.mutants.base import PliableClient, pliable_target

class Doubles(PliableClient):
    def hand(self, member, event):
        super().hand(member, event)
        super().hand(member, event)

class Leaks(PliableClient):
    def admits(self, member, event):
        return True

class Forgets(PliableClient):
    def hand(self, member, event):
        if event.timestamp_ms % 5:
            super().hand(member, event)

class TakesAll(PliableClient):
    def check(self, side, event):
        pass

doubles = pliable_target("doubles", Doubles)
leaks = pliable_target("leaks", Leaks)
forgets = pliable_target("forgets", Forgets)
takes_all = pliable_target("takes-all", TakesAll)
"""


@pytest.mark.parametrize(
    ("name", "requirement"),
    [("doubles", "PUB-02"), ("leaks", "TEN-01"), ("forgets", "STR-01"), ("takes_all", "EVT-05")],
)
def test_a_broken_bus_behind_a_driver_is_caught(
    name: str, requirement: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken_buses.py").write_text(MUTANTS, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    found = find_target(f"driver:{PROGRAM} driver broken_buses:{name}")
    result = judge(found, Settings(arrival_timeout_s=0.6), cases_for({requirement}))
    failed = {one.requirement.id for one in result.requirement_results() if one.outcome == "failed"}
    assert requirement in failed
    assert {case.blame for case in result.cases if case.outcome == "failed"} == {"target"}
