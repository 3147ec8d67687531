"""Encodes the engine's events as JSON values.

An event that crosses to another process holds exact built-in values and the contract's own types alone.
Anything else that a target delivered crosses as the text by which reports show it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Final, TypeAlias
from uuid import UUID

from eventhook_conformance.checker import Violation
from eventhook_conformance.checker.violation import shown
from eventhook_conformance.contract import (
    Begin,
    EventPattern,
    FlovynEvent,
    StreamEvent,
    StreamEventType,
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
    Delivery,
    FaultWindow,
    Moment,
    Publish,
    Purge,
    Remark,
    Subscribed,
    Waited,
)
from eventhook_conformance.results import CaseResult, RunResult
from eventhook_conformance.target import Capabilities

Json: TypeAlias = dict[str, Any]

ENTRIES: Final[Mapping[str, type[Any]]] = {
    one.__name__: one for one in (Publish, Subscribed, Delivery, Waited, Remark, FaultWindow, Purge)
}
MEMBERS: Final[Mapping[type[Any], tuple[str, ...]]] = {
    kind: tuple(one.name for one in fields(kind)) for kind in ENTRIES.values()
}
"""The names of their members, in order: to ask for them at each entry took a tenth of a run."""
STRUCTS: Final[Mapping[str, type[Any]]] = {
    one.__name__: one for one in (FlovynEvent, StreamEvent, EventPattern)
}
RUN_MEMBERS: Final = (
    *("target", "invoked_as", "kit", "about", "unusable", "silent", "suite_failure"),
    *("duration_s", "unaudited", "leaked"),
)
"""Members of a run's result that cross: its cases crossed before, its settings never left."""
_LONGEST: Final = 1 << 62
_DEEPEST: Final = 48
_MOST_LETTERS: Final = 4096
_MOST_ITEMS: Final = 256
"""Reports show the first few letters of what a target delivered; the rest stays behind."""


class Shown:
    """Stands for a value that a target delivered and that no report could look into.

    Args:
        text: what `repr` returns.
    """

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


def encode(event: EngineEvent) -> Json:
    """Returns an event as JSON values; the cases of a `RunFinished` are left out."""
    match event:
        case RunStarted():
            content: Json = {"cases": event.cases}
        case CaseStarted():
            content = {"case": event.case}
        case CaseFinished():
            content = {"result": encode_case(event.result)}
        case ResultRevised():
            content = {"after": encode_case(event.after)}
        case RunFinished():
            content = {"result": _members(event.result)}
    return {"event": type(event).__name__, "run": _text(event.run), **content}


def _members(result: RunResult) -> Json:
    return {name: _Encoding().value(getattr(result, name)) for name in RUN_MEMBERS}


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


def encode_case(result: CaseResult) -> Json:
    """Returns the result of a case, with its history, as JSON values."""
    encoding = _Encoding()
    content = {
        one.name: encoding.value(getattr(result, one.name))
        for one in fields(CaseResult)
        if one.name not in ("history", "violations", "program")
    }
    content["violations"] = [
        {one.name: encoding.value(getattr(violation, one.name)) for one in fields(Violation)}
        for violation in result.violations
    ]
    content["history"] = result.history and {
        "case": _text(result.history.case),
        **{
            name: encoding.value(getattr(result.history, name))
            for name in ("publishes", "subscriptions", "remarks", "faults", "purges")
        },
    }
    content["entries"] = encoding.entries
    return content


class _Encoding:
    """Encodes values that refer to entries of a history: each entry is encoded once."""

    def __init__(self) -> None:
        self.entries: list[Any] = []
        self._places: dict[int, int] = {}

    def value(self, value: Any, depth: int = 0) -> Any:
        """Returns a value as JSON values. An object of JSON stands for what has no form of its own."""
        kind = type(value)
        if value is None or kind is bool or (kind is int and abs(value) < _LONGEST):
            return value
        if kind is float:
            return value if math.isfinite(value) else _tagged("float", repr(value))
        if issubclass(kind, str):
            exact = str.__str__(value)
            return _tagged("kind", exact) if kind is StreamEventType else _text(exact)
        if kind in MEMBERS:
            return _tagged("entry", self._entry(value))
        if kind is Moment:
            return _tagged("moment", list(value))
        if depth > _DEEPEST:
            return _tagged("shown", "…")
        if kind in (list, tuple):
            return [self.value(one, depth + 1) for one in list(value)]
        return self._foreign(value, depth)

    def _foreign(self, value: Any, depth: int) -> Json:
        if type(value) is UUID:
            return _tagged("uuid", str(value))
        if type(value) is Begin:
            return _tagged("begin", value.value)
        try:
            for name, struct in STRUCTS.items():
                if issubclass(type(value), struct):
                    members = {
                        one: self._member(getattr(value, one), depth)
                        for one in struct.__struct_fields__
                    }
                    return _tagged(name, members)
            if type(value) is dict:
                return _tagged("dict", [[self.value(k), v] for k, v in self._items(value, depth)])
        except Exception:  # because: what a target delivers may raise wherever it is looked at
            return _tagged("shown", shown(value))
        return _tagged("shown", shown(value))

    def _member(self, value: Any, depth: int) -> Any:
        """Encodes a member of an event; a subclass of `str` counts as its text."""
        if issubclass(type(value), str) and type(value) is not StreamEventType:
            value = str.__str__(value)[:_MOST_LETTERS]
        elif type(value) in (list, tuple):
            value = value[:_MOST_ITEMS]
        return self.value(value, depth + 1)

    def _items(self, value: dict[Any, Any], depth: int) -> list[tuple[Any, Any]]:
        return [(key, self._member(one, depth)) for key, one in list(value.items())[:_MOST_ITEMS]]

    def _entry(self, entry: Any) -> int:
        place = self._places.get(id(entry))
        if place is None:
            place = self._places[id(entry)] = len(self.entries)
            self.entries.append(None)
            members = [self.value(getattr(entry, name)) for name in MEMBERS[type(entry)]]
            self.entries[place] = [type(entry).__name__, *members]
        return place


def _tagged(tag: str, value: Any) -> Json:
    return {"t": tag, "v": _text(value) if tag == "shown" else value}


def _text(text: str) -> Any:
    """Returns a text, or its bytes in hexadecimal where it has lone surrogates."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return {"t": "surrogates", "v": text.encode("utf-8", "surrogatepass").hex()}
    return text
