"""Bugs of streams in their events; the event side of each of these clients is correct."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec

from eventhook_conformance.contract import FlovynEvent, StreamEvent, StreamEventType
from eventhook_conformance.target import Mutant
from eventhook_reference.channel import Channel
from eventhook_reference.mutants._register import bug
from eventhook_reference.mutants._streaming_clients import Changing, Keyed
from eventhook_reference.mutants.base import Event, Member, PliableClient, Side

STREAMING: list[Mutant] = []


# What arrives (STR-01)


@bug(STREAMING, "STR-01", seen="task_execution_id")
class DropsTheTaskId(Changing):
    """Sets the task's id from the workflow's, as if the workflow had sent the event."""

    def change(self, event: StreamEvent) -> StreamEvent:
        return msgspec.structs.replace(event, task_execution_id=event.workflow_execution_id)


@bug(STREAMING, "STR-01", seen="came instead")
class StampsOnArrival(Changing):
    """Replaces a time in the past or the future by the time of arrival."""

    def change(self, event: StreamEvent) -> StreamEvent:
        if 0 < event.timestamp_ms < 1 << 45:
            return event
        return msgspec.structs.replace(event, timestamp_ms=1)


@bug(STREAMING, "STR-01", "STR-06", seen="which was active and asked for it")
class FirstReaderOnly(PliableClient):
    """Delivers a stream to its first reader only."""

    def audience(self, side: Side, event: Event) -> list[Member]:
        audience = super().audience(side, event)
        if side == "events":
            return audience
        return [member for member in audience if self.admits(member, event)][:1]


class _Batching(Channel[Any]):
    def push(self, event: Event) -> bool:
        if len(self._events) % 100 == 64:
            last = self._events.pop()
            super().push(event)
            event = last
        return super().push(event)


@bug(STREAMING, "STR-01", seen="got #")
class TokensReorderAboveABatch(PliableClient):
    """Sends tokens in batches of 64, and swaps the last of a batch with its neighbour."""

    def make_channel(self, side: Side) -> Channel[Any]:
        if side == "events":
            return super().make_channel(side)
        return _Batching(self.capabilities.stream_capacity)


@bug(STREAMING, "STR-01", seen="entering the subscription to succeed")
class KeysAreUuids(PliableClient):
    """Refuses stream keys that are not UUIDs."""

    def check_selects(self, side: Side, selects: Any) -> None:
        super().check_selects(side, selects)
        if side == "streams":
            UUID(selects)


# Whose it is (STR-02, STR-03, STR-04)


@bug(STREAMING, "STR-02", seen="got an event of the stream")
class KeysFoldCase(Keyed):
    """Compares stream keys without regard to case."""

    def same(self, key: str, event: StreamEvent) -> bool:
        return key.casefold() == event.workflow_execution_id.casefold()


@bug(STREAMING, "STR-02", seen="got an event of the stream")
class KeysMatchByPrefix(Keyed):
    """Compares stream keys by prefix."""

    def same(self, key: str, event: StreamEvent) -> bool:
        return event.workflow_execution_id.startswith(key)


@bug(STREAMING, "STR-02", seen="got an event of the stream")
class TaskIdIsAKeyToo(Keyed):
    """Delivers a task's events on its workflow's stream to a reader of the task's id."""

    def same(self, key: str, event: StreamEvent) -> bool:
        return key in (event.workflow_execution_id, event.task_execution_id)


@bug(STREAMING, "STR-03", seen="which was active and asked for it")
class StandaloneTaskHasNoStream(Keyed):
    """Publishes a standalone task's events to a stream with an empty key."""

    def same(self, key: str, event: StreamEvent) -> bool:
        standalone = event.task_execution_id == event.workflow_execution_id
        return key == ("" if standalone else event.workflow_execution_id)


@bug(STREAMING, "STR-04", seen="got a StreamEvent")
class StreamsReachTheTenant(PliableClient):
    """Delivers stream events to a tenant whose id is the stream's key."""

    def audience(self, side: Side, event: Event) -> list[Member]:
        return self.bus.members if side == "streams" else super().audience(side, event)

    def admits(self, member: Member, event: Event) -> bool:
        if member.side == "events" and isinstance(event, StreamEvent):
            return str(member.selects.tenant_id) == event.workflow_execution_id
        return super().admits(member, event)


@bug(STREAMING, "STR-04", seen="got a FlovynEvent")
class EventsShowInTheStream(PliableClient):
    """Delivers a workflow's events to the readers of its stream too."""

    def audience(self, side: Side, event: Event) -> list[Member]:
        return self.bus.members if side == "events" else super().audience(side, event)

    def admits(self, member: Member, event: Event) -> bool:
        if member.side == "streams" and isinstance(event, FlovynEvent):
            return bool(str(event.workflow_execution_id) == member.selects)
        return super().admits(member, event)


# What it carries (STR-05, STR-07)


class _Skipping(PliableClient):
    """A client that does not hand on some stream events."""

    def hand(self, member: Member, event: Event) -> None:
        if member.side == "events" or self.keeps(member, event):
            super().hand(member, event)

    def keeps(self, member: Member, event: StreamEvent) -> bool:
        """Returns whether it is handed on."""
        return True


@bug(STREAMING, "STR-05", seen="came instead")
class SkipsEmptyPayloads(_Skipping):
    """Drops a stream event with an empty payload."""

    def keeps(self, member: Member, event: StreamEvent) -> bool:
        return bool(event.payload)


@bug(STREAMING, "STR-05", seen="came instead")
class KeepsErrorsToItself(_Skipping):
    """Logs ERROR events, and does not deliver them."""

    def keeps(self, member: Member, event: StreamEvent) -> bool:
        return event.event_type is not StreamEventType.ERROR


@bug(STREAMING, "STR-05", seen="payload")
class TrimsPayloads(Changing):
    """Trims the space at the start of a token."""

    def change(self, event: StreamEvent) -> StreamEvent:
        return msgspec.structs.replace(event, payload=event.payload.removeprefix(" "))


@bug(STREAMING, "STR-05", seen="payload")
class TurnsLineEndsIntoLf(Changing):
    """Replaces CR LF and CR in a payload by LF."""

    def change(self, event: StreamEvent) -> StreamEvent:
        payload = event.payload.replace("\r\n", "\n").replace("\r", "\n")
        return msgspec.structs.replace(event, payload=payload)


@bug(STREAMING, "STR-05", seen="payload")
class CutsLongPayloads(Changing):
    """Cuts a payload at 65,535 bytes, since it keeps its length in two bytes."""

    def change(self, event: StreamEvent) -> StreamEvent:
        text = event.payload.encode()[:65_535].decode(errors="ignore")
        return msgspec.structs.replace(event, payload=text)


@bug(STREAMING, "STR-07", seen="came instead")
class DropsRepeatedSequences(_Skipping):
    """Drops a stream event whose sequence came before, as a repeat."""

    def keeps(self, member: Member, event: StreamEvent) -> bool:
        seen: set[object] = self.bus.memory.setdefault("seen", {}).setdefault(member, set())
        fresh = event.sequence not in seen
        seen.add(event.sequence)
        return fresh or event.payload == "fence"


@bug(STREAMING, "STR-07", seen="sequence")
class NumbersEventsItself(Changing):
    """Replaces the sequence of stream events by a count of its own."""

    def change(self, event: StreamEvent) -> StreamEvent:
        counts: dict[str, int] = self.bus.memory.setdefault("counts", {})
        number = counts.get(event.workflow_execution_id, -1) + 1
        counts[event.workflow_execution_id] = number
        return msgspec.structs.replace(event, sequence=number)
