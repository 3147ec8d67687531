"""Lays a history out as a sequence diagram, from top to bottom. The page's template draws it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from heapq import nsmallest
from typing import Final, Literal

from eventhook_conformance.checker import Violation
from eventhook_conformance.evidence import Bar, Diagram, Lane, Row, RowStyle, Weight
from eventhook_conformance.history import Delivery, Entry, History, Publish, Subscribed, Waited
from eventhook_conformance.report.steps import BUS, Step, all_entries, cut, overlapping, steps
from eventhook_conformance.report.text import printable

MOST_ROWS: Final = 32
"""The most rows of one diagram."""
ROW: Final = 34
HEAD: Final = 46
TIMES: Final = 44
_DETAIL: Final = 96
"""The most letters of the text beside a step."""
_LABEL: Final = 20
"""The most letters of a label."""
_LETTER: Final = 6.4
_LEAST_GAP: Final = 92


@dataclass(frozen=True)
class _Drawn:
    """A step that is to be drawn, and why."""

    step: Step
    weight: Weight

    @property
    def style(self) -> RowStyle:
        """The style of the row: `lost` for a publish that succeeded and is the breach."""
        if self.weight == "offence" and isinstance(self.step.entry, Publish):
            return "lost" if self.step.style == "plain" else self.step.style
        return self.step.style


def lay_out(history: History, violation: Violation) -> Diagram | None:
    """Lays out the part of a history that shows a breach, and what went on around it.

    Returns None if there is nothing to draw.
    """
    chosen = _chosen(_all_drawn(history, violation))
    if not chosen:
        return None
    gap = _gap(drawn.step for _, drawn in chosen)
    lanes = _lanes(history, [drawn.step for _, drawn in chosen], gap)
    places = {lane.name: lane.x for lane in lanes}
    right = lanes[-1].x + gap // 2
    rows: list[Row] = []
    active: dict[str, int] = {}
    bars: list[Bar] = []
    y = HEAD + ROW // 2
    began = chosen[0][1].step.moment.at_s
    for skipped, drawn in chosen:
        if skipped:
            rows.append(Row(y, "", 0, right, f"{skipped} more", "", "context", "gap"))
            y += ROW
        step = drawn.step
        start = places.get(step.start, lanes[0].x)
        rows.append(
            Row(
                y,
                f"{(step.moment.at_s - began) * 1000:.2f}",
                start,
                places.get(step.end, lanes[-1].x) if step.end else start,
                cut(printable(step.label), _LABEL),
                cut(printable(step.text), _DETAIL),
                drawn.weight,
                drawn.style,
            )
        )
        if step.opens in places:
            active[step.opens] = y
        if step.closes in active:
            bars.append(Bar(places[step.closes], active.pop(step.closes), y))
        y += ROW
    bars += [Bar(places[name], top, y) for name, top in active.items()]
    notes = round(max(len(row.detail) for row in rows) * _LETTER) + 20
    return Diagram(lanes, tuple(rows), tuple(bars), right + notes, y + ROW // 4, right + 8)


def _gap(drawn: Iterable[Step]) -> int:
    """Returns the distance of two lanes: the longest label fits between them."""
    longest = max(len(cut(step.label, _LABEL)) for step in drawn)
    return max(_LEAST_GAP, round(longest * _LETTER) + 26)


def _lanes(history: History, drawn: Sequence[Step], gap: int) -> tuple[Lane, ...]:
    named = {name for step in drawn for name in (step.start, step.end, step.opens) if name}
    readers = {one.name: one.client for one in history.subscriptions if one.name in named}
    clients = sorted(
        (named - set(readers) - {BUS}) | set(readers.values()),
        key=lambda name: (len(name), name),
    )
    columns: list[tuple[str, str, Literal["client", "bus", "reader"]]] = [
        *((name, "client", "client") for name in clients),
        (BUS, "", "bus"),
        *((name, f"read by {client}", "reader") for name, client in readers.items()),
    ]
    return tuple(
        Lane(name, under, kind, TIMES + gap // 2 + place * gap)
        for place, (name, under, kind) in enumerate(columns)
    )


def _chosen(rows: list[_Drawn]) -> list[tuple[int, _Drawn]]:
    """Chooses the steps to draw, each with the number of steps left out before it.

    Takes all that shows the breach, as far as there is room, then the steps nearest to it.
    """
    telling = [place for place, one in enumerate(rows) if one.weight != "context"]
    kept = sorted({*telling[: MOST_ROWS // 2], *telling[-MOST_ROWS // 2 :]})

    def distance(place: int) -> tuple[int, int]:
        after = bisect_left(kept, place)
        return min(
            (abs(place - one) for one in kept[max(0, after - 1) : after + 1]), default=0
        ), place

    chosen = sorted(nsmallest(MOST_ROWS, range(len(rows)), key=distance))
    found: list[tuple[int, _Drawn]] = []
    last = -1
    for place in chosen:
        found.append((place - last - 1, rows[place]))
        last = place
    return found


def _all_drawn(history: History, violation: Violation) -> list[_Drawn]:
    offences, evidence = _shown_by(history, violation)
    readers = {
        id(one): subscription
        for subscription in history.subscriptions
        for one in (*subscription.deliveries, *subscription.waited)
    }
    met = [
        *(one for one in violation.entries if isinstance(one, Subscribed)),
        *(readers[id(one)] for one in violation.entries if id(one) in readers),
        *overlapping(history, violation.entries),
    ]
    involved = list(dict.fromkeys(met))

    def weigh(step: Step) -> Weight:
        if id(step.entry) not in evidence or step.is_quiet:
            return "context"
        return "offence" if id(step.entry) in offences else "evidence"

    entries = [
        entry
        for entry in all_entries(history)
        if id(entry) in evidence
        or not involved
        or _concerns(entry, readers.get(id(entry)), involved)
    ]
    return [_Drawn(step, weigh(step)) for step in steps(history, entries)]


def _concerns(entry: Entry, reader: Subscribed | None, involved: Sequence[Subscribed]) -> bool:
    """Returns whether an entry concerns one of these subscriptions."""
    if isinstance(entry, Publish):
        return any(one.matches(entry.event) for one in involved)
    if isinstance(entry, Delivery | Waited):
        return any(one is reader for one in involved)
    return not isinstance(entry, Subscribed) or any(one is entry for one in involved)


def _shown_by(history: History, violation: Violation) -> tuple[set[int], set[int]]:
    """Returns the identities of the entries that are the breach, and of all that show it."""
    told = violation.entries
    wrong: list[Entry] = [one for one in told if isinstance(one, Delivery | Waited)]
    if violation.kind.startswith("lost"):
        # A later event that arrived is only the proof. The breach is the publish, and each wait for it.
        lost = next((one for one in told if isinstance(one, Publish)), None)
        waits = [one for each in history.subscriptions for one in each.waited]
        wrong = [*([lost] if lost else []), *(one for one in waits if one.publish is lost)]
    offences = {id(one) for one in wrong or told}
    return offences, offences | {id(one) for one in told}
