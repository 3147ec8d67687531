"""`repeat`: runs again and again, and shows the differences."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from click.testing import CliRunner

from eventhook_conformance.cli import main
from eventhook_conformance.selftest import stability
from eventhook_conformance.selftest.stability import repeat

Came = tuple[str, dict[str, str], dict[str, str]]

STEADY: Came = ("conformant", {"a": "passed", "b": "passed"}, {})
FLAKY: Came = ("non-conformant", {"a": "passed", "b": "failed"}, {"b": "it was lost"})


def script(monkeypatch: pytest.MonkeyPatch, *runs: Came) -> None:
    coming: Iterator[Came] = iter(runs)
    monkeypatch.setattr(stability, "_run", lambda target: next(coming))


def test_steady_runs_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    script(monkeypatch, STEADY, STEADY, STEADY)
    done = CliRunner().invoke(main, ["repeat", "memory", "--runs", "3"])
    assert done.exit_code == 0
    assert "memory: 3 runs: 3 conformant; 0 with a case that changed" in done.output


def test_a_case_that_changes_its_mind_is_named_with_its_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    script(monkeypatch, STEADY, FLAKY)
    done = CliRunner().invoke(main, ["repeat", "memory", "--runs", "2"])
    assert done.exit_code == 1
    assert "b: passed -> failed (it was lost)" in done.output


def test_every_second_run_is_loaded_and_the_load_is_gone_afterwards(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started: list[int] = []
    load = stability._load

    def counted(processes: int) -> object:
        started.append(processes)
        return load(processes)

    monkeypatch.setattr(stability, "_load", counted)
    script(monkeypatch, *[STEADY] * 4)
    loaded = [one.loaded for one in repeat("memory", 4, loaded=True)]
    assert loaded == [False, True, False, True]
    assert [bool(processes) for processes in started] == loaded


def test_an_unknown_target_is_refused_in_one_line() -> None:
    done = CliRunner().invoke(main, ["repeat", "no-such"])
    assert done.exit_code == 2
    assert done.output.startswith("Error: no target 'no-such'")


@pytest.mark.slow
def test_a_real_run_is_repeated() -> None:
    first, second = repeat("memory", 2, loaded=False)
    assert first.verdict == second.verdict == "conformant"
    assert second.changes == ()
