"""Checks that a recording delivered all events: by counting, or by the checker if a count is wrong.

Counting shows that each reader got every event that it selects once, with the right id, in an order that
its publishers allow. On the first mismatch the checker judges the whole recording. It names the broken
requirement, or finds that the loss is lawful, as an overflow may be.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from eventhook_conformance.bench.recording import Reader, Recording, Sent
from eventhook_conformance.checker import Violation, check, condense
from eventhook_conformance.history import Delivery, Event, History, Moment, Waited, identity
from eventhook_conformance.target import Capabilities

_COMPARED: Final = 100
"""One of so many deliveries is compared with the published event, value by value."""


@dataclass
class Account:
    """The findings of one or more recordings."""

    deliveries: int = 0
    owed: int = 0
    missing: int = 0
    """Owed and not delivered: lost, or dropped lawfully."""
    judged: int = 0
    """The deliveries that the checker judged."""
    violations: list[Violation] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    """The errors of publishing and reading."""

    @property
    def lost(self) -> int:
        """Counts the deliveries that are proved lost, without an excuse."""
        return sum(one.count for one in self.violations if one.kind.startswith("lost"))

    @property
    def broken(self) -> tuple[str, ...]:
        """Returns the broken requirements, each once."""
        found = (one for violation in self.violations for one in violation.requirements)
        return tuple(dict.fromkeys(found))

    def add(self, other: Account) -> None:
        """Adds the findings of another recording."""
        self.deliveries += other.deliveries
        self.owed += other.owed
        self.missing += other.missing
        self.judged += other.judged
        self.violations = merged([*self.violations, *other.violations])
        self.errors = list(dict.fromkeys([*self.errors, *other.errors]))


def account(
    recording: Recording,
    capabilities: Capabilities,
    *,
    clients: tuple[str, str],
    judge: bool = False,
) -> Account:
    """Checks a recording.

    Args:
        recording: the record of what happened.
        capabilities: the target's claims.
        clients: the names of the publishing and the reading client.
        judge: let the checker judge it even if the counts are right.
    """
    found = Account(
        deliveries=sum(len(one.got) for one in recording.readers),
        errors=list(dict.fromkeys(one.error for one in recording.sent if one.error is not None)),
    )
    found.errors += [
        f"reading: {one.end_error or 'the subscription ended by itself'}"
        for one in recording.readers
        if one.end is not None
    ][:1]
    in_order = _count(recording, found, capabilities)
    if judge or not in_order or found.errors:
        found.judged = found.deliveries
        history = history_of(recording, clients)
        found.violations = condense(check(history, capabilities))
    return found


def _count(recording: Recording, found: Account, capabilities: Capabilities) -> bool:
    """Counts owed and missing deliveries. Returns whether everything is in order."""
    sent, base = recording.sent, recording.traffic.base
    if any(one.outcome != "ok" for one in sent):
        return False
    selected: dict[Any, list[int]] = {}
    orders: dict[Any, list[int]] = {}
    plain = True
    for reader in recording.readers:
        wanted = selected.get(reader.selects)
        if wanted is None:
            wanted = selected[reader.selects] = _wanted(reader, sent)
        places = [place_of(event, sent, base) for event in reader.got]
        found.owed += len(wanted)
        found.missing += len(set(wanted).difference(places))
        agreed = orders.setdefault(reader.selects, places) == places
        plain &= places == wanted or (
            sorted(places) == wanted
            and (agreed or not capabilities.total_order)
            and _lawful(places, sent)
        )
        plain &= all(
            event is sent[place].event or event == sent[place].event
            for event, place in zip(reader.got[::_COMPARED], places[::_COMPARED], strict=True)
            if place >= 0
        )
    return plain


def _wanted(reader: Reader, sent: Sequence[Sent]) -> list[int]:
    selects = History().subscribe("", reader.selects)
    return [place for place, one in enumerate(sent) if selects.matches(one.event)]


def place_of(event: Any, sent: Sequence[Sent], base: int) -> int:
    """Returns the place of the publish that was delivered as this event; -1 if there is none."""
    place = getattr(event, "timestamp_ms", -1) - base
    if not 0 <= place < len(sent):
        return -1
    original = sent[place].event
    return place if event is original or _same(event, original) else -1


def _same(event: Any, original: Event) -> bool:
    return type(event) is type(original) and identity(event) == identity(original)


def _lawful(places: Sequence[int], sent: Sequence[Sent]) -> bool:
    """Returns whether events came in order whose publishes did not overlap."""
    latest = 0
    for place in places:
        if sent[place].returned < latest:
            return False
        latest = max(latest, sent[place].called)
    return True


def history_of(recording: Recording, clients: tuple[str, str]) -> History:
    """Converts a recording to a history.

    A step is twice the time in nanoseconds, plus one for a call. So a call after a return at the same
    reading of the clock comes after it.
    """
    history = History("bench")
    publisher, subscriber = clients
    origin = min([one.called for one in recording.sent if one.called], default=0)

    def moment(at: int, call: bool = False) -> Moment:
        return Moment(2 * at + call, (at - origin) / 1e9)

    for one in recording.sent:
        if one.called:
            publish = history.publish(publisher, one.event)
            publish.called = moment(one.called, call=True)
            publish.outcome, publish.error = one.outcome, one.error
            publish.returned = moment(one.returned) if one.returned else None
    for reader in recording.readers:
        entry = history.subscribe(subscriber, reader.selects)
        entry.entering = moment(reader.entering, call=True)
        entry.entered = moment(reader.entered)
        read = reader.entered
        for event, stamp in zip(reader.got, reader.stamps, strict=True):
            entry.deliveries.append(Delivery(event, moment(read, call=True), moment(stamp)))
            read = stamp
        if reader.end is not None:
            entry.end, entry.end_error, entry.ended = reader.end, reader.end_error, moment(read)
        if reader.waited and reader.end is None:
            came = {identity(event) for event in reader.got if isinstance(event, Event)}
            until = moment(max(recording.ended, read), call=True)
            entry.waited = [
                Waited(publish, until, recording.wait_s)
                for publish in history.publishes
                if entry.matches(publish.event) and identity(publish.event) not in came
            ]
    return history


def merged(violations: Sequence[Violation]) -> list[Violation]:
    """Merges the violations of one kind and charge: the first of each, with the count of all."""
    groups: dict[object, list[Violation]] = {}
    for one in violations:
        groups.setdefault((one.kind, one.requirements), []).append(one)
    return [_summed(group) for group in groups.values()]


def _summed(group: Sequence[Violation]) -> Violation:
    return replace(group[0], count=sum(one.count for one in group))
