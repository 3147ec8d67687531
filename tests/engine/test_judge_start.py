"""A judging process that was started early: taken where it is right, and never left behind."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from eventhook_conformance.cli._main import _judges_elsewhere
from eventhook_conformance.engine import judge_start
from eventhook_conformance.engine.judge_request import UNHEARD
from eventhook_conformance.engine.judge_start import (
    StartedJudge,
    discard_early,
    start_early,
    started_judge,
)


@pytest.fixture
def early() -> Iterator[StartedJudge]:
    """Yields the process that was started early."""
    start_early()
    (started,) = judge_start._early
    yield started
    discard_early()
    started.discard()


def test_it_is_taken_by_the_first_who_asks(early: StartedJudge) -> None:
    assert started_judge() is early
    another = started_judge()
    assert another is not early
    another.discard()


def test_one_that_looks_for_modules_elsewhere_is_not(
    early: StartedJudge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", ["/nowhere", *sys.path])
    another = started_judge()
    assert another is not early
    assert early.process.returncode is not None
    another.discard()


def test_one_that_nobody_asks_for_is_ended(early: StartedJudge) -> None:
    discard_early()
    assert early.process.returncode is not None


def test_it_ends_with_its_parent(early: StartedJudge, capfd: pytest.CaptureFixture[str]) -> None:
    early._pipe.close()
    assert early.process.wait(timeout=60) == UNHEARD
    assert capfd.readouterr() == ("", "")


def test_no_file_of_the_users_is_taken_for_a_module_of_the_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "pickle.py").write_text("raise ImportError('no')")
    monkeypatch.chdir(tmp_path)
    started = started_judge()
    started._pipe.close()
    assert started.process.wait(timeout=60) == UNHEARD
    assert capfd.readouterr() == ("", "")
    started.discard()


@pytest.mark.parametrize(
    ("words", "does"),
    [
        ("run memory -q", True),
        ("run memory --in-process", False),
        ("run --help", False),
        ("list", False),
        ("", False),
    ],
)
def test_run_alone_starts_one(words: str, does: bool) -> None:
    assert _judges_elsewhere(words.split()) is does
