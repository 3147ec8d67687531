"""Bugs of the event itself: fields changed or shared on the way."""

from __future__ import annotations

import asyncio
import copy
import json
import math
import unicodedata
from collections.abc import Callable
from typing import Any

import msgspec

from eventhook_conformance.contract import (
    FlovynEvent,
    StreamEvent,
)
from eventhook_conformance.target import Mutant
from eventhook_reference.mutants._register import bug
from eventhook_reference.mutants.base import Event, Member, PliableClient, Side

PAYLOAD: list[Mutant] = []

replace = msgspec.structs.replace


def mapped(value: Any, change: Callable[[Any], Any]) -> Any:
    """Returns the JSON value with every scalar and key changed."""
    if isinstance(value, dict):
        return {change(key): mapped(item, change) for key, item in value.items()}
    if isinstance(value, list):
        return [mapped(item, change) for item in value]
    return change(value)


class Altering(PliableClient):
    """Changes events on their way; a bug says how."""

    def copy(self, event: Event) -> Event:
        own = super().copy(event)
        return self.altered(own) if isinstance(own, FlovynEvent) else own

    def altered(self, event: FlovynEvent) -> FlovynEvent:
        """Returns the event as this bug delivers it."""
        return event


@bug(PAYLOAD, "EVT-01", seen="task_execution_id = None")
class ForgetsTheLoneTask(Altering):
    """Loses the task's id of an event that has no workflow."""

    def altered(self, event: FlovynEvent) -> FlovynEvent:
        lone = event.workflow_execution_id is None
        return replace(event, task_execution_id=None) if lone else event


@bug(PAYLOAD, "EVT-01", seen="correlation_id = ''")
class FillsInAbsentText(Altering):
    """Delivers an absent correlation id as empty text if a workflow and a task are set."""

    def altered(self, event: FlovynEvent) -> FlovynEvent:
        if event.workflow_execution_id is None or event.task_execution_id is None:
            return event
        return replace(event, correlation_id=event.correlation_id or "")


@bug(PAYLOAD, "EVT-01", seen="correlation_id = None")
class LosesCorrelationBetweenClients(PliableClient):
    """Loses the correlation id of an event from another client."""

    def hand(self, member: Member, event: Event) -> None:
        if member.client is not self and isinstance(event, FlovynEvent):
            event = replace(event, correlation_id=None)
        super().hand(member, event)


@bug(PAYLOAD, "EVT-02", seen="data = ")
class NestsDottedKeys(Altering):
    """Turns a key `a.b` of the data into nested objects."""

    def altered(self, event: FlovynEvent) -> FlovynEvent:
        if not isinstance(event.data, dict):
            return event
        data: dict[str, Any] = {}
        for key, value in event.data.items():
            first, dot, rest = key.partition(".")
            data |= {first: {rest: value}} if dot and first and rest else {key: value}
        return replace(event, data=data)


@bug(PAYLOAD, "EVT-02", seen="data = ")
class PrintsFloatsShort(Altering):
    """Writes floats with 15 significant digits, two too few."""

    def altered(self, event: FlovynEvent) -> FlovynEvent:
        def short(value: Any) -> Any:
            return float(f"{value:.15g}") if isinstance(value, float) else value

        return replace(event, data=mapped(event.data, short))


@bug(PAYLOAD, "EVT-02", seen="which was active and asked for it")
class RefusesItsOwnFloats(PliableClient):
    """Writes a float of 17 digits as an integer, as JavaScript does, and refuses it when reading."""

    def hand(self, member: Member, event: Event) -> None:
        data = event.data if isinstance(event, FlovynEvent) else None
        if not (isinstance(data, float) and data.is_integer() and 2**53 <= abs(data) < 1e21):
            super().hand(member, event)


@bug(PAYLOAD, "EVT-02", seen="data = ")
class MakesTextOfTheDeepest(Altering):
    """Writes data nested deeper than 31 levels as text."""

    def altered(self, event: FlovynEvent) -> FlovynEvent:
        return replace(event, data=self._cut(event.data, 31))

    def _cut(self, value: Any, levels: int) -> Any:
        if not isinstance(value, dict | list):
            return value
        if levels == 0:
            return json.dumps(value)
        if isinstance(value, list):
            return [self._cut(item, levels - 1) for item in value]
        return {key: self._cut(item, levels - 1) for key, item in value.items()}


@bug(PAYLOAD, "EVT-03", seen="data = ")
class NormalisesText(Altering):
    """Normalizes text to NFC, which makes composed and decomposed letters the same."""

    def altered(self, event: FlovynEvent) -> FlovynEvent:
        def composed(value: Any) -> Any:
            return unicodedata.normalize("NFC", value) if isinstance(value, str) else value

        return replace(event, data=mapped(event.data, composed))


@bug(PAYLOAD, "EVT-03", seen="source = ")
class EndsTheSourceAtNul(Altering):
    """Cuts the source at U+0000, as a C string."""

    def altered(self, event: FlovynEvent) -> FlovynEvent:
        return replace(event, source=event.source.partition("\0")[0])


@bug(PAYLOAD, "EVT-04", seen="scribbled")
class SharesOneCopy(PliableClient):
    """Delivers one object to all subscriptions: each sees the changes that others make."""

    async def publish(self, side: Side, event: Event) -> None:
        self._shared = copy.deepcopy(event.data) if side == "events" else None
        await super().publish(side, event)

    def copy(self, event: Event) -> Event:
        return event if isinstance(event, StreamEvent) else replace(event, data=self._shared)


@bug(PAYLOAD, "EVT-04", seen="data = ")
class CopiesTheOutsideOnly(PliableClient):
    """Copies events shallowly: nested data stays the publisher's own object."""

    def copy(self, event: Event) -> Event:
        return (
            event if isinstance(event, StreamEvent) else replace(event, data=copy.copy(event.data))
        )


@bug(PAYLOAD, "EVT-04", seen="data = ")
class ReadsTheDataLate(PliableClient):
    """Copies the publisher's object when it is read, not when it is published."""

    def copy(self, event: Event) -> Event:
        return event

    def hand(self, member: Member, event: Event) -> None:
        asyncio.get_running_loop().call_soon(member.channel.push, event)


@bug(PAYLOAD, "EVT-07", seen="timestamp_ms = ")
class TakesSmallTimesForSeconds(Altering):
    """Takes a time that fits into 32 bits for seconds, and multiplies it by 1,000."""

    def altered(self, event: FlovynEvent) -> FlovynEvent:
        small = abs(event.timestamp_ms) < 2**32
        return replace(event, timestamp_ms=event.timestamp_ms * 1000) if small else event


@bug(PAYLOAD, "EVT-07", seen="timestamp_ms = 0")
class KnowsNoTimeBefore1970(Altering):
    """Delivers negative times as 0, since it stores them unsigned."""

    def altered(self, event: FlovynEvent) -> FlovynEvent:
        return replace(event, timestamp_ms=max(0, event.timestamp_ms))


@bug(PAYLOAD, "EVT-07", seen="timestamp_ms = ")
class KeepsTimesAsDoublesOfSeconds(Altering):
    """Stores times as seconds in a double, which rounds milliseconds far from today."""

    def altered(self, event: FlovynEvent) -> FlovynEvent:
        return replace(event, timestamp_ms=math.floor(event.timestamp_ms / 1000 * 1000))


@bug(PAYLOAD, "EVT-09", seen="came instead")
class RemovesRepeatsByContent(PliableClient):
    """Drops an event that equals the one before in all but its id."""

    def hand(self, member: Member, event: Event) -> None:
        if isinstance(event, FlovynEvent) and event.data is not None:
            content = replace(event, id=event.tenant_id)
            if getattr(member, "latest", None) == content:
                return
            member.latest = content  # type: ignore[attr-defined]  # because: the bug's own note
        super().hand(member, event)


@bug(PAYLOAD, "EVT-11", seen="data = None")
class TakesFalsyForAbsent(Altering):
    """Delivers falsy data as None, by `data or None`."""

    def altered(self, event: FlovynEvent) -> FlovynEvent:
        return replace(event, data=event.data or None)


@bug(PAYLOAD, "EVT-11", seen="came instead")
class DropsEmptyObjects(PliableClient):
    """Drops an event whose data is an empty object or list."""

    def hand(self, member: Member, event: Event) -> None:
        if isinstance(event, StreamEvent) or event.data not in ({}, []):
            super().hand(member, event)
