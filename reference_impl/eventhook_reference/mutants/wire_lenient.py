"""Bugs of the NATS mapping: readers that make good what they should skip, and sizes that go another way."""

from __future__ import annotations

import json
from typing import Any

from eventhook_conformance.contract import InvalidEvent
from eventhook_conformance.target import Mutant
from eventhook_reference.mutants._register_nats import bug_over_nats
from eventhook_reference.mutants.base import Event
from eventhook_reference.mutants.base_nats import PliableNats

WIRE_LENIENT: list[Mutant] = []


@bug_over_nats(WIRE_LENIENT, "NAT-04", seen="expected only what was published")
class ReplacesBytesThatAreNoText(PliableNats):
    """Bytes that are no UTF-8 are replaced, and the event is delivered."""

    def read(self, selects: Any, body: bytes) -> Event:
        return super().read(selects, body.decode("utf-8", "replace").encode())


@bug_over_nats(WIRE_LENIENT, "NAT-04", seen="expected only what was published")
class ReadsWhatIsNoNumberAsNull(PliableNats):
    """NaN and infinities, which JSON lacks, are read as `null`."""

    def read(self, selects: Any, body: bytes) -> Event:
        try:
            members = json.loads(body, parse_constant=lambda _: None)
        except (ValueError, RecursionError) as error:
            raise InvalidEvent("this is no JSON") from error
        return super().read(selects, json.dumps(members).encode())


@bug_over_nats(WIRE_LENIENT, "NAT-04", seen="expected only what was published")
class ReadsTimesFromText(PliableNats):
    """A time that somebody wrote as text is read as the number in it."""

    def read(self, selects: Any, body: bytes) -> Event:
        for name in (b'"timestamp_ms":"5"', b'"timestamp_ms": "5"'):
            body = body.replace(name, name.replace(b'"5"', b"5"))
        return super().read(selects, body)


@bug_over_nats(WIRE_LENIENT, "NAT-07", seen="after publish had returned")
class SendsLargeOnesInTheBackground(PliableNats):
    """An event larger than a buffer of the client library goes out later, by itself."""

    async def send(self, subject: str, body: bytes) -> None:
        if len(body) > 32_768:
            await self.connection.client.publish(subject, body)
        else:
            await super().send(subject, body)
