"""Bugs that another notation brings: marks that it doubles, objects that it reads, copies that it saves."""

from __future__ import annotations

import copy
import json
from typing import Any, Final

import msgspec

from eventhook_conformance.contract import FlovynEvent
from eventhook_conformance.target import Mutant
from eventhook_reference.mutants._register import bug
from eventhook_reference.mutants.base import Event, PliableClient

PACKING: list[Mutant] = []

_DEEP: Final = 3
_LARGE: Final = 4096


class _Rewrites(PliableClient):
    """Hands on each value of the data, and each payload, as a bug has it."""

    def text(self, text: str) -> str:
        """Returns a text, as a bug has it."""
        return text

    def value(self, value: Any, depth: int) -> Any:
        """Returns a value that lies that deep, as a bug has it."""
        return value

    def _rewritten(self, value: Any, depth: int = 0) -> Any:
        if isinstance(value, str):
            value = self.text(value)
        elif isinstance(value, dict):
            value = {name: self._rewritten(one, depth + 1) for name, one in value.items()}
        elif isinstance(value, list):
            value = [self._rewritten(one, depth + 1) for one in value]
        return self.value(value, depth)

    def copy(self, event: Event) -> Event:
        event = super().copy(event)
        if isinstance(event, FlovynEvent):
            return msgspec.structs.replace(event, data=self._rewritten(event.data))
        return msgspec.structs.replace(event, payload=self.text(event.payload))


@bug(PACKING, "EVT-02", "STR-05", seen="%")
class TwoPercentSignsAreOne(_Rewrites):
    """Takes text for a format without arguments, in which two percent signs are one."""

    def text(self, text: str) -> str:
        return text.replace("%%", "%")


@bug(PACKING, "EVT-02", "STR-05", seen="'")
class TwoApostrophesAreOne(_Rewrites):
    """Reads text out of an SQL literal, though it was never put into one."""

    def text(self, text: str) -> str:
        return text.replace("''", "'")


@bug(PACKING, "EVT-02", "STR-05", seen="payload")
class BarsAreEscaped(_Rewrites):
    """Takes a bar at the end of a text for the end of a table's cell."""

    def text(self, text: str) -> str:
        return text[:-1] if text.endswith("a|") else text


@bug(PACKING, "EVT-02", seen="data")
class DeepBooleansAreNumbers(_Rewrites):
    """Writes booleans as 1 and 0 from the third level on."""

    def value(self, value: Any, depth: int) -> Any:
        return int(value) if isinstance(value, bool) and depth >= _DEEP else value


@bug(PACKING, "EVT-02", seen="data")
class ReferencesAreFollowed(_Rewrites):
    """Replaces an object whose only member is `$ref` by the value of that."""

    def value(self, value: Any, depth: int) -> Any:
        return value["$ref"] if isinstance(value, dict) and list(value) == ["$ref"] else value


@bug(PACKING, "EVT-02", seen="data")
class ExtendedNumbersAreRead(_Rewrites):
    """Makes a number of an object in a document store's notation for long integers."""

    def value(self, value: Any, depth: int) -> Any:
        if isinstance(value, dict) and list(value) == ["$numberLong"]:
            number = value["$numberLong"]
            return int(number) if isinstance(number, str) and number.isdigit() else value
        return value


@bug(PACKING, "EVT-02", seen="data")
class BuffersAreRead(_Rewrites):
    """Makes text of an object of the form that a runtime writes for bytes."""

    def value(self, value: Any, depth: int) -> Any:
        if isinstance(value, dict) and value.get("type") == "Buffer" and len(value) > 1:
            return bytes(value["data"]).decode()
        return value


@bug(PACKING, "EVT-04", seen="as it was published")
class SharesWhatIsLarge(PliableClient):
    """Shares data of more than 4 KiB, to save the time of copying."""

    def copy(self, event: Event) -> Event:
        if isinstance(event, FlovynEvent) and len(json.dumps(event.data)) > _LARGE:
            return event
        return super().copy(event)


def _copied_but_empty(value: Any) -> Any:
    if not value:
        return value
    if isinstance(value, dict):
        return {name: _copied_but_empty(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_copied_but_empty(one) for one in value]
    return value


@bug(PACKING, "EVT-04", seen="as it was published")
class SharesWhatIsEmpty(PliableClient):
    """Takes an empty object or list for nothing, and shares it."""

    def copy(self, event: Event) -> Event:
        if isinstance(event, FlovynEvent):
            return msgspec.structs.replace(event, data=_copied_but_empty(event.data))
        return event


def _copied_to(depth: int, value: Any) -> Any:
    if not depth:
        return value
    if isinstance(value, dict):
        return {name: _copied_to(depth - 1, one) for name, one in value.items()}
    if isinstance(value, list):
        return [_copied_to(depth - 1, one) for one in value]
    return copy.copy(value)


@bug(PACKING, "EVT-04", seen="as it was published")
class SharesWhatIsDeep(PliableClient):
    """Copies six levels of the data, and shares what lies below."""

    def copy(self, event: Event) -> Event:
        if isinstance(event, FlovynEvent):
            return msgspec.structs.replace(event, data=_copied_to(6, event.data))
        return event
