"""Turns entries of a history into steps: the text lines and the diagrams are both made of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Final, Literal, TypeAlias

from eventhook_conformance.checker.violation import in_full, shown
from eventhook_conformance.contract import Begin, EventPattern, FlovynEvent, StreamEvent
from eventhook_conformance.history import (
    Delivery,
    Entry,
    FaultWindow,
    History,
    Moment,
    Publish,
    Purge,
    Remark,
    Subscribed,
    Waited,
    identity,
)

BUS: Final = "bus"
"""The name of the bus among those that act."""

Style: TypeAlias = Literal["plain", "broken", "missing", "note", "fault"]

_ERROR: Final = 80
_VALUE: Final = 40
_GARBAGE: Final = 200


@dataclass(frozen=True)
class Step:
    """One thing that happened at one moment."""

    entry: Entry
    moment: Moment
    actor: str
    """The client or subscription that did it; empty for the suite."""
    words: str | Callable[[], str]
    """The step as one line, or a function that makes it: most steps are left out, and it takes time."""
    start: str = ""
    """Where its arrow starts: a client, the bus or a subscription."""
    end: str = ""
    """Where its arrow ends; empty for a step without an arrow."""
    label: str = ""
    """The text at its arrow."""
    style: Style = "plain"
    opens: str = ""
    """The subscription that begins with it."""
    closes: str = ""
    """The subscription that is left with it."""
    is_ending: bool = False
    """It ends a subscription."""
    is_quiet: bool = False
    """It explains nothing by itself: leaving, and the end that leaving brings."""

    @property
    def text(self) -> str:
        """The step as one line."""
        return self.words if isinstance(self.words, str) else self.words()


def steps(history: History, entries: Iterable[Entry]) -> list[Step]:
    """Returns the steps of these entries, each entry once, in the order in which they happened."""
    told = list(dict.fromkeys(entries))
    numbers: dict[object, int] = {}
    readers: dict[int, str] = {}
    if any(isinstance(entry, Delivery | Waited) for entry in told):
        numbers = {identity(one.event): one.number for one in reversed(history.publishes)}
        readers = {
            id(one): subscription.name
            for subscription in history.subscriptions
            for one in chain(subscription.deliveries, subscription.waited)
        }
    found = [step for entry in told for step in _of(entry, readers.get(id(entry), ""), numbers)]
    return sorted(found, key=lambda step: step.moment.step)


def all_entries(history: History) -> list[Entry]:
    """Returns every entry of a history."""
    found: list[Entry] = [*history.publishes, *history.subscriptions]
    found += [*history.remarks, *history.faults, *history.purges]
    found += [one for each in history.subscriptions for one in each.deliveries]
    found += [one for each in history.subscriptions for one in each.waited]
    return found


def overlapping(history: History, entries: Iterable[Entry]) -> list[Subscribed]:
    """Returns the other subscriptions that a publish of these entries met while they came or went.

    Such a subscription may be the cause of the breach, though the breach is seen elsewhere.
    """
    told = list(entries)
    publishes = [one for one in told if isinstance(one, Publish)]
    involved = {id(one) for one in told}
    return [
        other
        for other in history.subscriptions
        if id(other) not in involved
        and any(other.matches(one.event) and _meets(other, one) for one in publishes)
    ]


def _meets(subscription: Subscribed, publish: Publish) -> bool:
    moments = (subscription.leaving, subscription.closing, subscription.ended)
    end = publish.returned
    return end is not None and any(
        moment is not None and publish.called.step < moment.step < end.step for moment in moments
    )


def _of(entry: Entry, reader: str, numbers: dict[object, int]) -> Iterator[Step]:
    match entry:
        case Publish():
            yield _published(entry)
        case Subscribed():
            yield from _subscribed(entry)
        case Delivery():
            number = _number(entry.event, numbers)
            words = partial(_read, number, entry)
            yield Step(entry, entry.returned, reader, words, BUS, reader, number or "unknown")
        case Waited():
            number = f"#{entry.publish.number}"
            text = f"waited {entry.timeout_s:g} s for {number}, which did not come"
            yield Step(
                entry, entry.until, reader, text, reader, label=f"{number} missing", style="missing"
            )
        case Remark():
            text = f"{entry.text} -> {entry.result or 'no answer'}"
            yield Step(entry, entry.called, entry.client, text, entry.client, style="note")
        case Purge():
            scope = "tenant" if entry.side == "events" else "the stream"
            done = "forgotten" if entry.returned is not None else "no answer"
            text = f"purge {scope} {_short(entry.scope)} -> {done}"
            yield Step(entry, entry.called, entry.client, text, entry.client, style="note")
        case FaultWindow():
            text = f"fault begins: {entry.text}"
            yield Step(entry, entry.began, "", text, BUS, label="fault", style="fault")
            if entry.lifted is not None:
                text = f"fault lifted: {entry.text}"
                yield Step(entry, entry.lifted, "", text, BUS, label="fault lifted", style="fault")
            if entry.ended is not None:
                text = f"fault ends: {entry.text}"
                yield Step(entry, entry.ended, "", text, BUS, label="fault ends", style="fault")


def _published(entry: Publish) -> Step:
    words, label = partial(_publish_text, entry), f"#{entry.number} {_kind(entry.event)}"
    style: Style = "plain" if entry.outcome == "ok" else "broken"
    return Step(entry, entry.called, entry.client, words, entry.client, BUS, label, style)


def _publish_text(entry: Publish) -> str:
    error = "" if entry.error is None else f", {cut(entry.error, _ERROR)}"
    fence = " (fence)" if entry.purpose == "fence" else ""
    event = event_text(entry.event)
    return f"publish #{entry.number} {event}{fence} -> {entry.outcome}{error}"


def _read(number: str, entry: Delivery) -> str:
    return f"read {number}{' ' if number else ''}{event_text(entry.event)}"


def _subscribed(entry: Subscribed) -> Iterator[Step]:
    name, client = entry.name, entry.client
    state = "active" if entry.entered else f"failed: {entry.error or 'never entered'}"
    yield Step(
        entry,
        entry.entering,
        client,
        f"subscribe {name} to {selects_text(entry)}{_since_text(entry)} -> {state}",
        client,
        BUS,
        f"subscribe {name}",
        "plain" if entry.entered else "broken",
        opens=name,
    )
    if entry.closing is not None:
        text = f"close, with {name} open"
        yield Step(
            entry, entry.closing, client, text, client, BUS, "close", is_ending=True, is_quiet=True
        )
    if entry.leaving is not None:
        text = f"leave {name}"
        yield Step(
            entry,
            entry.leaving,
            client,
            text,
            client,
            BUS,
            text,
            closes=name,
            is_ending=True,
            is_quiet=True,
        )
    if entry.ended is not None:
        yield Step(
            entry,
            entry.ended,
            name,
            f"reading ended: {entry.end_error or 'StopAsyncIteration'}",
            name,
            label="ended",
            style="note" if entry.end == "stopped" else "missing",
            is_ending=True,
            is_quiet=entry.end == "stopped" and entry.leaving is not None,
        )


def event_text(event: object) -> str:
    """Describes an event in a few words, even if a target delivered something else."""
    try:
        return _event_text(event)
    except Exception:  # because: what a target delivers may raise wherever it is looked at
        return cut(shown(event), _GARBAGE)


def _event_text(event: object) -> str:
    if isinstance(event, FlovynEvent):
        parts = [str(event.event_type), f"tenant {_short(event.tenant_id)}"]
        if event.workflow_execution_id is not None:
            parts.append(f"workflow {_short(event.workflow_execution_id)}")
        if event.task_execution_id is not None:
            parts.append(f"task {_short(event.task_execution_id)}")
        if event.data is not None:
            parts.append(f"data {cut(in_full(event.data), _VALUE)}")
        return ", ".join(parts)
    if isinstance(event, StreamEvent):
        payload = cut(repr(event.payload), _VALUE)
        return f"{event.event_type} {payload} on {_short(event.workflow_execution_id)}"
    return cut(shown(event), _GARBAGE)


def _since_text(subscription: Subscribed) -> str:
    """Says where a subscription begins; nothing where it was not asked."""
    since = subscription.since
    if since is None:
        return ""
    if isinstance(since, Begin):
        return f", since {since.name}"
    return f", since the cursor {cut(repr(since), _VALUE)}"


def selects_text(subscription: Subscribed) -> str:
    """Describes in a few words to what a subscription subscribes."""
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


def cut(text: str, width: int) -> str:
    """Returns the text if it fits, else its first words and an ellipsis; cuts a word that fills it."""
    if len(text) <= width:
        return text
    room = text[: width - 1]
    words = room if text[width - 1].isspace() else room.rpartition(" ")[0]
    return (words if len(words) > width // 2 else room).rstrip(" ,:") + "…"


def _kind(event: object) -> str:
    if isinstance(event, StreamEvent):
        return getattr(event.event_type, "name", str(event.event_type))
    return str(event.event_type) if isinstance(event, FlovynEvent) else type(event).__name__


def _number(event: object, numbers: dict[object, int]) -> str:
    try:
        number = numbers.get(identity(event))  # type: ignore[arg-type]
    except Exception:  # because: what a target delivers may raise wherever it is looked at
        return ""
    return "" if number is None else f"#{number}"


def _short(value: object) -> str:
    text = str(value)
    return text[:8] if len(text) == 36 and text.count("-") == 4 else cut(text, _VALUE)
