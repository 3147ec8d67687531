"""The seal: a change of the suite is found and named; a run's own changes are not."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import msgspec
import pytest

from engine.hostile import Hostile, after, before, examine
from engine.misdeeds.tampering import _find_nothing
from eventhook_conformance import checker
from eventhook_conformance.cases import catalog
from eventhook_conformance.checker import violation
from eventhook_conformance.contract import FlovynEvent, StreamEventType
from eventhook_conformance.engine.oracle import Oracle
from eventhook_conformance.engine.seal import Seal

Change = Callable[[pytest.MonkeyPatch], None]

CHANGES: dict[str, tuple[Change, str]] = {
    "a name of a module": (
        lambda patch: patch.setattr(checker, "judge_order", _find_nothing),
        "eventhook_conformance.checker.judge_order",
    ),
    "a name that hides a builtin": (
        lambda patch: patch.setattr(checker, "len", len, raising=False),
        "eventhook_conformance.checker.len",
    ),
    "a name that is gone": (
        lambda patch: patch.delattr(checker, "judge_order"),
        "eventhook_conformance.checker.judge_order",
    ),
    "a method": (
        lambda patch: patch.setattr(Oracle, "judge", _find_nothing),
        "eventhook_conformance.engine.oracle.Oracle.judge",
    ),
    "a method that was inherited": (
        lambda patch: patch.setattr(FlovynEvent, "__eq__", object.__eq__, raising=False),
        "eventhook_conformance.contract.events.FlovynEvent.__eq__",
    ),
    "code": (
        lambda patch: patch.setattr(checker.check, "__code__", _find_nothing.__code__),
        "eventhook_conformance.checker.check",
    ),
    "the code behind a wrapper": (
        lambda patch: patch.setattr(catalog.__wrapped__, "__code__", _find_nothing.__code__),
        "eventhook_conformance.cases.catalog",
    ),
    "a default": (
        lambda patch: patch.setattr(checker.check, "__defaults__", (1,)),
        "eventhook_conformance.checker.check",
    ),
    "a table": (
        lambda patch: patch.setitem(violation._CHARGES, "leaked", ((), ())),
        "eventhook_conformance.checker.violation._CHARGES.leaked",
    ),
    "a case": (
        lambda patch: patch.setitem(vars(_first_case()), "body", _find_nothing),
        f"{next(iter(catalog()))}.body",
    ),
}


def _first_case() -> Any:
    return next(iter(catalog().values()))


@pytest.fixture(scope="module")
def seal() -> Seal:
    return Seal(catalog().values())


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_named(name: str, seal: Seal, monkeypatch: pytest.MonkeyPatch) -> None:
    change, expected = CHANGES[name]
    assert seal.broken() is None
    with monkeypatch.context() as patch:
        change(patch)
        assert seal.broken() == expected


def test_a_run_changes_nothing(seal: Seal) -> None:
    examine(Hostile().target, [before, after])
    assert seal.broken() is None


def test_a_module_that_is_imported_later_changes_nothing(
    seal: Seal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checker, "later", ModuleType("later"), raising=False)
    monkeypatch.setitem(sys.modules, "eventhook_conformance.checker.later", ModuleType("later"))
    assert seal.broken() is None


def test_a_library_that_keeps_something_in_a_class_changes_nothing(
    seal: Seal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(StreamEventType, "__some_cache__", object(), raising=False)
    msgspec.json.encode(StreamEventType.TOKEN)
    assert seal.broken() is None


def test_the_cases_cannot_be_taken_out() -> None:
    with pytest.raises(AttributeError):
        catalog().pop("any")  # type: ignore[attr-defined]  # because: that there is none is the matter
