"""A history, or the part of one that shows a breach, as lines of text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from eventhook_conformance.checker.violation import shown
from eventhook_conformance.contract import EventPattern, FlovynEvent, StreamEvent
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

_MOST_LINES = 24
_ERROR = 80
_VALUE = 40


def excerpt(history: History, entries: Sequence[Entry]) -> list[str]:
    """The named entries in the order in which they happened, a line each, times in milliseconds."""
    numbers = {
        key: publishes[0].number for key, publishes in by_identity(history.publishes).items()
    }
    readers = {
        id(delivery): subscription.name
        for subscription in history.subscriptions
        for delivery in subscription.deliveries
    }
    lines: list[tuple[Moment, str, str]] = []
    endings: list[tuple[Moment, str, str]] = []
    for entry in dict.fromkeys(entries):
        lines += _lines(entry, numbers, readers.get(id(entry), "?"))
        if isinstance(entry, Subscribed):
            endings += _endings(entry)
    # How a subscription ended explains nothing that was seen before, unless it is all there is.
    latest = max((line[0].step for line in lines), default=0)
    exclusive = all(isinstance(entry, Subscribed) for entry in entries)
    lines += [line for line in endings if exclusive or line[0].step < latest]
    lines.sort(key=lambda line: line[0].step)
    start = lines[0][0].at_s if lines else 0.0
    shown = [
        f"{(moment.at_s - start) * 1000:9.2f} ms  {who:<4} {what}" for moment, who, what in lines
    ]
    if len(shown) > _MOST_LINES:
        half = _MOST_LINES // 2
        shown[half:-half] = [f"{'…':>9}     ({len(shown) - 2 * half} more)"]
    return shown


def cut(text: str, width: int) -> str:
    """The text if it fits, else its first words and an ellipsis; a word that fills it is cut too."""
    if len(text) <= width:
        return text
    room = text[: width - 1]
    words = room if text[width - 1].isspace() else room.rpartition(" ")[0]
    return (words if len(words) > width // 2 else room).rstrip(" ,:") + "…"


def all_entries(history: History) -> list[Entry]:
    """Every entry of a history."""
    deliveries = [d for subscription in history.subscriptions for d in subscription.deliveries]
    waited = [w for subscription in history.subscriptions for w in subscription.waited]
    return [
        *history.publishes,
        *history.subscriptions,
        *history.remarks,
        *history.faults,
        *deliveries,
        *waited,
    ]


def _lines(
    entry: Entry, numbers: dict[object, int], reader: str
) -> Iterator[tuple[Moment, str, str]]:
    match entry:
        case Publish():
            outcome = (
                entry.outcome
                if entry.error is None
                else f"{entry.outcome}, {cut(entry.error, _ERROR)}"
            )
            fence = " (fence)" if entry.purpose == "fence" else ""
            yield (
                entry.called,
                entry.client,
                f"publish #{entry.number} {event_text(entry.event)}{fence} -> {outcome}",
            )
        case Subscribed():
            state = "active" if entry.entered else f"failed: {entry.error or 'never entered'}"
            yield (
                entry.entering,
                entry.client,
                f"subscribe {entry.name} to {selects_text(entry)} -> {state}",
            )
        case Delivery():
            number = _number(entry.event, numbers)
            yield entry.returned, reader, f"read {number}{event_text(entry.event)}"
        case Waited():
            yield (
                entry.until,
                "",
                f"waited {entry.timeout_s:g} s for #{entry.publish.number} in vain",
            )
        case Remark():
            yield entry.called, entry.client, f"{entry.text} -> {entry.result or 'no answer'}"
        case FaultWindow():
            yield entry.began, "", f"fault begins: {entry.text}"
            if entry.ended is not None:
                yield entry.ended, "", f"fault over: {entry.text}"


def _endings(entry: Subscribed) -> Iterator[tuple[Moment, str, str]]:
    if entry.closing is not None:
        yield entry.closing, entry.client, f"close, with {entry.name} open"
    if entry.leaving is not None:
        yield entry.leaving, entry.client, f"leave {entry.name}"
    if entry.ended is not None:
        yield entry.ended, entry.name, f"reading ended: {entry.end_error or 'StopAsyncIteration'}"


def _number(event: object, numbers: dict[object, int]) -> str:
    try:
        number = numbers.get(identity(event))  # type: ignore[arg-type]
    except (AttributeError, TypeError):  # because: a target may deliver anything at all
        return ""
    return "" if number is None else f"#{number} "


def event_text(event: object) -> str:
    """An event in a few words."""
    if isinstance(event, FlovynEvent):
        parts = [str(event.event_type), f"tenant {_short(event.tenant_id)}"]
        if event.workflow_execution_id is not None:
            parts.append(f"workflow {_short(event.workflow_execution_id)}")
        if event.task_execution_id is not None:
            parts.append(f"task {_short(event.task_execution_id)}")
        if event.data is not None:
            parts.append(f"data {cut(repr(event.data), _VALUE)}")
        return ", ".join(parts)
    if isinstance(event, StreamEvent):
        payload = cut(repr(event.payload), _VALUE)
        return f"{event.event_type} {payload} on {_short(event.workflow_execution_id)}"
    return shown(event)


def selects_text(subscription: Subscribed) -> str:
    """What a subscription asks for, in a few words."""
    pattern = subscription.selects
    if not isinstance(pattern, EventPattern):
        return f"the stream {_short(pattern)}"
    filters = {
        "workflow": pattern.workflow_execution_id,
        "task": pattern.task_execution_id,
        "type": pattern.event_type_prefix,
        "source": pattern.source,
    }
    narrowed = ", ".join(
        f"{name} {_short(value)}" for name, value in filters.items() if value is not None
    )
    return f"tenant {_short(pattern.tenant_id)}: {narrowed or 'all'}"


def _short(value: object) -> str:
    text = str(value)
    return text[:8] if len(text) == 36 and text.count("-") == 4 else cut(text, _VALUE)
