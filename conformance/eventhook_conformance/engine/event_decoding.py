"""Decodes the engine's events, as `event_encoding` wrote them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from eventhook_conformance.checker import Violation
from eventhook_conformance.engine.event_encoding import (
    CASE_MEMBERS,
    RUN_MEMBERS,
    VIOLATION_MEMBERS,
    Json,
)
from eventhook_conformance.engine.events import (
    CaseFinished,
    CaseGoesOn,
    CaseStarted,
    EngineEvent,
    ResultRevised,
    RunFinished,
    RunStarted,
)
from eventhook_conformance.evidence import Bar, BreachEvidence, Diagram, Evidence, Lane, Row
from eventhook_conformance.results import CaseResult, RunResult
from eventhook_conformance.settings import Settings
from eventhook_conformance.target import Capabilities


def _take_members(result: RunResult, content: Json) -> None:
    for name in RUN_MEMBERS:
        setattr(result, name, _value(content[name]))
    result.kit = tuple(result.kit)


def decode_run(content: Json, settings: Settings) -> RunResult:
    """Returns the result of a run that was encoded, with the settings that it had."""
    result = RunResult(
        target="",
        capabilities=decode_claims(content["claims"]),
        settings=settings,
        selectable=content["selectable"],
        selected=frozenset(content["selected"]),
        cases=[decode_case(case) for case in content["cases"]],
    )
    _take_members(result, content["members"])
    return result


def decode_claims(content: Json) -> Capabilities:
    """Returns the claims that were encoded."""
    if not content["driver"]:
        return Capabilities.from_dict(content)
    from eventhook_conformance.driver.target import DriverCapabilities  # drivers alone pay for it

    return DriverCapabilities.from_dict(content)


def decode(content: Json, result: RunResult) -> EngineEvent:
    """Returns the event that was encoded, and adds its content to the result of its run.

    Args:
        content: what `encode` returned.
        result: of the run so far; the settings and the capabilities are known.

    Raises:
        ValueError, KeyError, TypeError, IndexError, AttributeError: it is no such event.
    """
    name, run = content["event"], _value(content["run"])
    if name == "RunStarted":
        return RunStarted(run, int(content["cases"]))
    if name == "CaseStarted":
        return CaseStarted(run, str(content["case"]))
    if name == "CaseGoesOn":
        return CaseGoesOn(run, str(content["case"]))
    if name == "CaseFinished":
        case = decode_case(content["result"])
        result.cases.append(case)
        return CaseFinished(run, case)
    if name == "ResultRevised":
        after = decode_case(content["after"])
        place = [case.id for case in result.cases].index(after.id)
        before, result.cases[place] = result.cases[place], after
        return ResultRevised(run, before, after)
    if name == "RunFinished":
        _take_members(result, content["result"])
        return RunFinished(run, result)
    raise ValueError(f"expected an event of the engine, got {name!r}")


def decode_case(content: Json) -> CaseResult:
    """Returns the result of a case that was encoded.

    Raises:
        ValueError, KeyError, TypeError, IndexError, AttributeError: it is no such result.
    """
    members = {name: _value(content[name]) for name in CASE_MEMBERS}
    for name in ("requirements", "hung", "died"):
        members[name] = tuple(members[name])
    evidence = content["evidence"]
    return CaseResult(
        **members,
        violations=tuple(_violation(one) for one in content["violations"]),
        evidence=None if evidence is None else _evidence(*evidence),
    )


def _violation(content: Sequence[Any]) -> Violation:
    members = dict(zip(VIOLATION_MEMBERS, map(_value, content), strict=True))
    members["requirements"] = tuple(members["requirements"])
    if members["values"] is not None:
        members["values"] = tuple(members["values"])
    return Violation(**members)


def _evidence(length: int, lines: Sequence[Any], breaches: Sequence[Any]) -> Evidence:
    return Evidence(
        int(length),
        tuple(_value(lines)),
        tuple(
            BreachEvidence(tuple(_value(told)), drawn and _diagram(*drawn))
            for told, drawn in breaches
        ),
    )


def _diagram(
    lanes: Sequence[Any], rows: Sequence[Any], bars: Sequence[Any], *sizes: int
) -> Diagram:
    return Diagram(
        tuple(Lane(*_value(one)) for one in lanes),
        tuple(Row(*_value(one)) for one in rows),
        tuple(Bar(*one) for one in bars),
        *sizes,
    )


def _value(value: Any) -> Any:
    """Returns the value that was encoded."""
    if isinstance(value, list):
        return [_value(one) for one in value]
    if not isinstance(value, dict):
        return value
    if value["t"] == "float":
        return float(value["v"])
    return bytes.fromhex(value["v"]).decode("utf-8", "surrogatepass")
