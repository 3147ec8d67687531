"""Cases shared among processes: they make one run, even if one of the processes fails."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from eventhook_conformance.engine.events import (
    CaseFinished,
    EngineEvent,
    RunFinished,
    RunStarted,
)
from eventhook_conformance.engine.shares import MergedRun, share, why_not_shared
from eventhook_conformance.engine.supervisor import Refused, supervise
from eventhook_conformance.results import CaseResult, RunResult
from eventhook_conformance.settings import Settings
from eventhook_conformance.target import Capabilities

QUICK = Settings(arrival_timeout_s=0.3, settle_s=0.05, selection="PUB-08 or PUB-10")


def judged(target: str, processes: int) -> tuple[RunResult, list[EngineEvent]]:
    """Returns the one result of a run, and all that was told."""
    told: list[EngineEvent] = []
    supervise([target], QUICK, [told.append], processes=processes)
    (finished,) = [one for one in told if isinstance(one, RunFinished)]
    return finished.result, told


@pytest.fixture
def hostile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Returns the module of hostile targets, which a process can import."""
    monkeypatch.setattr(sys, "path", [str(Path(__file__).parents[1]), *sys.path])
    monkeypatch.chdir(tmp_path)
    return "engine.hostile_targets"


def test_each_case_goes_to_one_process() -> None:
    cases = list("abcdefg")
    parts = [share(cases, place, 3) for place in range(3)]
    assert parts == [["a", "d", "g"], ["b", "e"], ["c", "f"]]
    assert share(cases, 0, 1) == cases


def test_result_is_that_of_one_process() -> None:
    (alone, _), (shared, told) = judged("memory", 1), judged("memory", 3)
    assert [(one.id, one.outcome) for one in shared.cases] == [
        (one.id, one.outcome) for one in alone.cases
    ]
    assert shared.verdict == alone.verdict == "conformant"
    assert shared.selected == alone.selected
    (started,) = [one for one in told if isinstance(one, RunStarted)]
    ran = [one for one in told if isinstance(one, CaseFinished)]
    assert started.cases == sum(one.result.outcome != "not_claimed" for one in ran)


def test_process_that_the_target_ends_costs_its_own_share(hostile: str) -> None:
    result, told = judged(f"{hostile}:publish__exits_0", 2)
    assert result.verdict == "inconclusive"
    assert "exit status 0" in (result.suite_failure or "")
    assert {one.id for one in result.cases} == result.selected
    finished = [one.result.id for one in told if isinstance(one, CaseFinished)]
    assert len(finished) == len({*finished})


def test_look_that_fails_in_each_process_is_told_once() -> None:
    silent = RunResult(
        target="deaf",
        capabilities=Capabilities(),
        settings=QUICK,
        silent=True,
        cases=[CaseResult(id="smoke", requirements=("PUB-01",), outcome="failed")],
    )
    told: list[EngineEvent] = []
    merged = MergedRun([["a"], ["b"]], 2, [told.append])
    for _ in range(2):
        merged.take(CaseFinished("deaf", silent.cases[0]))
    for _ in range(2):
        merged.take(RunFinished("deaf", silent))
    smoke, finished = told
    assert isinstance(smoke, CaseFinished)
    assert isinstance(finished, RunFinished)
    assert len(finished.result.cases) == 1
    assert finished.result.silent


def test_target_that_may_share_a_server_is_refused_before_anything_runs() -> None:
    elsewhere = Capabilities(in_process=False)
    assert "may share a server" in (why_not_shared(elsewhere, serves=False) or "")
    assert why_not_shared(elsewhere, serves=True) is None
    assert why_not_shared(Capabilities(), serves=False) is None
    counts_nothing = Capabilities(in_process=False, introspection=False)
    assert why_not_shared(counts_nothing, serves=False) is None


def test_refusal_names_the_option(hostile: str) -> None:
    told: list[EngineEvent] = []
    with pytest.raises(Refused, match="may share a server") as refused:
        supervise([f"{hostile}:elsewhere"], QUICK, [told.append], processes=2)
    assert refused.value.option == "--processes"
    assert told == []
