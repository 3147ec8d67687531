"""Bugs of the NATS mapping: readers that make good what they should skip, and sizes that go another way."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import msgspec

from eventhook_conformance.contract import FlovynEvent, InvalidEvent, SubscriptionLost
from eventhook_conformance.target import Mutant
from eventhook_reference.channel import Channel
from eventhook_reference.mutants._register_nats import bug_over_nats
from eventhook_reference.mutants.base import Event
from eventhook_reference.mutants.base_nats import PliableNats

WIRE_LENIENT: list[Mutant] = []


@bug_over_nats(WIRE_LENIENT, "NAT-04", seen="expected only what was published")
class ReplacesBytesThatAreNoText(PliableNats):
    """Replaces bytes that are not UTF-8, and delivers the event."""

    def read(self, selects: Any, body: bytes) -> Event:
        return super().read(selects, body.decode("utf-8", "replace").encode())


@bug_over_nats(WIRE_LENIENT, "NAT-04", seen="expected only what was published")
class ReadsWhatIsNoNumberAsNull(PliableNats):
    """Reads NaN and infinities, which JSON lacks, as null."""

    def read(self, selects: Any, body: bytes) -> Event:
        try:
            members = json.loads(body, parse_constant=lambda _: None)
        except (ValueError, RecursionError) as error:
            raise InvalidEvent("this is no JSON") from error
        return super().read(selects, json.dumps(members).encode())


@bug_over_nats(WIRE_LENIENT, "NAT-04", seen="expected only what was published")
class ReadsTimesFromText(PliableNats):
    """Reads a time that is written as text, instead of refusing it."""

    def read(self, selects: Any, body: bytes) -> Event:
        for name in (b'"timestamp_ms":"5"', b'"timestamp_ms": "5"'):
            body = body.replace(name, name.replace(b'"5"', b"5"))
        return super().read(selects, body)


@bug_over_nats(WIRE_LENIENT, "NAT-07", seen="after publish had returned")
class SendsLargeOnesInTheBackground(PliableNats):
    """Returns from `publish` before an event larger than 32 KiB is sent."""

    async def send(self, subject: str, body: bytes) -> None:
        if len(body) > 32_768:
            await self.connection.client.publish(subject, body)
        else:
            await super().send(subject, body)


@bug_over_nats(WIRE_LENIENT, "NAT-09", seen="to reach nobody")
class ComparesTenantsByTheirFirstDigits(PliableNats):
    """Compares the tenants of body and subject by their first eight digits."""

    def check_place(self, event: Event, subject: str) -> None:
        if isinstance(event, FlovynEvent):
            tokens = subject.split(".")
            if tokens[2][:8] == str(event.tenant_id)[:8]:
                tokens[2] = str(event.tenant_id)
            subject = ".".join(tokens)
        super().check_place(event, subject)

    def admits(self, selects: Any, event: Event) -> bool:
        if isinstance(event, FlovynEvent):
            event = msgspec.structs.replace(event, tenant_id=selects.tenant_id)
        return super().admits(selects, event)


@bug_over_nats(WIRE_LENIENT, "NAT-04", seen="to live on after 130 empty objects")
class GivesUpAfterMuchGarbage(PliableNats):
    """Ends a subscription after a hundred bodies that are not events."""

    def skip(self, channel: Channel[Any]) -> None:
        skipped: Counter[int] = self.__dict__.setdefault("skipped", Counter())
        skipped[id(channel)] += 1
        if skipped[id(channel)] == 100:
            channel.lose(SubscriptionLost("what comes is no event"))
