"""Misdeeds that change the suite itself, so that it would acquit: their target shares its process."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import FunctionType, ModuleType
from typing import Any

from engine.misdeeds.registry import misdeed
from eventhook_conformance import checker
from eventhook_conformance.cases import catalog
from eventhook_conformance.checker import violation
from eventhook_conformance.contract import FlovynEvent
from eventhook_conformance.engine import judge_process, seal
from eventhook_conformance.engine.oracle import Oracle
from eventhook_conformance.probe.findings import Findings


def _suite() -> Iterator[ModuleType]:
    for name, module in list(sys.modules.items()):
        if name.startswith("eventhook_conformance.") and module is not None:
            yield module


def _find_nothing(*_: Any, **__: Any) -> list[Any]:
    return []


async def _do_nothing(*_: Any, **__: Any) -> None:
    return


def _put(value: object, where: object, name: str) -> None:
    setattr(where, name, value)


@misdeed
def replaces_a_part_of_the_checker() -> None:
    _put(_find_nothing, checker, "judge_deliveries")


@misdeed
def replaces_the_checker_everywhere() -> None:
    for module in _suite():
        if hasattr(module, "check"):
            _put(_find_nothing, module, "check")


@misdeed
def replaces_a_method_of_the_suite() -> None:
    _put(_find_nothing, Oracle, "judge")


@misdeed
def replaces_the_code_of_the_checker() -> None:
    _put(_find_nothing.__code__, checker.check, "__code__")


@misdeed
def changes_a_default_of_the_suite() -> None:
    _put((_find_nothing, None), Oracle.__init__, "__defaults__")


@misdeed
def charges_nothing() -> None:
    violation._CHARGES.update(dict.fromkeys(violation._CHARGES, ((), ())))


@misdeed
def shadows_a_builtin_in_the_suite() -> None:
    _put(lambda _: 0, checker.deliveries, "len")


@misdeed
def makes_all_events_equal() -> None:
    _put(lambda *_: True, FlovynEvent, "__eq__")


@misdeed
def empties_the_cases() -> None:
    for one in catalog().values():
        object.__setattr__(one, "body", _do_nothing)


@misdeed
def empties_the_code_of_the_cases() -> None:
    for module in _suite():
        for value in vars(module).values():
            if isinstance(value, FunctionType) and hasattr(value, "__case__"):
                value.__code__ = _do_nothing.__code__


@misdeed
def hides_what_is_found() -> None:
    _put(lambda *_, **__: None, Findings, "add")


@misdeed
def tells_others_results() -> None:
    _put(lambda *_, **__: {"event": "CaseStarted", "run": "", "case": ""}, judge_process, "encode")


@misdeed
def blinds_the_look_at_the_suite() -> None:
    _put(lambda _: None, seal.Seal, "broken")
    _put(_find_nothing, Oracle, "judge")
