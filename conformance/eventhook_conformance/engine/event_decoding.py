"""Decodes the engine's events, as `event_encoding` wrote them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import Any
from uuid import UUID

from eventhook_conformance.checker import Violation
from eventhook_conformance.contract import Begin, StreamEventType
from eventhook_conformance.engine.event_encoding import (
    ENTRIES,
    MEMBERS,
    RUN_MEMBERS,
    STRUCTS,
    Json,
    Shown,
)
from eventhook_conformance.engine.events import (
    CaseFinished,
    CaseStarted,
    EngineEvent,
    ResultRevised,
    RunFinished,
    RunStarted,
)
from eventhook_conformance.history import (
    History,
    Moment,
)
from eventhook_conformance.results import CaseResult, RunResult
from eventhook_conformance.settings import Settings
from eventhook_conformance.target import Capabilities


def _take_members(result: RunResult, content: Json) -> None:
    for name in RUN_MEMBERS:
        setattr(result, name, _Decoding([]).value(content[name]))
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
    from eventhook_conformance.driver.client import DriverCapabilities  # drivers alone pay for it

    return DriverCapabilities.from_dict(content)


def decode(content: Json, result: RunResult) -> EngineEvent:
    """Returns the event that was encoded, and enters what it says into the result of its run.

    Args:
        content: what `encode` returned.
        result: of the run so far; the settings and the capabilities are known.

    Raises:
        ValueError, KeyError, TypeError, IndexError, AttributeError: it is no such event.
    """
    plain = _Decoding([]).value
    name, run = content["event"], plain(content["run"])
    if name == "RunStarted":
        return RunStarted(run, int(content["cases"]))
    if name == "CaseStarted":
        return CaseStarted(run, str(content["case"]))
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
    decoding = _Decoding(content["entries"])
    history = None
    if content["history"] is not None:
        history = History(decoding.value(content["history"]["case"]))
        for name in ("publishes", "subscriptions", "remarks", "faults", "purges"):
            setattr(history, name, decoding.value(content["history"][name]))
    members = {
        one.name: decoding.value(content[one.name])
        for one in fields(CaseResult)
        if one.name not in ("history", "violations", "program")
    }
    violations = []
    for one in content["violations"]:
        values = {field.name: decoding.value(one[field.name]) for field in fields(Violation)}
        for name in ("requirements", "entries"):
            values[name] = tuple(values[name])
        violations.append(Violation(**values))
    for name in ("requirements", "hung", "died"):
        members[name] = tuple(members[name])
    return CaseResult(**members, violations=tuple(violations), history=history)


class _Decoding:
    """Decodes values that refer to entries of a history."""

    def __init__(self, entries: Sequence[Any]) -> None:
        self._entries: list[Any] = [object.__new__(ENTRIES[name]) for name, *_ in entries]
        self._readers: Mapping[str, Callable[[Any], Any]] = {
            "entry": self._entries.__getitem__,
            "moment": lambda inner: Moment(*inner),
            "uuid": UUID,
            "begin": Begin,
            "float": float,
            "kind": StreamEventType,
            "surrogates": lambda inner: bytes.fromhex(inner).decode("utf-8", "surrogatepass"),
            "shown": lambda inner: Shown(self.value(inner)),
            "dict": lambda inner: {_key(self.value(key)): self.value(one) for key, one in inner},
        }
        for entry, (_, *members) in zip(self._entries, entries, strict=True):
            for name, member in zip(MEMBERS[type(entry)], members, strict=True):
                setattr(entry, name, self.value(member))

    def value(self, value: Any) -> Any:
        """Returns the value that was encoded."""
        if isinstance(value, list):
            return [self.value(one) for one in value]
        if not isinstance(value, dict):
            return value
        tag, inner = value["t"], value["v"]
        if tag in STRUCTS:
            return STRUCTS[tag](**{name: self.value(one) for name, one in inner.items()})
        return self._readers[tag](inner)


def _key(key: Any) -> Any:
    return key if isinstance(key, str | int | float | bool | None) else repr(key)
