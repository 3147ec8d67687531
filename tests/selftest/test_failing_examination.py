"""One examination that fails takes no finding of the others with it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from eventhook_conformance.selftest.examine import Examination, examine_all
from eventhook_conformance.target import Mutant
from selftest.findings import FOUND

FIRST, SECOND = "retains-the-last", "swallows-the-first"
MARK = Path("failed-once")


def fails_once(mutant: Mutant) -> Examination:
    """Examines nothing; raises for one mutant, the first time."""
    if mutant.name == FIRST and not MARK.exists():
        MARK.touch()
        raise RuntimeError("no luck")
    return replace(FOUND, mutant=mutant.name)


def always_fails(mutant: Mutant) -> Examination:
    """Examines nothing; raises for one mutant each time."""
    if mutant.name == FIRST:
        raise RuntimeError("no luck")
    return replace(FOUND, mutant=mutant.name)


def test_examination_that_raised_is_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = [one.mutant for one in examine_all([FIRST, SECOND], examiner=fails_once, workers=1)]
    assert found == [SECOND, FIRST]


def test_one_that_raises_again_ends_it_after_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    findings = examine_all([FIRST, SECOND], examiner=always_fails, workers=1)
    assert next(findings).mutant == SECOND
    with pytest.raises(RuntimeError, match="no luck"):
        next(findings)
