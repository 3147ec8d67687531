"""The supervisor: slow is no standstill, refusals come before anything runs, the start stays quick."""

from __future__ import annotations

import re
import resource
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from eventhook_conformance.engine.events import EngineEvent, RunFinished
from eventhook_conformance.engine.judge_child import machine_bytes
from eventhook_conformance.engine.resolve_target import resolve
from eventhook_conformance.engine.runner import judge_all
from eventhook_conformance.engine.supervisor import Bounds, Refused, _Pulse, supervise
from eventhook_conformance.settings import Settings

PROGRAM = str(Path(sys.executable).with_name("eventhook-conformance"))
QUICK = Settings(arrival_timeout_s=0.3, settle_s=0.05, selection="PUB-08")
BOUNDS = Bounds.of(QUICK)


def overdue(
    silent: int = 0, still: int = 0, turning: int = 0, starved_s: float = 0.0
) -> str | None:
    """Returns a pulse's answer after so many silent ticks, beats without a turn, and beats with one."""
    pulse = _Pulse(BOUNDS)
    found = None
    for turns in [*range(1, turning + 1), *[turning] * still]:
        pulse.take({"kind": "beat", "turns": turns})
        pulse.starve(starved_s)
        found = pulse.overdue(silent=False, resolving=False) or found
    for _ in range(silent):
        pulse.starve(starved_s)
        found = pulse.overdue(silent=True, resolving=False) or found
    return found


def test_a_process_that_beats_and_turns_is_never_overdue() -> None:
    assert overdue(turning=100, still=10, silent=10) is None


def test_each_standstill_has_its_own_name() -> None:
    assert overdue(silent=1000) == f"it blocked the interpreter for {BOUNDS.silence_s:g} s"
    assert overdue(still=1000) == f"it blocked the event loop for {BOUNDS.stall_s:g} s"
    assert overdue(turning=2000) == f"no case came to an end for {BOUNDS.case_s:g} s"


def test_waiting_for_a_processor_does_not_count() -> None:
    pulse = _Pulse(BOUNDS)
    for tick in range(1000):
        pulse.starve(tick * 0.25)
        assert pulse.overdue(silent=True, resolving=False) is None


def test_the_bounds_follow_the_settings() -> None:
    patient = Bounds.of(Settings(arrival_timeout_s=60))
    assert patient.silence_s > Bounds.of(Settings()).silence_s > 0
    assert patient.end_s > Bounds.of(Settings()).end_s


def test_all_targets_are_found_before_one_is_judged() -> None:
    told: list[EngineEvent] = []
    with pytest.raises(Refused, match="no target 'nosuch'"):
        supervise(["memory", "nosuch"], QUICK, [told.append])
    with pytest.raises(Refused) as refused:
        supervise(["memory"], Settings(selection="PUB-08 or or"), [told.append])
    assert refused.value.option == "-k"
    assert told == []


def test_what_one_target_does_to_its_process_changes_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [str(Path(__file__).parents[1]), *sys.path])
    monkeypatch.chdir(tmp_path)
    told: list[EngineEvent] = []
    supervise(["engine.hostile_targets:publish__exits_0", "memory"], QUICK, [told.append])
    first, second = [one.result for one in told if isinstance(one, RunFinished)]
    assert first.verdict == "inconclusive"
    assert "exit status 0" in (first.suite_failure or "")
    assert second.verdict == "conformant"


def test_a_process_that_swells_is_ended_before_the_machine_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [str(Path(__file__).parents[1]), *sys.path])
    monkeypatch.chdir(tmp_path)
    told: list[EngineEvent] = []
    little = replace(BOUNDS, memory_bytes=200 << 20)
    targets = ["engine.hostile_targets:publish__swells", "memory"]
    supervise(targets, QUICK, [told.append], bounds=little)
    first, second = [one.result for one in told if isinstance(one, RunFinished)]
    assert re.search(r"it took \d+ MiB of memory", first.suite_failure or "")
    assert "error" in {one.outcome for one in first.cases}
    assert second.verdict == "conformant"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGUSR1, signal.SIGPROF])
def test_a_signal_that_comes_with_the_last_word_adds_no_second_one(number: signal.Signals) -> None:
    ended: list[RunFinished] = []

    def interrupt_at_the_end(event: EngineEvent) -> None:
        if isinstance(event, RunFinished):
            ended.append(event)
            signal.raise_signal(number)
            signal.raise_signal(number)

    with pytest.raises(KeyboardInterrupt):
        supervise(["memory"], QUICK, [interrupt_at_the_end])
    assert [one.result.verdict for one in ended] == ["conformant"]
    assert signal.getsignal(signal.SIGUSR1) is signal.SIG_DFL


@pytest.mark.parametrize("misdeed", ["exits_in_a_callback", "exits_in_a_task", "cancels_all"])
def test_a_target_that_ends_the_loop_ends_no_run_in_this_process(misdeed: str) -> None:
    told: list[EngineEvent] = []
    names = (f"engine.hostile_targets:publish__{misdeed}", "memory")
    judge_all([resolve(name, ()) for name in names], QUICK, [told.append])
    first, second = [one.result for one in told if isinstance(one, RunFinished)]
    assert first.verdict == "inconclusive"
    assert (first.suite_failure or "").startswith("the target ")
    assert second.verdict == "conformant"


def test_more_memory_than_the_machine_has_is_no_bound() -> None:
    assert 1 << 30 <= BOUNDS.memory_bytes <= max(1 << 30, machine_bytes() // 2)


def used_s(*arguments: str) -> float:
    """Returns how much processor time a command took with all its processes, in seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([PROGRAM, *arguments], check=True, capture_output=True, timeout=100)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


@pytest.mark.slow
def test_the_second_process_costs_little() -> None:
    run = ("run", "memory", "-q", "-k", "PUB-08")
    ratios = []
    for _ in range(3):
        ratios.append(used_s(*run) / used_s(*run, "--in-process"))  # noqa: PERF401  # because: in turn
    assert min(ratios) < 1.7
