"""Reads streams, and comes back to them, if the server replays."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias
from urllib.parse import urlencode
from uuid import UUID

from eventhook_conformance.cases._sse import both_sides, subject
from eventhook_conformance.history import Event
from eventhook_conformance.probe import NotOffered
from eventhook_conformance.sse.checks import Breach
from eventhook_conformance.sse.paths import StreamKind
from eventhook_conformance.sse.session import Sse
from eventhook_conformance.sse.stream import Stream

EXACT: Final[frozenset[Breach]] = frozenset({"again", "repeated", "lost", "reordered", "phantom"})
"""The breaches that show that a stream went on at the wrong place."""

How: TypeAlias = Literal["header", "query"]


@dataclass(frozen=True)
class Place:
    """The position of a reader."""

    id: str
    """The last id that it read."""
    began: int
    """The step from which events are owed to it."""
    had: frozenset[int] = frozenset()
    """The numbers of the publishes whose events it has."""


def check_replays(sse: Sse) -> None:
    """Checks that the server replays at all.

    Raises:
        NotOffered: its `HttpTarget` claims no `replay`.
    """
    if sse.target.replay is None:
        raise NotOffered("the target's `HttpTarget` claims no `replay`")


async def read_some(sse: Sse, kind: StreamKind, rounds: int = 3) -> tuple[UUID | None, Stream]:
    """Publishes rounds of events on a new subject; returns it, and the stream that read them.

    Raises:
        NotOffered: the server does not replay.
        CaseAborted: an event did not come in time.
    """
    check_replays(sse)
    it = await subject(sse, kind)
    stream = await sse.stream(kind, it)
    for _ in range(rounds):
        events = both_sides(sse, kind, it)
        await sse.publish(*events)
        await stream.receive(*events)
    return it, stream


def crowded(sse: Sse) -> bool:
    """Returns whether the oldest of the case's events may have left the history."""
    claimed = sse.probe.capabilities
    limit = claimed.replay_events if "replay" in claimed.profiles else None
    return limit is not None and len(sse.probe.history.publishes) > limit * 2 // 3


def places(stream: Stream) -> Iterator[Place]:
    """Yields the reader's position after each event, from the first that the case published."""
    for number, one in enumerate(list(stream.reading.received), 1):
        had = stream.wanted.seen | stream.numbers(number)
        if had:
            yield Place(one.event.last_event_id, stream.began, had)


def place_now(stream: Stream) -> Place:
    """Returns the reader's position."""
    had = stream.wanted.seen | stream.numbers(len(stream.reading.received))
    return Place(stream.reading.parser.last_event_id, stream.began, had)


async def come_back(
    sse: Sse,
    kind: StreamKind,
    it: UUID | None,
    place: Place,
    how: How = "header",
    base_url: str | None = None,
    types: str | None = None,
    selects: Callable[[Event], bool] = lambda event: True,
) -> Stream:
    """Opens the stream again at a reader's position.

    Raises:
        CaseAborted: the answer is not 200, or did not come in time.
    """
    by_header = how == "header"
    # As a client may write it that encodes every character of a parameter.
    encoded = "".join(f"%{byte:02X}" for byte in place.id.encode())
    more = "" if types is None else "&" + urlencode({"types": types})
    stream = await sse.stream(
        kind,
        it,
        headers={"Last-Event-ID": place.id} if by_header else {},
        query=None if by_header else f"?last_event_id={encoded}{more}",
        resumes=place.had,
        base_url=base_url,
        types=types,
        selects=selects,
    )
    stream.began = place.began
    return stream


async def go_on(sse: Sse, kind: StreamKind, it: UUID | None, place: Place, **asked: Any) -> None:
    """Comes back, reads all owed events, and proves by a fence that no others come.

    Args:
        sse: the case's.
        kind: of endpoint.
        it: the id of the workflow or task.
        place: the reader's position.
        **asked: as `come_back` takes it.

    Raises:
        CaseAborted: an owed event did not come.
    """
    back = await come_back(sse, kind, it, place, **asked)
    await back.receive(*back.owed())
    await sse.fence(back)
    await back.leave()
