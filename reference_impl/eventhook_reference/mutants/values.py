"""Bugs of single values: shapes, texts and sizes that are seldom met.

Over 300 lines: independent bugs, each of a few lines, found by their names.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, Final
from uuid import UUID

import msgspec

from eventhook_conformance.contract import FlovynEvent, PublishError, StreamEvent, StreamEventType
from eventhook_conformance.target import Mutant
from eventhook_reference.mutants._register import bug
from eventhook_reference.mutants.base import Event, Member, PliableClient, Side

VALUES: list[Mutant] = []

_UUID: Final = re.compile(r"(?i)^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
_MOST_UNITS: Final = 32_767


def _each(value: Any, change: Callable[[Any], Any]) -> Any:
    """Returns the value with each of its parts changed, the innermost first."""
    if isinstance(value, dict):
        value = {key: _each(item, change) for key, item in value.items()}
    elif isinstance(value, list):
        value = [_each(item, change) for item in value]
    return change(value)


class _ChangesData(PliableClient):
    """Hands on other data than was published."""

    def copy(self, event: Event) -> Event:
        copied = super().copy(event)
        if not isinstance(copied, FlovynEvent):
            return copied
        return msgspec.structs.replace(copied, data=_each(copied.data, self.change))

    def change(self, value: Any) -> Any:
        """Returns what becomes of one part of the data."""
        return value


@bug(VALUES, "EVT-02", seen="data")
class NumberedObjectsBecomeArrays(_ChangesData):
    """Writes an object as an array if its keys are the numbers from 0 on."""

    def change(self, value: Any) -> Any:
        if isinstance(value, dict) and list(value) == [str(n) for n in range(len(value))] != []:
            return list(value.values())
        return value


@bug(VALUES, "EVT-02", seen="data")
class NumberKeysLoseTheirZeros(_ChangesData):
    """Reads a member's name of digits as a number, and writes it without leading zeros."""

    def change(self, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {str(int(key)) if key.isdecimal() else key: item for key, item in value.items()}


@bug(VALUES, "EVT-02", seen="data")
class DigitsBecomeNumbers(_ChangesData):
    """Delivers a text of digits as a number."""

    def change(self, value: Any) -> Any:
        digits = isinstance(value, str) and len(value) > 1 and value.isdecimal()
        return int(value) if digits else value


@bug(VALUES, "EVT-02", seen="data")
class PrototypesAreLost(_ChangesData):
    """Drops members named `__proto__` when it copies an object with others."""

    def change(self, value: Any) -> Any:
        if isinstance(value, dict) and len(value) > 1:
            return {key: item for key, item in value.items() if key != "__proto__"}
        return value


@bug(VALUES, "EVT-02", seen="data")
class UuidTextsInSmallLetters(_ChangesData):
    """Writes text in data that looks like a UUID in lower case."""

    def change(self, value: Any) -> Any:
        if isinstance(value, str) and _UUID.match(value):
            return str(UUID(value))
        return value


@bug(VALUES, "EVT-02", seen="data")
class TimesAreNormalized(_ChangesData):
    """Rewrites text in data that looks like a time, with an offset."""

    def change(self, value: Any) -> Any:
        if isinstance(value, str) and re.match(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$", value):
            return value[:-1] + "+00:00"
        return value


@bug(VALUES, "EVT-02", seen="data")
class LongArraysAreCut(_ChangesData):
    """Cuts an array after 1,024 items."""

    def change(self, value: Any) -> Any:
        return value[:1024] if isinstance(value, list) else value


@bug(VALUES, "EVT-02", seen="data")
class WideObjectsAreCut(_ChangesData):
    """Cuts an object after 255 members."""

    def change(self, value: Any) -> Any:
        if isinstance(value, dict) and len(value) > 255:
            return dict(list(value.items())[:255])
        return value


@bug(VALUES, "EVT-02", seen="data")
class LongTextsAreCut(_ChangesData):
    """Cuts a text after 32,767 UTF-16 units."""

    def change(self, value: Any) -> Any:
        if isinstance(value, str) and len(value.encode("utf-16-le")) // 2 >= _MOST_UNITS:
            return value[: _MOST_UNITS - 1]
        return value


@bug(VALUES, "EVT-01", seen="source")
class SourcesOfDigitsLoseZeros(PliableClient):
    """Keeps a source of digits as a number, without its leading zeros."""

    def copy(self, event: Event) -> Event:
        copied = super().copy(event)
        if isinstance(copied, FlovynEvent) and copied.source.isdecimal():
            return msgspec.structs.replace(copied, source=str(int(copied.source)))
        return copied


@bug(VALUES, "EVT-08", seen="data")
class CutsWhatIsTooLarge(PliableClient):
    """Cuts data that is too large until it fits, instead of refusing it."""

    async def publish(self, side: Side, event: Event) -> None:
        most = self.capabilities.max_event_bytes
        if side == "events" and isinstance(event.data, str):
            excess = len(event.to_json()) - most
            if excess > 0:
                event = msgspec.structs.replace(event, data=event.data[:-excess])
        await super().publish(side, event)


class _LosesSizes(PliableClient):
    """Loses events of some sizes."""

    bugged: Side = "events"

    def hand(self, member: Member, event: Event) -> None:
        if member.side != self.bugged or not self.is_lost(len(event.to_json())):
            super().hand(member, event)

    def is_lost(self, size: int) -> bool:
        """Returns whether an event of that size is lost."""
        return False


@bug(VALUES, "EVT-08", seen="which was active and asked for it")
class LosesWhatFillsABlock(_LosesSizes):
    """Drops an event whose size is a power of two: it leaves no room for an end mark."""

    def is_lost(self, size: int) -> bool:
        return size >= 512 and size & (size - 1) == 0


@bug(VALUES, "EVT-08", seen="which was active and asked for it")
class LosesWhatIsJustOverABlock(_LosesSizes):
    """Drops an event that is one byte larger than a block of 4, 8, 16 or 64 KiB."""

    def is_lost(self, size: int) -> bool:
        return size - 1 in (4096, 8192, 16_384, 65_536)


@bug(VALUES, "STR-05", seen="which was active and asked for it")
class StreamsLoseWhatFillsABlock(_LosesSizes):
    """Drops a stream event whose size is a power of two."""

    bugged: Side = "streams"

    def is_lost(self, size: int) -> bool:
        return size >= 512 and size & (size - 1) == 0


class _ChangesPayloads(PliableClient):
    """Hands on another payload than was published."""

    def copy(self, event: Event) -> Event:
        if not isinstance(event, StreamEvent):
            return super().copy(event)
        return msgspec.structs.replace(event, payload=self.change(event))

    def change(self, event: StreamEvent) -> str:
        """Returns what becomes of the payload."""
        return event.payload


@bug(VALUES, "STR-05", seen="payload")
class DataIsReformatted(_ChangesPayloads):
    """Parses the payload of DATA as JSON, and writes it in another form."""

    def change(self, event: StreamEvent) -> str:
        if event.event_type is not StreamEventType.DATA:
            return event.payload
        try:
            return json.dumps(json.loads(event.payload))
        except ValueError:
            return event.payload


@bug(VALUES, "STR-05", seen="payload")
class PayloadsOfDigitsLoseZeros(_ChangesPayloads):
    """Keeps a payload of digits as a number, without its leading zeros."""

    def change(self, event: StreamEvent) -> str:
        return str(int(event.payload)) if event.payload.isdecimal() else event.payload


@bug(VALUES, "STR-05", seen="payload")
class PayloadUuidsInSmallLetters(_ChangesPayloads):
    """Writes a payload that looks like a UUID in lower case."""

    def change(self, event: StreamEvent) -> str:
        return event.payload.lower() if _UUID.match(event.payload) else event.payload


@bug(VALUES, "STR-01", seen="task_execution_id")
class StreamTasksInSmallLetters(PliableClient):
    """Rewrites a stream event's task id that is nil or in upper case."""

    def copy(self, event: Event) -> Event:
        if isinstance(event, StreamEvent) and event.task_execution_id == str(UUID(int=0)):
            return msgspec.structs.replace(event, task_execution_id="")
        return super().copy(event)


class _Coalescing(PliableClient):
    """Leaves out a stream event that says the same as the one before it."""

    def hand(self, member: Member, event: Event) -> None:
        last: dict[Member, Event] = self.bus.memory.setdefault("last", {})
        before, last[member] = last.get(member), event
        if member.side == "events" or before is None or not self.is_the_same(before, event):
            super().hand(member, event)

    def is_the_same(self, before: Event, event: Event) -> bool:
        """Returns whether the second of two neighbours says nothing new."""
        return False


@bug(VALUES, "STR-01", seen="which was active and asked for it")
class EqualNeighboursAreOne(_Coalescing):
    """Drops a stream event that equals the one before in every field."""

    def is_the_same(self, before: Event, event: Event) -> bool:
        return bool(before == event)


@bug(VALUES, "STR-01", seen="which was active and asked for it")
class EqualProgressIsOne(_Coalescing):
    """Drops progress that has not changed."""

    def is_the_same(self, before: Event, event: Event) -> bool:
        return (
            before.event_type is event.event_type is StreamEventType.PROGRESS
            and before.payload == event.payload
        )


@bug(VALUES, "STR-01", seen="which was active and asked for it")
class OneProgressATick(_Coalescing):
    """Delivers only the first of several reports of progress with one timestamp."""

    def is_the_same(self, before: Event, event: Event) -> bool:
        return (
            before.event_type is event.event_type is StreamEventType.PROGRESS
            and before.timestamp_ms == event.timestamp_ms
        )


@bug(VALUES, "STR-06", seen="nothing published before")
class ErrorsAreReplayed(PliableClient):
    """Delivers the last ERROR of a stream to a new reader."""

    async def publish(self, side: Side, event: Event) -> None:
        await super().publish(side, event)
        if side == "streams" and event.event_type is StreamEventType.ERROR:
            self.bus.memory[event.workflow_execution_id] = event

    def enter(self, member: Member) -> None:
        super().enter(member)
        if member.side == "streams" and member.selects in self.bus.memory:
            member.channel.push(self.bus.memory[member.selects])


@bug(VALUES, "STR-06", seen="publish to succeed")
class UnheardErrorsRaise(PliableClient):
    """Raises when an ERROR is published that no reader gets."""

    async def publish(self, side: Side, event: Event) -> None:
        await super().publish(side, event)
        error = side == "streams" and event.event_type is StreamEventType.ERROR
        if error and not any(self.admits(one, event) for one in self.audience(side, event)):
            raise PublishError("nobody listens to this stream")


@bug(VALUES, "STR-06", seen="it ended")
class ErrorsEndTheStream(PliableClient):
    """Ends a reader's subscription with the first ERROR."""

    def hand(self, member: Member, event: Event) -> None:
        super().hand(member, event)
        if member.side == "streams" and event.event_type is StreamEventType.ERROR:
            member.channel.finish()
