"""Knows where JetStream keeps the history, and the meaning of cursors in it.

    a stream for each tenant    flovyn.events.{tenant}.>     no tenant evicts another's events (RPL-11)
    one stream for all keys     flovyn.streams.workflow.>    bounded for each key by itself

Where age alone bounds the history, no tenant can evict another's events in a stream that they share:

    one stream for all tenants  flovyn.events.>              each stream more costs a cluster an election

A cursor is a message's number in its stream, with a tag that only this channel of this stream has. So a
cursor of another tenant or key, or of a stream that was made anew, is refused (RPL-07, RPL-13).
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import nats.errors
import nats.js.errors
from nats.aio.client import Client

from eventhook_conformance.contract import (
    LIVE,
    START,
    CursorExpired,
    InvalidCursor,
    Since,
    SubscribeError,
    check_since,
)
from eventhook_conformance.target import Capabilities
from eventhook_reference.nats_jetstream import API_TIMEOUT_S, NoMessage, NotFound, Refused, call_api
from eventhook_reference.nats_replay_live import REPUBLISHED
from eventhook_reference.nats_subjects import event_root

KEYS: Final = "FLOVYN_STREAMS"
TENANTS: Final = "FLOVYN_EVENTS"
"""The stream of all tenants, and the prefix of the name of a tenant's own."""
_SPARE: Final = 64
"""Messages kept beyond the claim: whether more than these are gone is never in doubt."""
_PURGED: Final = "Flovyn-Purged"
"""The header of the mark that a purge leaves."""
_NANOSECONDS: Final = 1_000_000_000
_IN_NO_CLUSTER: Final = 10074
"""JetStream's number for more copies than the one server that there is."""
_CURSOR: Final = re.compile(r"(0|[1-9][0-9]{0,18})-([A-Za-z0-9_-]{16})")


@dataclass(frozen=True)
class Place:
    """One channel's history: a stream, a subject in it, and the tag of its cursors."""

    stream: str
    subject: str
    tag: str

    def cursor(self, number: int) -> str:
        """Returns the cursor after the message of that number."""
        return f"{number}-{self.tag}"


class Histories:
    """Makes the streams when they are first needed, and finds positions in them.

    Args:
        client: an open connection.
        claims: how much history to keep, and for how long.
        storage: `memory` or `file`.
        replicas: on how many servers each stream is kept; one that is in no cluster keeps it alone.
    """

    def __init__(self, client: Client, claims: Capabilities, storage: str, replicas: int) -> None:
        self._client = client
        self._claims = claims
        self._storage = storage
        self._replicas = replicas
        self._created: dict[str, asyncio.Task[str]] = {}
        """When each stream was made, by its name, as the server says it."""
        self._under_way: set[asyncio.Task[str]] = set()
        """Those that are being made, forgotten meanwhile or not."""

    async def of_tenant(self, tenant: UUID) -> Place:
        """Returns the history of a tenant's events.

        Raises:
            SubscribeError: its stream could not be made.
        """
        subject = f"{event_root(tenant)}>"
        limit = self._claims.replay_events
        if limit is None:
            return await self._place(TENANTS, "flovyn.events.>", subject, {})
        limits = {"max_msgs": limit + _SPARE}
        return await self._place(f"{TENANTS}_{tenant.hex}", subject, subject, limits)

    async def of_key(self, subject: str) -> Place:
        """Returns the history of one key's stream events.

        Raises:
            SubscribeError: the stream could not be made.
        """
        limit = self._claims.replay_events
        limits = {} if limit is None else {"max_msgs_per_subject": limit + _SPARE}
        return await self._place(KEYS, "flovyn.streams.workflow.>", subject, limits)

    def forget(self, place: Place) -> None:
        """Forgets that a stream was made: it may be gone. One that is being made is there soon."""
        making = self._created.get(place.stream)
        if making is not None and making.done():
            del self._created[place.stream]

    def forget_all(self) -> None:
        """Forgets which streams were made: a server that lost its memory numbers others anew."""
        self._created.clear()

    def give_up(self) -> None:
        """Makes no more streams: no answer comes to a client that was closed."""
        for making in self._under_way:
            making.cancel()

    async def purge(self, place: Place) -> None:
        """Removes the messages of a channel; the numbers that they had are never used again.

        Where keys share a stream, a mark without a body stays in their place: it tells a reader that saw
        none of them that there were some (RPL-08).

        Raises:
            SubscribeError: the server refused it, or did not answer in time.
            NotFound: there is no such stream.
        """
        body: dict[str, Any] = {"filter": place.subject}
        if place.stream == KEYS:
            body["seq"] = await self._mark_purged(place)
        await call_api(self._client, f"STREAM.PURGE.{place.stream}", body)

    async def _mark_purged(self, place: Place) -> int:
        try:
            mark = await self._client.jetstream().publish(
                place.subject, headers={_PURGED: "1"}, timeout=API_TIMEOUT_S
            )
        except (nats.errors.Error, nats.js.errors.Error, TimeoutError, OSError) as error:
            raise SubscribeError(f"nothing was purged: {type(error).__name__}: {error}") from error
        return mark.seq

    async def position(self, place: Place, since: Since) -> int | None:
        """Returns the number of the last message not wanted; None if only new ones are wanted.

        Raises:
            InvalidCursor: the cursor is malformed, or none of this channel's.
            CursorExpired: messages after it are no longer kept.
        """
        check_since(since)
        if since is LIVE:
            return None
        if since is START:
            return 0
        match = _CURSOR.fullmatch(str(since))
        if match is None or match[2] != place.tag:
            raise InvalidCursor("expected a cursor of this channel, got another text", value=since)
        number = int(match[1])
        if not number:
            await self._check_whole(place, str(since))
            return number
        try:
            kept = await call_api(self._client, f"STREAM.MSG.GET.{place.stream}", {"seq": number})
        except NotFound:
            # The oldest go first: while this message is kept, everything after it is.
            raise CursorExpired(
                "the history no longer reaches back to this cursor", value=since
            ) from None
        except Refused as error:
            raise InvalidCursor(
                f"expected a cursor of this channel ({error})", value=since
            ) from error
        if not _selects(place.subject, kept["message"]["subject"]):
            raise InvalidCursor("expected a cursor of this channel, got another's", value=since)
        return number

    async def _check_whole(self, place: Place, cursor: str) -> None:
        """Checks that nothing of a channel is gone: a reader that saw none of it is owed all.

        Raises:
            CursorExpired: something may be.
        """
        gone = self._may_lack_some if place.stream in {KEYS, TENANTS} else self._lacks_some
        if await gone(place):
            raise CursorExpired("the history no longer reaches back to its start", value=cursor)

    async def _lacks_some(self, place: Place) -> bool:
        found = await call_api(self._client, f"STREAM.INFO.{place.stream}")
        return int(found["state"]["first_seq"]) > 1

    async def _may_lack_some(self, place: Place) -> bool:
        """Returns whether one of those that share a stream may have lost messages.

        The server tells of a key only what it keeps: what grew too old leaves no trace at all.
        """
        if self._claims.replay_s is not None:
            return True
        first = {"seq": 1, "next_by_subj": place.subject}
        try:
            oldest = await call_api(self._client, f"STREAM.MSG.GET.{place.stream}", first)
        except NoMessage:
            return False
        if _PURGED.encode() in base64.b64decode(oldest["message"].get("hdrs", "")):
            return True
        call = f"STREAM.INFO.{place.stream}"
        found = await call_api(self._client, call, {"subjects_filter": place.subject})
        kept = (found["state"].get("subjects") or {}).get(place.subject, 0)
        limit = found["config"].get("max_msgs_per_subject", -1)
        return bool(kept >= limit > 0)

    async def _place(self, name: str, stored: str, subject: str, limits: dict[str, int]) -> Place:
        making = self._created.get(name)
        if making is None or (making.done() and (making.cancelled() or making.exception())):
            making = self._created[name] = asyncio.create_task(self._make(name, stored, limits))
            self._under_way.add(making)
            making.add_done_callback(self._under_way.discard)
            # All callers that wait for it may be gone before it fails.
            making.add_done_callback(lambda task: task.cancelled() or task.exception())
        created = await asyncio.shield(making)
        digest = hashlib.blake2s(f"{created} {subject}".encode(), digest_size=12).digest()
        return Place(name, subject, base64.urlsafe_b64encode(digest).decode())

    async def _make(self, name: str, stored: str, limits: dict[str, int]) -> str:
        age_s = self._claims.replay_s
        config: dict[str, Any] = {
            "name": name,
            "subjects": [stored],
            "republish": {"src": stored, "dest": REPUBLISHED + stored},
            "storage": self._storage,
            "num_replicas": self._replicas,
            "retention": "limits",
            "discard": "old",
            "max_age": int((age_s or 0) * _NANOSECONDS),
            **limits,
        }
        call = f"STREAM.CREATE.{name}"
        try:
            try:
                found = await call_api(self._client, call, config)
            except Refused as error:
                if error.fields["code"] != _IN_NO_CLUSTER:
                    raise
                found = await call_api(self._client, call, {**config, "num_replicas": 1})
        except NotFound as error:
            raise SubscribeError(f"the history cannot be kept: {error}") from error
        return str(found["created"])


def _selects(pattern: str, subject: str) -> bool:
    return subject == pattern or (pattern.endswith(">") and subject.startswith(pattern[:-1]))
