"""Bugs of the event itself: what is altered on the way, and what is let through."""

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
    InvalidEvent,
    PublishError,
    StreamEvent,
)
from eventhook_conformance.target import Mutant
from eventhook_reference.mutants._register import bug
from eventhook_reference.mutants.pliable import Event, Member, PliableClient, Side

PAYLOAD: list[Mutant] = []

replace = msgspec.structs.replace


def mapped(value: Any, change: Callable[[Any], Any]) -> Any:
    """The JSON value with every scalar and key changed."""
    if isinstance(value, dict):
        return {change(key): mapped(item, change) for key, item in value.items()}
    if isinstance(value, list):
        return [mapped(item, change) for item in value]
    return change(value)


class _Altering(PliableClient):
    """Changes events on their way; a bug says how."""

    def copy(self, event: Event) -> Event:
        own = super().copy(event)
        return self.altered(own) if isinstance(own, FlovynEvent) else own

    def altered(self, event: FlovynEvent) -> FlovynEvent:
        """The event as this bug delivers it."""
        return event


@bug(PAYLOAD, "EVT-01", seen="task_execution_id = None")
class ForgetsTheLoneTask(_Altering):
    """A task's id is rebuilt from the workflow's part of the record, so it is lost without one."""

    def altered(self, event: FlovynEvent) -> FlovynEvent:
        lone = event.workflow_execution_id is None
        return replace(event, task_execution_id=None) if lone else event


@bug(PAYLOAD, "EVT-01", seen="correlation_id = ''")
class FillsInAbsentText(_Altering):
    """With a workflow and a task set, an absent correlation id comes back as empty text."""

    def altered(self, event: FlovynEvent) -> FlovynEvent:
        if event.workflow_execution_id is None or event.task_execution_id is None:
            return event
        return replace(event, correlation_id=event.correlation_id or "")


@bug(PAYLOAD, "EVT-01", seen="correlation_id = None")
class LosesCorrelationBetweenClients(PliableClient):
    """The envelope between two clients has no member for the correlation id."""

    def hand(self, member: Member, event: Event) -> None:
        if member.client is not self and isinstance(event, FlovynEvent):
            event = replace(event, correlation_id=None)
        super().hand(member, event)


@bug(PAYLOAD, "EVT-02", seen="data = ")
class NestsDottedKeys(_Altering):
    """Data goes through a library that reads `a.b` as a path."""

    def altered(self, event: FlovynEvent) -> FlovynEvent:
        if not isinstance(event.data, dict):
            return event
        data: dict[str, Any] = {}
        for key, value in event.data.items():
            first, dot, rest = key.partition(".")
            data |= {first: {rest: value}} if dot and first and rest else {key: value}
        return replace(event, data=data)


@bug(PAYLOAD, "EVT-02", seen="data = ")
class PrintsFloatsShort(_Altering):
    """Floats are written with 15 significant digits, two too few."""

    def altered(self, event: FlovynEvent) -> FlovynEvent:
        def short(value: Any) -> Any:
            return float(f"{value:.15g}") if isinstance(value, float) else value

        return replace(event, data=mapped(event.data, short))


@bug(PAYLOAD, "EVT-02", seen="data = ")
class MakesTextOfTheDeepest(_Altering):
    """The encoder stops at 31 levels and writes what is below as text."""

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
class NormalisesText(_Altering):
    """Text is brought to NFC, so that composed and decomposed letters become the same."""

    def altered(self, event: FlovynEvent) -> FlovynEvent:
        def composed(value: Any) -> Any:
            return unicodedata.normalize("NFC", value) if isinstance(value, str) else value

        return replace(event, data=mapped(event.data, composed))


@bug(PAYLOAD, "EVT-03", seen="source = ")
class EndsTheSourceAtNul(_Altering):
    """The source passes through a C string and ends at U+0000."""

    def altered(self, event: FlovynEvent) -> FlovynEvent:
        return replace(event, source=event.source.partition("\0")[0])


@bug(PAYLOAD, "EVT-03", seen="it accepted")
class ReplacesSurrogates(PliableClient):
    """A lone surrogate is written as `?` instead of being refused."""

    async def publish(self, side: Side, event: Event) -> None:
        def plain(value: Any) -> Any:
            return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value

        if isinstance(event, FlovynEvent) and isinstance(event.data, str):
            event = replace(event, data=plain(event.data))
        await super().publish(side, event)


@bug(PAYLOAD, "EVT-04", seen="scribbled")
class SharesOneCopy(PliableClient):
    """All subscribers get one object: what one changes, the others read."""

    async def publish(self, side: Side, event: Event) -> None:
        self._shared = copy.deepcopy(event.data) if side == "events" else None
        await super().publish(side, event)

    def copy(self, event: Event) -> Event:
        return event if isinstance(event, StreamEvent) else replace(event, data=self._shared)


@bug(PAYLOAD, "EVT-04", seen="data = ")
class CopiesTheOutsideOnly(PliableClient):
    """The copy for each subscriber is shallow: what is nested stays the publisher's own."""

    def copy(self, event: Event) -> Event:
        return (
            event if isinstance(event, StreamEvent) else replace(event, data=copy.copy(event.data))
        )


@bug(PAYLOAD, "EVT-04", seen="data = ")
class ReadsTheDataLate(PliableClient):
    """Only the publisher's object is buffered; it is copied when a reader takes it."""

    def copy(self, event: Event) -> Event:
        return event

    def hand(self, member: Member, event: Event) -> None:
        asyncio.get_running_loop().call_soon(member.channel.push, event)


class _Lenient(PliableClient):
    """Checks something else than what it sends; a bug says what."""

    def check(self, side: Side, event: Event) -> None:
        super().check(side, self.checked(event) if isinstance(event, FlovynEvent) else event)

    def checked(self, event: FlovynEvent) -> FlovynEvent:
        """What is checked in place of the event."""
        return event


@bug(PAYLOAD, "EVT-05", seen="'order.created\\n'")
class LetsALineEndPass(_Lenient):
    """The pattern for event types ends in `$`, which also matches before a last line end."""

    def checked(self, event: FlovynEvent) -> FlovynEvent:
        return replace(event, event_type=str(event.event_type).removesuffix("\n"))


@bug(PAYLOAD, "EVT-05", seen="it accepted event_type 'workflow'")
class TakesOneToken(_Lenient):
    """An event type without a dot is let through."""

    def checked(self, event: FlovynEvent) -> FlovynEvent:
        bare = isinstance(event.event_type, str) and "." not in event.event_type
        return replace(event, event_type=f"{event.event_type}.x") if bare else event


@bug(PAYLOAD, "EVT-05", seen="publish to succeed")
class RefusesHyphens(PliableClient):
    """The check of event types knows letters, digits and underscores only."""

    def check(self, side: Side, event: Event) -> None:
        super().check(side, event)
        if side == "events" and "-" in event.event_type:
            raise InvalidEvent(f"event_type is {event.event_type!r}; hyphens are not allowed")


@bug(PAYLOAD, "EVT-06", seen="its publish was refused")
class SendsBeforeItChecks(PliableClient):
    """The event is checked on its way out, when local subscribers already have it."""

    async def publish(self, side: Side, event: Event) -> None:
        try:
            self.check(side, event)
        except InvalidEvent:
            for member in self.audience(side, event):
                if self.admits(member, event):
                    self.hand(member, event)
            raise
        await super().publish(side, event)


@bug(PAYLOAD, "EVT-06", seen="which was active and asked for it")
class StaysInTheFailedBatch(PliableClient):
    """After a malformed type the client's next event is thrown away with the failed batch."""

    _failed = False

    async def publish(self, side: Side, event: Event) -> None:
        self.check_open()
        try:
            self.check(side, event)
        except InvalidEvent as error:
            self._failed = "event_type" in str(error)
            raise
        failed, self._failed = self._failed, False
        if not failed:
            await super().publish(side, event)


@bug(PAYLOAD, "EVT-07", seen="timestamp_ms = ")
class TakesSmallTimesForSeconds(_Altering):
    """A time that fits into 32 bits is taken for seconds, and made milliseconds."""

    def altered(self, event: FlovynEvent) -> FlovynEvent:
        small = abs(event.timestamp_ms) < 2**32
        return replace(event, timestamp_ms=event.timestamp_ms * 1000) if small else event


@bug(PAYLOAD, "EVT-07", seen="timestamp_ms = 0")
class KnowsNoTimeBefore1970(_Altering):
    """Times are stored unsigned: what is negative becomes 0."""

    def altered(self, event: FlovynEvent) -> FlovynEvent:
        return replace(event, timestamp_ms=max(0, event.timestamp_ms))


@bug(PAYLOAD, "EVT-07", seen="timestamp_ms = ")
class KeepsTimesAsDoublesOfSeconds(_Altering):
    """Times are seconds in a double: far from today the milliseconds are rounded away."""

    def altered(self, event: FlovynEvent) -> FlovynEvent:
        return replace(event, timestamp_ms=math.floor(event.timestamp_ms / 1000 * 1000))


@bug(PAYLOAD, "EVT-08", seen="data = ")
class CutsAtSixtyFourKilobytes(_Altering):
    """A text is cut where its length no longer fits 16 bits."""

    def altered(self, event: FlovynEvent) -> FlovynEvent:
        def cut(value: Any) -> Any:
            return value[:65535] if isinstance(value, str) else value

        return replace(event, data=mapped(event.data, cut))


@bug(PAYLOAD, "EVT-08", seen="came instead")
class SwallowsTheOversized(PliableClient):
    """The server drops what is too large, and the client reports success."""

    async def publish(self, side: Side, event: Event) -> None:
        try:
            await super().publish(side, event)
        except PublishError:
            await self.pause()


@bug(PAYLOAD, "EVT-08", seen="publish to succeed")
class ClosesAfterTheOversized(PliableClient):
    """The server answers an oversized event by closing the connection; the client stays shut."""

    async def publish(self, side: Side, event: Event) -> None:
        try:
            await super().publish(side, event)
        except PublishError:
            self.closed = True
            raise


@bug(PAYLOAD, "EVT-08", seen="publish to succeed")
class MeasuresEscapedText(PliableClient):
    """The size is that of JSON with every letter beyond ASCII escaped."""

    def check(self, side: Side, event: Event) -> None:
        super().check(side, event)
        if side == "events" and len(json.dumps(event.data)) > self.capabilities.max_event_bytes:
            raise PublishError("the event is too large")


@bug(PAYLOAD, "EVT-09", seen="came instead")
class RemovesRepeatsByContent(PliableClient):
    """Whose data and all else but the id equal the event before is taken for a repeat."""

    def hand(self, member: Member, event: Event) -> None:
        if isinstance(event, FlovynEvent) and event.data is not None:
            content = replace(event, id=event.tenant_id)
            if getattr(member, "latest", None) == content:
                return
            member.latest = content  # type: ignore[attr-defined]  # because: the bug's own note
        super().hand(member, event)


@bug(PAYLOAD, "EVT-11", seen="data = None")
class TakesFalsyForAbsent(_Altering):
    """Data is read back by `data or None`."""

    def altered(self, event: FlovynEvent) -> FlovynEvent:
        return replace(event, data=event.data or None)


@bug(PAYLOAD, "EVT-11", seen="came instead")
class DropsEmptyObjects(PliableClient):
    """An event whose data is an empty object or list carries nothing, so it is not sent."""

    def hand(self, member: Member, event: Event) -> None:
        if isinstance(event, StreamEvent) or event.data not in ({}, []):
            super().hand(member, event)


@bug(PAYLOAD, "EVT-12", seen="it accepted")
class WritesNanAsNull(_Lenient):
    """The JSON encoder writes null for what is no number, and nobody checks before."""

    def checked(self, event: FlovynEvent) -> FlovynEvent:
        def null(value: Any) -> Any:
            return None if isinstance(value, float) and not math.isfinite(value) else value

        return replace(event, data=mapped(event.data, null))


@bug(PAYLOAD, "EVT-12", seen="it accepted")
class MakesTextOfKeys(_Lenient):
    """The JSON encoder turns numbers as keys into text, and nobody checks before."""

    def checked(self, event: FlovynEvent) -> FlovynEvent:
        def text(value: Any) -> Any:
            return value

        if isinstance(event.data, dict):
            return replace(
                event, data={str(key): mapped(item, text) for key, item in event.data.items()}
            )
        return event


@bug(PAYLOAD, "EVT-12", seen="data = ")
class RoundsLargeIntegers(PliableClient):
    """Integers past 2^53 are accepted, and pass through a double."""

    async def publish(self, side: Side, event: Event) -> None:
        def rounded(value: Any) -> Any:
            large = isinstance(value, int) and abs(value) >= 2**53
            return float(value) if large else value

        if isinstance(event, FlovynEvent):
            event = replace(event, data=mapped(event.data, rounded))
        await super().publish(side, event)


@bug(PAYLOAD, "EVT-12", seen="it raised TypeError")
class FailsInItsEncoder(PliableClient):
    """What has no JSON form is refused by the encoder's own error, not by the contract's."""

    def check(self, side: Side, event: Event) -> None:
        try:
            super().check(side, event)
        except InvalidEvent as error:
            if "data is a" in str(error):
                raise TypeError("this is not JSON serializable") from error
            raise
