"""Where JetStream keeps the history, and what a cursor means in it.

    a stream for each tenant    flovyn.events.{tenant}.>     no tenant evicts another's events (RPL-11)
    one stream for all keys     flovyn.streams.workflow.>    bounded for each key by itself

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
from eventhook_reference.nats_jetstream import NotFound, call_api
from eventhook_reference.nats_replay_live import REPUBLISHED
from eventhook_reference.nats_subjects import event_root

KEYS: Final = "FLOVYN_STREAMS"
_SPARE: Final = 64
"""Messages kept beyond the claim: whether more than these are gone is never in doubt."""
_NANOSECONDS: Final = 1_000_000_000
_CURSOR: Final = re.compile(r"(0|[1-9][0-9]{0,18})-([A-Za-z0-9_-]{16})")


@dataclass(frozen=True)
class Place:
    """One channel's history: a stream, a subject in it, and the tag of its cursors."""

    stream: str
    subject: str
    tag: str

    def cursor(self, number: int) -> str:
        """The cursor after the message of that number."""
        return f"{number}-{self.tag}"


class Histories:
    """Makes the streams when they are first needed, and finds positions in them.

    Args:
        client: an open connection.
        claims: how much history to keep, and for how long.
        storage: `memory` or `file`.
        replicas: on how many servers each stream is kept.
    """

    def __init__(self, client: Client, claims: Capabilities, storage: str, replicas: int) -> None:
        self._client = client
        self._claims = claims
        self._storage = storage
        self._replicas = replicas
        self._created: dict[str, asyncio.Task[str]] = {}
        """When each stream was made, by its name, as the server says it."""

    async def of_tenant(self, tenant: UUID) -> Place:
        """Returns the history of a tenant's events.

        Raises:
            SubscribeError: its stream could not be made.
        """
        name = f"FLOVYN_EVENTS_{tenant.hex}"
        subject = f"{event_root(tenant)}>"
        limit = self._claims.replay_events
        limits = {} if limit is None else {"max_msgs": limit + _SPARE}
        return await self._place(name, subject, subject, limits)

    async def of_key(self, subject: str) -> Place:
        """Returns the history of one key's stream events.

        Raises:
            SubscribeError: the stream could not be made.
        """
        limit = self._claims.replay_events
        limits = {} if limit is None else {"max_msgs_per_subject": limit + _SPARE}
        return await self._place(KEYS, "flovyn.streams.workflow.>", subject, limits)

    def forget(self, place: Place) -> None:
        """Forgets that a stream was made: the server says that it is gone."""
        self._created.pop(place.stream, None)

    def give_up(self) -> None:
        """Makes no more streams: no answer comes to a client that was closed."""
        for making in self._created.values():
            making.cancel()

    async def purge(self, place: Place) -> None:
        """Removes the messages of a channel; the numbers that they had are never used again."""
        await call_api(self._client, f"STREAM.PURGE.{place.stream}", {"filter": place.subject})

    async def position(self, place: Place, since: Since) -> int | None:
        """Returns the number of the last message that is not wanted; None: only what is new is.

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
        except SubscribeError as error:
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
        call = f"STREAM.INFO.{place.stream}"
        found = await call_api(self._client, call, {"subjects_filter": place.subject})
        state, limit = found["state"], found["config"].get("max_msgs_per_subject", -1)
        kept = (state.get("subjects") or {}).get(place.subject, 0)
        if (kept >= limit > 0) if place.stream == KEYS else state["first_seq"] > 1:
            raise CursorExpired("the history no longer reaches back to its start", value=cursor)

    async def _place(self, name: str, stored: str, subject: str, limits: dict[str, int]) -> Place:
        making = self._created.get(name)
        if making is None or (making.done() and (making.cancelled() or making.exception())):
            making = self._created[name] = asyncio.create_task(self._make(name, stored, limits))
            # All who wait for it may be gone before it fails.
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
        found = await call_api(self._client, f"STREAM.CREATE.{name}", config)
        return str(found["created"])


def _selects(pattern: str, subject: str) -> bool:
    return subject == pattern or (pattern.endswith(">") and subject.startswith(pattern[:-1]))
