"""Bugs of the NATS mapping: subjects, payloads, messages of others."""

from __future__ import annotations

import json
import re
from typing import Any, Final
from uuid import UUID

import msgspec

from eventhook_conformance.contract import (
    EventPattern,
    FlovynEvent,
    InvalidEvent,
    StreamEvent,
    SubscriptionLost,
)
from eventhook_conformance.target import Mutant
from eventhook_reference.channel import Channel
from eventhook_reference.mutants._register_nats import bug_over_nats
from eventhook_reference.mutants.base import Event
from eventhook_reference.mutants.base_nats import (
    PliableNats,
)

WIRE: list[Mutant] = []

_CAMEL: Final = {
    re.sub(r"_(\w)", lambda found: found[1].upper(), name): name
    for name in FlovynEvent.__struct_fields__
}


# Subjects (NAT-01)


@bug_over_nats(WIRE, "NAT-01", seen="it went out on flovyn.event.")
class SaysEventInTheSingular(PliableNats):
    """Uses the subject `flovyn.event` on both sides, which no other client uses."""

    def subject(self, event: Event) -> str:
        return super().subject(event).replace("flovyn.events.", "flovyn.event.")

    def asks(self, selects: EventPattern | str) -> list[str]:
        return [one.replace("flovyn.events.", "flovyn.event.") for one in super().asks(selects)]


@bug_over_nats(WIRE, "NAT-01", seen="it went out on flovyn.events.")
class LeavesOutTheLastTokens(PliableNats):
    """Cuts the type in a subject after two tokens."""

    def subject(self, event: Event) -> str:
        return ".".join(super().subject(event).split(".")[:5])


@bug_over_nats(WIRE, "NAT-01", "STR-03", seen="one message on flovyn.streams.workflow.")
class StandaloneTaskHasNoSubject(PliableNats):
    """Publishes a standalone task's stream events to a subject with an empty last token."""

    def subject(self, event: Event) -> str:
        if (
            isinstance(event, StreamEvent)
            and event.task_execution_id == event.workflow_execution_id
        ):
            return "flovyn.streams.workflow."
        return super().subject(event)


@bug_over_nats(WIRE, "NAT-01", seen="flovyn.audit")
class SendsACopyAside(PliableNats):
    """Sends every event once more, to a subject for audits that no permissions cover."""

    async def send(self, subject: str, body: bytes) -> None:
        await super().send(subject, body)
        await super().send("flovyn.audit", body)


# Payloads (NAT-02, EVT-10)


@bug_over_nats(WIRE, "NAT-02", "EVT-10", seen="tenantId")
class WritesCamelCase(PliableNats):
    """Writes events with names in camel case, and reads both forms."""

    def body(self, event: Event) -> bytes:
        if isinstance(event, StreamEvent):
            return super().body(event)
        members = json.loads(super().body(event))
        return json.dumps({camel: members[name] for camel, name in _CAMEL.items()}).encode()

    def read(self, selects: Any, body: bytes) -> Event:
        if not isinstance(selects, str) and b'"tenantId":' in body:
            members = json.loads(body)
            body = json.dumps({_CAMEL.get(n, n): value for n, value in members.items()}).encode()
        return super().read(selects, body)


@bug_over_nats(WIRE, "NAT-02", "EVT-10", seen='"payload":')
class WrapsInAnEnvelope(PliableNats):
    """Writes events in an envelope with a version, and reads both forms."""

    def body(self, event: Event) -> bytes:
        return b'{"v":1,"payload":' + super().body(event) + b"}"

    def read(self, selects: Any, body: bytes) -> Event:
        if body.startswith(b'{"v":1,"payload":'):
            body = body[len(b'{"v":1,"payload":') : -1]
        return super().read(selects, body)


@bug_over_nats(WIRE, "NAT-02", "EVT-10", seen="a message whose body is")
class LeavesOutNulls(PliableNats):
    """Leaves out absent optional members, instead of writing null."""

    def body(self, event: Event) -> bytes:
        members = json.loads(super().body(event))
        kept = {name: value for name, value in members.items() if value is not None}
        return json.dumps({**kept, "data": members.get("data")}).encode()


@bug_over_nats(WIRE, "NAT-02", "EVT-10", seen="a message whose body is")
class ShoutsItsUuids(PliableNats):
    """Writes UUIDs in upper case."""

    def body(self, event: Event) -> bytes:
        members = json.loads(super().body(event))
        for name, value in members.items():
            if isinstance(getattr(event, name, None), UUID):
                members[name] = value.upper()
        return json.dumps(members).encode()


@bug_over_nats(WIRE, "NAT-02", seen="byte order mark")
class BeginsWithAMark(PliableNats):
    """Writes a byte order mark in front of each event, and removes it when reading."""

    def body(self, event: Event) -> bytes:
        return b"\xef\xbb\xbf" + super().body(event)

    def read(self, selects: Any, body: bytes) -> Event:
        return super().read(selects, body.removeprefix(b"\xef\xbb\xbf"))


class _StrictEvent(msgspec.Struct, forbid_unknown_fields=True):
    id: UUID
    tenant_id: UUID
    event_type: str
    source: str
    data: Any
    timestamp_ms: int
    workflow_execution_id: UUID | None = None
    task_execution_id: UUID | None = None
    correlation_id: str | None = None


class _Strict(PliableNats):
    """A client that asks more of a body than the contract does."""

    def read(self, selects: Any, body: bytes) -> Event:
        event = super().read(selects, body)
        if not self.is_fine(event, body):
            raise InvalidEvent("the reader asks for more")
        return event

    def is_fine(self, event: Event, body: bytes) -> bool:
        """Returns whether it is taken."""
        return True


@bug_over_nats(WIRE, "EVT-10", seen="unknown members")
class RefusesUnknownMembers(_Strict):
    """Takes an event with an unknown member for invalid."""

    def is_fine(self, event: Event, body: bytes) -> bool:
        if isinstance(event, StreamEvent):
            return True
        try:
            msgspec.json.decode(body, type=_StrictEvent)
        except msgspec.ValidationError:
            return False
        return True


@bug_over_nats(WIRE, "EVT-10", seen="without workflow_execution_id")
class InsistsOnOptionals(_Strict):
    """Refuses an event without one of its optional members, instead of reading null."""

    def is_fine(self, event: Event, body: bytes) -> bool:
        return isinstance(event, StreamEvent) or set(json.loads(body)) >= set(
            event.__struct_fields__
        )


@bug_over_nats(WIRE, "EVT-10", seen="UUIDs in capitals")
class ReadsLowerCaseOnly(_Strict):
    """Refuses UUIDs that are not in lower case."""

    def is_fine(self, event: Event, body: bytes) -> bool:
        return isinstance(event, StreamEvent) or str(event.id) == json.loads(body)["id"]


# Foreign messages (NAT-03, NAT-04, NAT-08, NAT-09)


@bug_over_nats(WIRE, "NAT-03", seen="an event put on its subject to be delivered")
class HearsItselfOnly(PliableNats):
    """Skips events without a mark that only this implementation adds."""

    def body(self, event: Event) -> bytes:
        return super().body(event) + b" "

    def read(self, selects: Any, body: bytes) -> Event:
        if not body.endswith(b" "):
            raise InvalidEvent("this is not one of ours")
        return super().read(selects, body)


@bug_over_nats(WIRE, "NAT-04", seen="the subscription to live on after")
class GarbageKillsTheReader(PliableNats):
    """Ends the reader's loop by the error of a body that cannot be read."""

    def skip(self, channel: Channel[Any]) -> None:
        channel.lose(SubscriptionLost("a message could not be decoded"))


@bug_over_nats(WIRE, "NAT-04", seen="the subscription to live on after an empty payload")
class EmptyMeansTheEnd(PliableNats):
    """Takes an empty payload for the end, and reads nothing after it."""

    def receive(self, channel: Channel[Any], selects: Any, subject: str, body: bytes) -> None:
        if not body:
            channel.finish()
        super().receive(channel, selects, subject, body)


@bug_over_nats(WIRE, "NAT-04", seen="1 MB of noise")
class NoiseStopsTheReader(PliableNats):
    """Delivers nothing more to a subscription that got a body above the size limit."""

    def receive(self, channel: Channel[Any], selects: Any, subject: str, body: bytes) -> None:
        if len(body) > self.capabilities.max_event_bytes:
            self.channels.discard(channel)
        if channel in self.channels:
            super().receive(channel, selects, subject, body)


@bug_over_nats(WIRE, "NAT-08", seen="whose body belongs on")
class TrustsTheBody(PliableNats):
    """Takes an event for the tenant in its body, whatever subject it came on."""

    def check_place(self, event: Event, subject: str) -> None:
        pass


@bug_over_nats(WIRE, "NAT-08", seen="flovyn.streams.workflow.")
class TrustsTheBodyOfStreams(PliableNats):
    """Takes a stream event for the key in its body, whatever subject it came on."""

    def check_place(self, event: Event, subject: str) -> None:
        if isinstance(event, FlovynEvent):
            super().check_place(event, subject)


@bug_over_nats(WIRE, "NAT-09", seen="whose body belongs on")
class TrustsTheSubject(PliableNats):
    """Takes an event for the tenant in its subject, whatever its body says."""

    def check_place(self, event: Event, subject: str) -> None:
        if isinstance(event, StreamEvent) or not subject.endswith(f".{event.event_type}"):
            super().check_place(event, subject)

    def admits(self, selects: Any, event: Event) -> bool:
        if isinstance(selects, EventPattern):
            selects = msgspec.structs.replace(selects, tenant_id=event.tenant_id)
        return super().admits(selects, event)
