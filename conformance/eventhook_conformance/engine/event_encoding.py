"""Encodes the engine's events as JSON values, and decodes them.

An event that crosses to another process holds exact built-in values and the contract's own types alone.
Anything else that a target delivered crosses as the text by which reports show it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import Any, Final, TypeAlias
from uuid import UUID

from eventhook_conformance.checker import Violation
from eventhook_conformance.checker.violation import shown
from eventhook_conformance.contract import EventPattern, FlovynEvent, StreamEvent, StreamEventType
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
    History,
    Moment,
    Publish,
    Remark,
    Subscribed,
    Waited,
)
from eventhook_conformance.results import CaseResult, RunResult
from eventhook_conformance.settings import Settings
from eventhook_conformance.target import Capabilities

Json: TypeAlias = dict[str, Any]

_ENTRIES: Final[Mapping[str, type[Any]]] = {
    one.__name__: one for one in (Publish, Subscribed, Delivery, Waited, Remark, FaultWindow)
}
_ENTRY_KINDS: Final = frozenset(_ENTRIES.values())
_STRUCTS: Final[Mapping[str, type[Any]]] = {
    one.__name__: one for one in (FlovynEvent, StreamEvent, EventPattern)
}
_RUN_MEMBERS: Final = (
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
    return {name: _Encoding().value(getattr(result, name)) for name in _RUN_MEMBERS}


def _take_members(result: RunResult, content: Json) -> None:
    for name in _RUN_MEMBERS:
        setattr(result, name, _Decoding([]).value(content[name]))
    result.kit = tuple(result.kit)


def encode_run(result: RunResult) -> Json:
    """Returns the result of a run, with its cases, as JSON values; its settings are left out."""
    return {
        "members": _members(result),
        "claims": encode_claims(result.capabilities),
        "selectable": {name: list(cases) for name, cases in result.selectable.items()},
        "selected": sorted(result.selected),
        "cases": [encode_case(case) for case in result.cases],
    }


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


def encode_claims(claims: Capabilities) -> Json:
    """Returns the claims of a target as JSON values."""
    return {"driver": claims.driver, **claims.to_dict()}


def decode_claims(content: Json) -> Capabilities:
    """Returns the claims that were encoded."""
    if not content["driver"]:
        return Capabilities.from_dict(content)
    from eventhook_conformance.driver.client import DriverCapabilities  # drivers alone pay for it

    return DriverCapabilities.from_dict(content)


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
            for name in ("publishes", "subscriptions", "remarks", "faults")
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
        if kind in _ENTRY_KINDS:
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
        try:
            for name, struct in _STRUCTS.items():
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
            members = [self.value(getattr(entry, one.name)) for one in fields(entry)]
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
        for name in ("publishes", "subscriptions", "remarks", "faults"):
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
    members["requirements"] = tuple(members["requirements"])
    return CaseResult(**members, violations=tuple(violations), history=history)


class _Decoding:
    """Decodes values that refer to entries of a history."""

    def __init__(self, entries: Sequence[Any]) -> None:
        self._entries: list[Any] = [object.__new__(_ENTRIES[name]) for name, *_ in entries]
        self._readers: Mapping[str, Callable[[Any], Any]] = {
            "entry": self._entries.__getitem__,
            "moment": lambda inner: Moment(*inner),
            "uuid": UUID,
            "float": float,
            "kind": StreamEventType,
            "surrogates": lambda inner: bytes.fromhex(inner).decode("utf-8", "surrogatepass"),
            "shown": lambda inner: Shown(self.value(inner)),
            "dict": lambda inner: {_key(self.value(key)): self.value(one) for key, one in inner},
        }
        for entry, (_, *members) in zip(self._entries, entries, strict=True):
            for field, member in zip(fields(entry), members, strict=True):
                setattr(entry, field.name, self.value(member))

    def value(self, value: Any) -> Any:
        """Returns the value that was encoded."""
        if isinstance(value, list):
            return [self.value(one) for one in value]
        if not isinstance(value, dict):
            return value
        tag, inner = value["t"], value["v"]
        if tag in _STRUCTS:
            return _STRUCTS[tag](**{name: self.value(one) for name, one in inner.items()})
        return self._readers[tag](inner)


def _key(key: Any) -> Any:
    return key if isinstance(key, str | int | float | bool | None) else repr(key)
