"""Bugs of refusing: events let through, refused in error, or not cleaned up."""

from __future__ import annotations

import json
import math
from typing import Any

from eventhook_conformance.contract import (
    FlovynEvent,
    InvalidEvent,
    PublishError,
)
from eventhook_conformance.target import Mutant
from eventhook_reference.mutants._register import bug
from eventhook_reference.mutants.base import Event, PliableClient, Side
from eventhook_reference.mutants.payload import Altering, mapped, replace

ACCEPTING: list[Mutant] = []


@bug(ACCEPTING, "EVT-03", seen="it accepted")
class ReplacesSurrogates(PliableClient):
    """Writes a lone surrogate as `?`, instead of refusing it."""

    async def publish(self, side: Side, event: Event) -> None:
        def plain(value: Any) -> Any:
            return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value

        if isinstance(event, FlovynEvent) and isinstance(event.data, str):
            event = replace(event, data=plain(event.data))
        await super().publish(side, event)


class Lenient(PliableClient):
    """Checks something else than the event that it sends; a bug says what."""

    def check(self, side: Side, event: Event) -> None:
        super().check(side, self.checked(event) if isinstance(event, FlovynEvent) else event)

    def checked(self, event: FlovynEvent) -> FlovynEvent:
        """Returns the thing checked in place of the event."""
        return event


@bug(ACCEPTING, "EVT-05", seen="'order.created\\n'")
class LetsALineEndPass(Lenient):
    """Accepts an event type that ends with a line end, since its pattern ends in `$`."""

    def checked(self, event: FlovynEvent) -> FlovynEvent:
        return replace(event, event_type=str(event.event_type).removesuffix("\n"))


@bug(ACCEPTING, "EVT-05", seen="it accepted event_type 'workflow'")
class TakesOneToken(Lenient):
    """Accepts an event type without a dot."""

    def checked(self, event: FlovynEvent) -> FlovynEvent:
        bare = isinstance(event.event_type, str) and "." not in event.event_type
        return replace(event, event_type=f"{event.event_type}.x") if bare else event


@bug(ACCEPTING, "EVT-05", seen="publish to succeed")
class RefusesHyphens(PliableClient):
    """Refuses event types with a hyphen: it allows letters, digits and underscores only."""

    def check(self, side: Side, event: Event) -> None:
        super().check(side, event)
        if side == "events" and "-" in event.event_type:
            raise InvalidEvent(f"event_type is {event.event_type!r}; hyphens are not allowed")


@bug(ACCEPTING, "EVT-06", seen="its publish was refused")
class SendsBeforeItChecks(PliableClient):
    """Delivers an event to subscriptions of its own client before it checks and refuses it."""

    async def publish(self, side: Side, event: Event) -> None:
        try:
            self.check(side, event)
        except InvalidEvent:
            for member in self.audience(side, event):
                if self.admits(member, event):
                    self.hand(member, event)
            raise
        await super().publish(side, event)


@bug(ACCEPTING, "EVT-06", seen="which was active and asked for it")
class StaysInTheFailedBatch(PliableClient):
    """Drops the client's next event after it refused a malformed type."""

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


@bug(ACCEPTING, "EVT-08", seen="data = ")
class CutsAtSixtyFourKilobytes(Altering):
    """Cuts a text at 64 KiB, where its length no longer fits 16 bits."""

    def altered(self, event: FlovynEvent) -> FlovynEvent:
        def cut(value: Any) -> Any:
            return value[:65535] if isinstance(value, str) else value

        return replace(event, data=mapped(event.data, cut))


@bug(ACCEPTING, "EVT-08", seen="came instead")
class SwallowsTheOversized(PliableClient):
    """Drops an event that is too large, and reports success."""

    async def publish(self, side: Side, event: Event) -> None:
        try:
            await super().publish(side, event)
        except PublishError:
            await self.pause()


@bug(ACCEPTING, "EVT-08", seen="publish to succeed")
class ClosesAfterTheOversized(PliableClient):
    """Closes the client for good after an event that is too large."""

    async def publish(self, side: Side, event: Event) -> None:
        try:
            await super().publish(side, event)
        except PublishError:
            self.closed = True
            raise


@bug(ACCEPTING, "EVT-08", seen="publish to succeed")
class MeasuresEscapedText(PliableClient):
    """Measures the size of an event with every letter beyond ASCII escaped."""

    def check(self, side: Side, event: Event) -> None:
        super().check(side, event)
        if side == "events" and len(json.dumps(event.data)) > self.capabilities.max_event_bytes:
            raise PublishError("the event is too large")


@bug(ACCEPTING, "EVT-12", seen="it accepted")
class WritesNanAsNull(Lenient):
    """Writes NaN and infinities as null, instead of refusing them."""

    def checked(self, event: FlovynEvent) -> FlovynEvent:
        def null(value: Any) -> Any:
            return None if isinstance(value, float) and not math.isfinite(value) else value

        return replace(event, data=mapped(event.data, null))


@bug(ACCEPTING, "EVT-12", seen="it accepted")
class MakesTextOfKeys(Lenient):
    """Turns numbers as keys into text, instead of refusing them."""

    def checked(self, event: FlovynEvent) -> FlovynEvent:
        def text(value: Any) -> Any:
            return value

        if isinstance(event.data, dict):
            return replace(
                event, data={str(key): mapped(item, text) for key, item in event.data.items()}
            )
        return event


@bug(ACCEPTING, "EVT-12", seen="data = ")
class RoundsLargeIntegers(PliableClient):
    """Accepts integers beyond 2^53, and rounds them to a double."""

    async def publish(self, side: Side, event: Event) -> None:
        def rounded(value: Any) -> Any:
            large = isinstance(value, int) and abs(value) >= 2**53
            return float(value) if large else value

        if isinstance(event, FlovynEvent):
            event = replace(event, data=mapped(event.data, rounded))
        await super().publish(side, event)


@bug(ACCEPTING, "EVT-12", seen="it raised TypeError")
class FailsInItsEncoder(PliableClient):
    """Refuses a value without a JSON form by the encoder's own error, not by the contract's."""

    def check(self, side: Side, event: Event) -> None:
        try:
            super().check(side, event)
        except InvalidEvent as error:
            if "data is a" in str(error):
                raise TypeError("this is not JSON serializable") from error
            raise
