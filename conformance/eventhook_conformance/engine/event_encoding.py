"""Encodes the engine's events as JSON values.

An event that crosses to another process holds exact built-in values alone. A case's history stays behind:
its evidence crosses, which is all that reports show of it.
"""

from __future__ import annotations

import math
from dataclasses import fields
from typing import Any, Final, TypeAlias

from eventhook_conformance.checker import Violation
from eventhook_conformance.checker.violation import shown
from eventhook_conformance.engine.events import (
    CaseFinished,
    CaseGoesOn,
    CaseStarted,
    EngineEvent,
    ResultRevised,
    RunFinished,
    RunStarted,
)
from eventhook_conformance.evidence import Diagram, Evidence
from eventhook_conformance.report.showing import evidence_of
from eventhook_conformance.results import CaseResult, RunResult
from eventhook_conformance.target import Capabilities

Json: TypeAlias = dict[str, Any]

RUN_MEMBERS: Final = (
    *("target", "invoked_as", "kit", "about", "unusable", "silent", "suite_failure"),
    *("duration_s", "unaudited", "leaked"),
)
"""Members of a run's result that cross: its cases crossed before, its settings never left."""
CASE_MEMBERS: Final = tuple(
    one.name
    for one in fields(CaseResult)
    if one.name not in ("history", "evidence", "violations", "program")
)
VIOLATION_MEMBERS: Final = tuple(one.name for one in fields(Violation) if one.name != "entries")
_LONGEST: Final = 1 << 62


def encode(event: EngineEvent, *, drawn: bool = True) -> Json:
    """Returns an event as JSON values, with or without diagrams; a `RunFinished` leaves out its cases."""
    match event:
        case RunStarted():
            content: Json = {"cases": event.cases}
        case CaseStarted() | CaseGoesOn():
            content = {"case": event.case}
        case CaseFinished():
            content = {"result": encode_case(event.result, drawn=drawn)}
        case ResultRevised():
            content = {"after": encode_case(event.after, drawn=drawn)}
        case RunFinished():
            content = {"result": _members(event.result)}
    return {"event": type(event).__name__, "run": _text(event.run), **content}


def _members(result: RunResult) -> Json:
    return {name: _value(getattr(result, name)) for name in RUN_MEMBERS}


def encode_run(result: RunResult) -> Json:
    """Returns the result of a run, with its cases, as JSON values; its settings are left out."""
    return {
        "members": _members(result),
        "claims": encode_claims(result.capabilities),
        "selectable": {name: list(cases) for name, cases in result.selectable.items()},
        "selected": sorted(result.selected),
        "cases": [encode_case(case) for case in result.cases],
    }


def encode_claims(claims: Capabilities) -> Json:
    """Returns the claims of a target as JSON values."""
    return {"driver": claims.driver, **claims.to_dict()}


def encode_case(result: CaseResult, *, drawn: bool = True) -> Json:
    """Returns the result of a case as JSON values, with its evidence in place of its history."""
    content = {name: _value(getattr(result, name)) for name in CASE_MEMBERS}
    content["violations"] = [
        [_value(getattr(violation, name)) for name in VIOLATION_MEMBERS]
        for violation in result.violations
    ]
    evidence = evidence_of(result, drawn=drawn)
    content["evidence"] = evidence and _evidence(evidence)
    return content


def _evidence(evidence: Evidence) -> list[Any]:
    breaches = [
        [_value(one.lines), one.diagram and _diagram(one.diagram)] for one in evidence.breaches
    ]
    return [evidence.length, _value(evidence.lines), breaches]


def _diagram(diagram: Diagram) -> list[Any]:
    return [
        [[_value(getattr(one, name)) for name in one.__match_args__] for one in part]
        for part in (diagram.lanes, diagram.rows, diagram.bars)
    ] + [diagram.width, diagram.height, diagram.notes_x]


def _value(value: Any) -> Any:
    """Returns a value as JSON values. An object of JSON stands for what has no form of its own."""
    kind = type(value)
    if value is None or kind is bool or (kind is int and abs(value) < _LONGEST):
        return value
    if kind is float:
        return value if math.isfinite(value) else {"t": "float", "v": repr(value)}
    if issubclass(kind, str):
        return _text(str.__str__(value))
    if kind in (list, tuple):
        return [_value(one) for one in value]
    return _text(shown(value))


def _text(text: str) -> Any:
    """Returns a text, or its bytes in hexadecimal where it has lone surrogates."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return {"t": "surrogates", "v": text.encode("utf-8", "surrogatepass").hex()}
    return text
