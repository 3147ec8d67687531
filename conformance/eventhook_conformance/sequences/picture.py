"""Draws a history as text: the events seen, in order, beside the events expected."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from uuid import UUID

from eventhook_conformance.contract import FlovynEvent
from eventhook_conformance.sequences.matching import Match
from eventhook_conformance.sequences.scenario import ExpectedEvent, Ids


def picture(match: Match) -> str:
    """Returns one line for each event: place, type, owner, time, and error."""
    start = match.seen[0].timestamp_ms if match.seen else 0
    label_at = {place: label for label, place in match.found.items()}
    remarks = _remarks(match)
    rows = [
        (
            str(place + 1),
            event.event_type,
            _place(event, match.ids),
            f"+{event.timestamp_ms - start} ms",
            remarks.get(place, "" if place in label_at else "nothing like it is expected"),
        )
        for place, event in enumerate(match.seen)
    ]
    rows += [("-", one.type, one.place, "", "missing") for one in match.missing]
    widths = [max((len(row[column]) for row in rows), default=0) for column in range(4)]
    lines = [
        "  ".join([*(cell.ljust(widths[i]) for i, cell in enumerate(row[:4])), row[4]]).rstrip()
        for row in rows
    ]
    return "\n".join([f"{match.scenario.name}, as it was seen:", *lines])


def named(expected: ExpectedEvent) -> str:
    """Returns the name of an expected event in messages."""
    return f"{expected.label} ({expected.type} of {expected.place})"


def in_a_line(match: Match, marked: Collection[int] = ()) -> str:
    """Returns the types in order of arrival, some of them marked by brackets."""
    shown = [
        f"[{event.event_type}]" if place in marked else event.event_type
        for place, event in enumerate(match.seen)
    ]
    return " > ".join(shown) or "nothing"


def _remarks(match: Match) -> dict[int, str]:
    remarks: dict[int, list[str]] = {}
    for first, second in match.edges():
        a, b = match.found[first.label], match.found[second.label]
        if a > b:
            remarks.setdefault(b, []).append(f"must come after {first.label}, which is {a + 1}")
    end = match.found.get(match.scenario.terminal)
    for place in range(len(match.seen)):
        if end is not None and place > end:
            remarks.setdefault(place, []).append("after the end")
        if place in match.repeated:
            remarks.setdefault(place, []).append(f"{match.repeated[place]} once more")
    for label in match.misfiled:
        wanted = match.scenario.by_label(label).place
        remarks.setdefault(match.found[label], []).append(f"should be {wanted}'s")
    return {place: "; ".join(said) for place, said in remarks.items()}


def _place(event: FlovynEvent, ids: Ids) -> str:
    names = [
        _name(event.workflow_execution_id, ids.workflows),
        _name(event.task_execution_id, ids.tasks),
    ]
    return "/".join(name for name in names if name)


def _name(id: UUID | None, labels: Mapping[str, UUID]) -> str:
    if id is None:
        return ""
    return next((label for label, known in labels.items() if known == id), str(id)[:8])
