"""Checks one stream against the publishes: pure functions, like the checker of the bus.

Each breach has a kind and the requirement that it breaks; a case says which kinds show its own.

Over 300 lines: one list of rules, each a few lines.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias
from uuid import UUID

from eventhook_conformance.contract import (
    MAX_CURSOR_BYTES,
    FlovynEvent,
    InvalidEvent,
    StreamEvent,
    check_cursor,
)
from eventhook_conformance.history import Event, Moment, Publish
from eventhook_conformance.sse.client import Received
from eventhook_conformance.sse.own_events import is_foreign
from eventhook_conformance.sse.parser import Fields, ServerSentEvent, unknown_fields
from eventhook_conformance.sse.published import Published, as_delivered, as_object, wire_id

Breach: TypeAlias = Literal[
    "form",
    "phantom",
    "repeated",
    "altered",
    "unselected",
    "strayed",
    "crossed",
    "reordered",
    "replayed",
    "again",
    "lost",
]

CHARGES: Final[Mapping[Breach, str]] = {
    "form": "SSE-03",
    "phantom": "SSE-03",
    "repeated": "SSE-03",
    "altered": "SSE-02",
    "unselected": "SSE-05",
    "strayed": "SSE-09",
    "crossed": "SSE-06",
    "reordered": "SSE-10",
    "replayed": "SSE-17",
    "again": "RPL-16",
    "lost": "SSE-04",
}


@dataclass(frozen=True)
class Finding:
    """One breach."""

    kind: Breach
    expected: str
    seen: str
    publishes: tuple[Publish, ...] = ()


@dataclass(frozen=True)
class Wanted:
    """The events that one stream should carry."""

    carries: Callable[[Event], bool]
    """True if an event belongs on it, whatever was asked for by `types`."""
    selects: Callable[[Event], bool]
    """True if `types` asks for it."""
    tenant: UUID
    consolidated: bool = False
    replay: Literal["live", "start"] | None = None
    """The place where the server begins without an `id`; None: it replays nothing."""
    resumed: bool = False
    """True if its request says where it goes on."""
    seen: frozenset[int] = frozenset()
    """The numbers of the publishes that its reader had before: nothing of them is to come again."""

    @property
    def begins_in_the_past(self) -> bool:
        """True if events from before the request may come."""
        return self.resumed or self.replay == "start"

    def takes(self, event: Event) -> bool:
        """Returns whether the event should be seen."""
        return self.carries(event) and self.selects(event)


def judge(
    received: Sequence[Received],
    strays: Sequence[Fields],
    wanted: Wanted,
    published: Published,
    requested: Moment,
    opened: Moment,
) -> list[Finding]:
    """Returns all breaches of one stream.

    Args:
        received: its events.
        strays: blocks of fields that dispatched nothing.
        wanted: what it should carry.
        published: by anyone, so far.
        requested: when its request was sent.
        opened: when its headers had been read.
    """
    found = [*_stray_findings(strays, wanted)]
    origins: list[tuple[Publish, Received]] = []
    for one in received:
        origin = published.origin(one.event)
        if origin is None:
            if not is_foreign(one.event, wanted.tenant, any_id=wanted.replay is not None):
                found.append(Finding("phantom", "only what was published", f"{shown(one.event)}"))
            continue
        found += _judge_one(one.event, origin, wanted, requested)
        origins.append((origin, one))
    found += _repeats(origins)
    found += _order(origins, wanted)
    found += _losses(origins, wanted, published, opened)
    return found


def _judge_one(
    event: ServerSentEvent, origin: Publish, wanted: Wanted, requested: Moment
) -> Iterator[Finding]:
    source = origin.event
    if not wanted.carries(source):
        crossed = isinstance(source, FlovynEvent) and source.tenant_id != wanted.tenant
        kind: Breach = "crossed" if crossed else "strayed"
        whose = "another tenant's" if crossed else "what belongs elsewhere"
        yield Finding(
            kind, "only what belongs on the stream", f"{whose}: {shown(event)}", (origin,)
        )
        return
    if not wanted.selects(source):
        yield Finding("unselected", "only the types asked for", shown(event), (origin,))
    if origin.number in wanted.seen:
        yield Finding(
            "again", "nothing up to the id that it resumes at", f"{shown(event)}", (origin,)
        )
    before = origin.settled is not None and origin.settled.step < requested.step
    if before and not wanted.begins_in_the_past:
        yield Finding(
            "replayed",
            "nothing from before the request",
            f"an old event: {shown(event)}",
            (origin,),
        )
    yield from _form(event, origin, wanted)


def _form(event: ServerSentEvent, origin: Publish, wanted: Wanted) -> Iterator[Finding]:
    source = origin.event
    stream = isinstance(source, StreamEvent)
    name = source.event_type.lower() if stream else source.event_type
    right_id = wire_id(source)
    if isinstance(source, StreamEvent) and wanted.consolidated:
        right_id = f"{source.workflow_execution_id}:{right_id}"
    fields = {"event": name} if wanted.replay is not None else {"event": name, "id": right_id}
    for field, right in fields.items():
        values = event.values(field)
        # A UUID reads the same in either case.
        alike = [value if stream or field == "event" else value.lower() for value in values]
        if alike != [right]:
            yield Finding(
                "form", f"one field {field} with {right!r}", f"{values or 'none'}", (origin,)
            )
    ids = event.values("id")
    if wanted.replay is not None and (len(ids) != 1 or check_cursor(ids[0])):
        right = f"one field id, of 1 to {MAX_CURSOR_BYTES} bytes of visible ASCII"
        yield Finding("form", right, f"{ids or 'none'}"[:200], (origin,))
    if unknown := unknown_fields(event):
        yield Finding("form", "no field beyond the rules", f"{unknown}", (origin,))
    yield from _data(event, origin, wanted)


def _data(event: ServerSentEvent, origin: Publish, wanted: Wanted) -> Iterator[Finding]:
    source = origin.event
    if isinstance(source, FlovynEvent):
        try:
            read = FlovynEvent.from_json(event.data)
        except InvalidEvent as error:
            yield Finding("form", "the event's wire form as data", str(error)[:200], (origin,))
            return
        if (field := source.differs(read)) is not None:
            seen = f"another {field}: {getattr(read, field)!r:.120}"
            yield Finding("altered", "the event as it was published", seen, (origin,))
        return
    payload, right = event.data, as_delivered(source.payload)
    if wanted.consolidated:
        content = as_object(event.data)
        if content is None or set(content) != {"workflowExecutionId", "data"}:
            expected = 'data of the form {"workflowExecutionId": …, "data": payload}'
            yield Finding("form", expected, f"{event.data!r:.120}", (origin,))
            return
        if content["workflowExecutionId"] != source.workflow_execution_id:
            expected = f"workflowExecutionId {source.workflow_execution_id}"
            yield Finding("form", expected, f"{content['workflowExecutionId']!r:.80}", (origin,))
        payload, right = as_delivered(str(content["data"])), as_delivered(source.payload)
    if payload != right:
        yield Finding(
            "altered",
            f"the payload {_excerpt(right, payload)}",
            _excerpt(payload, right),
            (origin,),
        )


def _excerpt(text: str, other: str) -> str:
    """Returns the part of a text around its first difference from another."""
    at = next(
        (n for n, (one, two) in enumerate(zip(text, other, strict=False)) if one != two),
        min(len(text), len(other)),
    )
    start = max(0, at - 20)
    where = f" (from character {start} of {len(text)})" if len(text) > 60 else ""
    return f"{text[start : at + 40]!r}{where}"


def _stray_findings(strays: Iterable[Fields], wanted: Wanted) -> Iterator[Finding]:
    for block in remains(strays, replay=wanted.replay is not None):
        names = [name for name, _ in block]
        expected = "data in every event, and no other block but a retry"
        yield Finding("form", expected, f"a block of {', '.join(map(repr, names))} alone")


def remains(strays: Iterable[Fields], *, replay: bool = False) -> list[Fields]:
    """Returns the blocks without data that no server means: what is left of an event.

    A block of nothing but `retry` sets the reconnection time, and may stand before and between events.
    Where history is replayed, one of an `id` alone says where the reader stands.

    Args:
        strays: blocks of fields that dispatched nothing.
        replay: whether the server replays.
    """
    meant = {"retry", "id"} if replay else {"retry"}
    return [block for block in strays if any(name not in meant for name, _ in block)]


def _repeats(origins: Sequence[tuple[Publish, Received]]) -> Iterator[Finding]:
    seen: set[int] = set()
    for origin, one in origins:
        if origin.number in seen:
            yield Finding("repeated", "each event once", f"again: {shown(one.event)}", (origin,))
        seen.add(origin.number)


def _order(origins: Sequence[tuple[Publish, Received]], wanted: Wanted) -> Iterator[Finding]:
    """Checks order within a side; of a consolidated stream, within a workflow."""
    latest: dict[object, Publish] = {}
    for origin, one in origins:
        event = origin.event
        chain = (
            origin.client,
            origin.side,
            event.workflow_execution_id if isinstance(event, StreamEvent) else None,
        )
        last = latest.get(chain)
        if last is not None and origin.before(last):
            seen = f"{shown(one.event)} after one published later"
            yield Finding("reordered", "its publisher's order on each side", seen, (origin, last))
        else:
            latest[chain] = origin


def _losses(
    origins: Sequence[tuple[Publish, Received]],
    wanted: Wanted,
    published: Published,
    opened: Moment,
) -> Iterator[Finding]:
    """Finds events passed over by a later one of the same publisher and side."""
    seen = {origin.number for origin, _ in origins}
    newest: dict[tuple[str, object], Publish] = {}
    for origin, _ in origins:
        chain = (origin.client, _lane(origin.event))
        if chain not in newest or newest[chain].number < origin.number:
            newest[chain] = origin
    for publish in published.all:
        last = newest.get((publish.client, _lane(publish.event)))
        if (
            last is not None
            and publish.number not in seen
            and publish.outcome == "ok"
            and publish.called.step > opened.step
            and publish.before(last)
            and wanted.takes(publish.event)
        ):
            seen_instead = "it was passed over by a later event"
            yield Finding(
                "lost", f"{_name(publish)} to be delivered", seen_instead, (publish, last)
            )


def _lane(event: Event) -> object:
    return event.workflow_execution_id if isinstance(event, StreamEvent) else "events"


def shown(event: ServerSentEvent) -> str:
    """Returns an event in a few words."""
    return f"event {event.type!r:.60}, id {event.last_event_id!r:.80}, data {event.data!r:.60}"


def _name(publish: Publish) -> str:
    return f"#{publish.number} ({publish.event.event_type})"
