"""The cases of `next` behind the driver protocol: a right driver passes, one that loses is caught."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import pytest

from eventhook_conformance.cases import catalog
from eventhook_conformance.engine.resolve_target import find_target
from eventhook_conformance.engine.runner import judge
from eventhook_conformance.results import RunResult
from eventhook_conformance.settings import Settings

BROKEN = Path(__file__).parent.parent / "driver" / "broken"


def judged(name: str, *arguments: str, only: str = "") -> RunResult:
    line = shlex.join([sys.executable, str(BROKEN / f"{name}.py"), *arguments])
    named = [one for one in catalog().values() if one.id.startswith("driver_next::")]
    cases = [one for one in named if only in one.id]
    return judge(find_target(f"driver:{line}"), Settings(arrival_timeout_s=1.0), cases)


def test_a_right_driver_passes() -> None:
    assert [case.outcome for case in judged("evil", "none").cases] == ["passed"] * 5


@pytest.mark.parametrize("requirement", ["PUB-01", "STR-06"])
def test_a_driver_that_loses_after_a_next_in_vain_is_caught(requirement: str) -> None:
    result = judged("loses_after_a_timeout")
    charged = {one for case in result.cases for v in case.violations for one in v.requirements}
    assert requirement in charged


def test_a_driver_whose_end_is_none_is_caught() -> None:
    result = judged("ends_twice")
    charged = {one for case in result.cases for v in case.violations for one in v.requirements}
    assert "PUB-17" in charged


def test_a_driver_that_answers_nothing_at_once_is_caught() -> None:
    result = judged("needs_time", only="without_time")
    charged = {one for case in result.cases for v in case.violations for one in v.requirements}
    assert charged == {"PUB-01", "STR-06"}
