"""A history laid out as a sequence diagram: who did what, from top to bottom; no drawing yet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from eventhook_conformance.checker import Violation
from eventhook_conformance.contract import FlovynEvent, StreamEvent
from eventhook_conformance.history import (
    Delivery,
    Entry,
    FaultWindow,
    History,
    Moment,
    Publish,
    Remark,
    Subscribed,
    Waited,
    by_identity,
    identity,
)
from eventhook_conformance.report.excerpt import all_entries, event_text, selects_text
from eventhook_conformance.report.text import printable

MOST_ROWS: Final = 32
"""Of one diagram."""
ROW: Final = 34
HEAD: Final = 46
TIMES: Final = 44
GAP: Final = 92
NOTES: Final = 530
_BUS: Final = "bus"

Weight: TypeAlias = Literal["offence", "evidence", "context"]
"""What shows the breach, what explains it, and what else went on."""

Style: TypeAlias = Literal["plain", "broken", "lost", "missing", "note", "gap", "fault"]


@dataclass(frozen=True)
class Lane:
    """A vertical line: a client, the bus, or a subscription."""

    name: str
    under: str
    kind: Literal["client", "bus", "reader"]
    x: int


@dataclass(frozen=True)
class Row:
    """One thing that happened; an arrow where it went from one lane to another."""

    y: int
    time: str
    start: int
    end: int
    label: str
    detail: str
    weight: Weight
    style: Style

    @property
    def middle(self) -> float:
        """Where the label stands."""
        return (self.start + self.end) / 2


@dataclass(frozen=True)
class Bar:
    """The time in which a subscription was active."""

    x: int
    top: int
    bottom: int


@dataclass(frozen=True)
class Diagram:
    """All that is to be drawn."""

    lanes: tuple[Lane, ...]
    rows: tuple[Row, ...]
    bars: tuple[Bar, ...]
    width: int
    height: int
    notes_x: int


@dataclass(frozen=True)
class _Step:
    """A row before it has a place."""

    moment: Moment
    start: str
    end: str
    label: str
    detail: str
    weight: Weight
    style: Style = "plain"
    opens: str = ""
    closes: str = ""


def lay_out(history: History, violation: Violation) -> Diagram | None:
    """The part of a history that shows a breach, with what went on around it; None if it is empty."""
    steps = _chosen(_steps(history, violation))
    if not steps:
        return None
    lanes = _lanes(history, steps)
    places = {lane.name: lane.x for lane in lanes}
    right = lanes[-1].x + GAP // 2
    rows: list[Row] = []
    active: dict[str, int] = {}
    bars: list[Bar] = []
    y = HEAD + ROW // 2
    began = steps[0][1].moment.at_s
    for skipped, step in steps:
        if skipped:
            rows.append(Row(y, "", 0, right, f"{skipped} more", "", "context", "gap"))
            y += ROW
        start = places.get(step.start, lanes[0].x)
        end = places.get(step.end, lanes[-1].x) if step.end else start
        time = f"{(step.moment.at_s - began) * 1000:.2f}"
        rows.append(
            Row(
                y,
                time,
                start,
                end,
                printable(step.label),
                printable(step.detail),
                step.weight,
                step.style,
            )
        )
        if step.opens in places:
            active[step.opens] = y
        if step.closes in active:
            bars.append(Bar(places[step.closes], active.pop(step.closes), y))
        y += ROW
    bars += [Bar(places[name], top, y) for name, top in active.items()]
    return Diagram(lanes, tuple(rows), tuple(bars), right + NOTES, y + ROW // 4, right + 8)


def _lanes(history: History, steps: Sequence[tuple[int, _Step]]) -> tuple[Lane, ...]:
    named = {name for _, step in steps for name in (step.start, step.end, step.opens) if name}
    readers = {one.name: one.client for one in history.subscriptions if one.name in named}
    clients = sorted(
        (named - set(readers) - {_BUS}) | set(readers.values()),
        key=lambda name: (len(name), name),
    )
    columns: list[tuple[str, str, Literal["client", "bus", "reader"]]] = [
        *((name, "client", "client") for name in clients),
        (_BUS, "", "bus"),
        *((name, f"read by {client}", "reader") for name, client in readers.items()),
    ]
    return tuple(
        Lane(name, under, kind, TIMES + GAP // 2 + place * GAP)
        for place, (name, under, kind) in enumerate(columns)
    )


def _chosen(steps: list[_Step]) -> list[tuple[int, _Step]]:
    """The steps that are drawn, each with how many were left out before it.

    All that shows the breach, as long as there is room; then what was nearest to it in time.
    """
    telling = [place for place, step in enumerate(steps) if step.weight != "context"]
    keep = set(telling[: MOST_ROWS // 2]) | set(telling[-MOST_ROWS // 2 :])
    distance = {
        place: min((abs(place - one) for one in keep), default=0) for place in range(len(steps))
    }
    nearest = sorted(range(len(steps)), key=lambda place: (distance[place], place))
    keep |= set(nearest[:MOST_ROWS]) if len(keep) < MOST_ROWS else set()
    chosen = sorted(sorted(keep, key=lambda place: (distance[place], place))[:MOST_ROWS])
    found: list[tuple[int, _Step]] = []
    last = -1
    for place in chosen:
        found.append((place - last - 1, steps[place]))
        last = place
    return found


def _steps(history: History, violation: Violation) -> list[_Step]:
    offences, evidence = _shown_by(history, violation)
    readers = {
        id(one): subscription
        for subscription in history.subscriptions
        for one in (*subscription.deliveries, *subscription.waited)
    }
    involved = [
        *(one for one in violation.entries if isinstance(one, Subscribed)),
        *(readers[id(one)] for one in violation.entries if id(one) in readers),
    ]
    numbers = {key: found[0].number for key, found in by_identity(history.publishes).items()}
    steps: list[_Step] = []
    for entry in all_entries(history):
        weight: Weight = (
            "offence"
            if id(entry) in offences
            else "evidence"
            if id(entry) in evidence
            else "context"
        )
        reader = readers.get(id(entry))
        if weight != "context" or not involved or _concerns(entry, reader, involved):
            steps += _of(entry, weight, reader.name if reader else "", numbers)
    return sorted(steps, key=lambda step: step.moment.step)


def _concerns(entry: Entry, reader: Subscribed | None, involved: Sequence[Subscribed]) -> bool:
    """Whether an entry has to do with those subscriptions; what was done elsewhere only distracts."""
    if isinstance(entry, Publish):
        return any(one.matches(entry.event) for one in involved)
    if isinstance(entry, Delivery | Waited):
        return any(one is reader for one in involved)
    return not isinstance(entry, Subscribed) or any(one is entry for one in involved)


def _shown_by(history: History, violation: Violation) -> tuple[set[int], set[int]]:
    """The identities of the entries that are the breach, and of all that show it."""
    told = violation.entries
    wrong: list[Entry] = [one for one in told if isinstance(one, Delivery | Waited)]
    if violation.kind.startswith("lost"):
        # What came instead is only the proof; what is missing was published, and perhaps waited for.
        lost = next((one for one in told if isinstance(one, Publish)), None)
        waits = [one for each in history.subscriptions for one in each.waited]
        wrong = [*([lost] if lost else []), *(one for one in waits if one.publish is lost)]
    offences = {id(one) for one in wrong or told}
    return offences, offences | {id(one) for one in told}


def _of(entry: Entry, weight: Weight, reader: str, numbers: dict[object, int]) -> Iterator[_Step]:
    match entry:
        case Publish():
            fence = " (fence)" if entry.purpose == "fence" else ""
            lost = weight == "offence" and entry.outcome == "ok"
            outcome = "" if entry.outcome == "ok" else f" → {entry.outcome}"
            error = f": {entry.error}" if entry.error else ""
            yield _Step(
                entry.called,
                entry.client,
                _BUS,
                f"#{entry.number} {_kind(entry.event)}",
                f"publish {event_text(entry.event)}{fence}{outcome}{error}",
                weight,
                "lost" if lost else "plain" if entry.outcome == "ok" else "broken",
            )
        case Subscribed():
            yield from _subscribed(entry, weight)
        case Delivery():
            number = _number(entry.event, numbers)
            yield _Step(
                entry.returned,
                _BUS,
                reader,
                number or "unknown",
                f"read {event_text(entry.event)}",
                weight,
            )
        case Waited():
            yield _Step(
                entry.until,
                reader,
                "",
                f"#{entry.publish.number} missing",
                f"waited {entry.timeout_s:g} s for #{entry.publish.number} in vain",
                weight,
                "missing",
            )
        case Remark():
            detail = f"{entry.text} → {entry.result or 'no answer'}"
            yield _Step(entry.called, entry.client, "", "", detail, weight, "note")
        case FaultWindow():
            yield _Step(entry.began, _BUS, "", "fault", f"begins: {entry.text}", weight, "fault")
            if entry.ended is not None:
                yield _Step(entry.ended, _BUS, "", "mended", f"over: {entry.text}", weight, "fault")


def _subscribed(entry: Subscribed, weight: Weight) -> Iterator[_Step]:
    failed = "" if entry.entered else f" → failed: {entry.error or 'never entered'}"
    yield _Step(
        entry.entering,
        entry.client,
        _BUS,
        f"subscribe {entry.name}",
        f"{entry.name} asks for {selects_text(entry)}{failed}",
        weight,
        "broken" if failed else "plain",
        opens=entry.name,
    )
    if entry.leaving is not None:
        yield _Step(
            entry.leaving,
            entry.client,
            _BUS,
            f"leave {entry.name}",
            f"{entry.name} is left",
            "context",
            closes=entry.name,
        )
    if entry.ended is not None:
        # A quiet end explains nothing; one that was no leaving may be the breach itself.
        quiet = entry.end == "stopped" and entry.leaving is not None
        how = entry.end_error or "StopAsyncIteration"
        style: Style = "note" if entry.end == "stopped" else "missing"
        yield _Step(
            entry.ended,
            entry.name,
            "",
            "ended",
            f"reading ended: {how}",
            "context" if quiet else weight,
            style,
        )


def _kind(event: object) -> str:
    if isinstance(event, StreamEvent):
        return getattr(event.event_type, "name", str(event.event_type))
    return str(event.event_type) if isinstance(event, FlovynEvent) else type(event).__name__


def _number(event: object, numbers: dict[object, int]) -> str:
    try:
        number = numbers.get(identity(event))  # type: ignore[arg-type]
    except (AttributeError, TypeError):  # because: a target may deliver anything at all
        return ""
    return "" if number is None else f"#{number}"
