"""Records one case: every call, every return, every delivery, in one order of steps.

Pure data. The probe writes it, the checker and the reports read it. Two calls overlap if neither
returned before the other was called. Order is judged by these steps, never by a clock.

Over 300 lines: the kinds of entries refer to each other, and to the identity of events.
"""

from __future__ import annotations

import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple, TypeAlias
from uuid import UUID

from eventhook_conformance.contract import EventPattern, FlovynEvent, Since, StreamEvent

Event: TypeAlias = FlovynEvent | StreamEvent
Side: TypeAlias = Literal["events", "streams"]
Outcome: TypeAlias = Literal["pending", "ok", "refused", "unknown"]
_number_of: Final = vars(UUID)["int"].__get__
"""Reads the number of a UUID, even if a subclass overrides its attributes."""
End: TypeAlias = Literal["stopped", "lost", "raised"]


class Moment(NamedTuple):
    """A step of the run, and when it was."""

    step: int
    """Unique and rising over the whole run: orders two moments."""
    at_s: float
    """Seconds since the run began, for people only."""


_new_tuple = tuple.__new__
_perf_counter = time.perf_counter


class Clock:
    """Hands out moments to everything in one run."""

    def __init__(self) -> None:
        self._step = 0
        self._start = _perf_counter()

    def now(self) -> Moment:
        """Returns the next moment."""
        self._step += 1
        # Called a quarter of a million times a run: avoids the named tuple's slow constructor.
        return _new_tuple(Moment, (self._step, _perf_counter() - self._start))


@dataclass(slots=True, eq=False)
class Publish:
    """One call of `publish`."""

    number: int
    """Within the history, from 1."""
    client: str
    side: Side
    event: Event
    called: Moment
    epoch: int = 0
    """The client's connection epoch: a reconnect begins another."""
    returned: Moment | None = None
    outcome: Outcome = "pending"
    error: str | None = None
    raised: tuple[str, ...] = ()
    """The names of the raised class, and of each error of the contract from which it derives."""
    purpose: Literal["case", "fence"] = "case"

    @property
    def settled(self) -> Moment | None:
        """The moment after which it has no new effect any more; None if that is not known.

        A cancelled publish, or one that failed in a fault, may still take effect after it returned.
        """
        return None if self.outcome == "unknown" else self.returned

    def before(self, other: Publish) -> bool:
        """Returns whether this one had its effect before the other was called."""
        return self.settled is not None and self.settled.step < other.called.step


@dataclass(slots=True, eq=False)
class Delivery:
    """One read that returned an event (or whatever the target took for one)."""

    event: object
    called: Moment
    returned: Moment
    cursor: object = None
    """The subscription's cursor after the read, if the case asked for it."""
    handed: object = None
    """The target's own object, where the event was reduced to plain types; else None."""


@dataclass(slots=True, eq=False)
class Waited:
    """A reader's wait for a publish that did not arrive."""

    publish: Publish
    until: Moment
    timeout_s: float


@dataclass(slots=True, eq=False)
class Subscribed:
    """One subscription, from the call of entering to the end of leaving, and all it delivered."""

    name: str
    client: str
    side: Side
    selects: EventPattern | str
    """The pattern, or the stream's key."""
    entering: Moment
    since: Since | None = None
    """Where it begins, as asked; None if no replay is claimed."""
    gap: int | None = None
    """Its `dropped` right after entering, by which a bus tells a gap in its history."""
    entered: Moment | None = None
    leaving: Moment | None = None
    left: Moment | None = None
    closing: Moment | None = None
    """When its client was closed by the suite."""
    error: str | None = None
    """Why entering failed."""
    raised: tuple[str, ...] = ()
    """The names of the class that entering raised, and of the contract's errors above it."""
    deliveries: list[Delivery] = field(default_factory=list)
    waited: list[Waited] = field(default_factory=list)
    end: End | None = None
    ended: Moment | None = None
    end_error: str | None = None
    end_awaited: bool = False
    """Whether the case expects this end, since it stopped the server or broke the bus."""

    def matches(self, event: Event) -> bool:
        """Returns whether the subscription selects that event."""
        if isinstance(self.selects, EventPattern):
            return isinstance(event, FlovynEvent) and self.missed_by(event) is None
        return isinstance(event, StreamEvent) and event.workflow_execution_id == self.selects

    def missed_by(self, event: FlovynEvent) -> str | None:
        """Returns the first filter of its pattern that the event does not pass; None if it passes all."""
        if not isinstance(self.selects, EventPattern):
            return None
        try:
            return self.selects.missed_by(event)
        except AttributeError:  # because: a case may publish a type that is no text
            return "event_type_prefix"

    @property
    def ends(self) -> Moment | None:
        """The moment from which nothing is owed to it: leaving was called, or its client closed."""
        moments = [moment for moment in (self.leaving, self.closing) if moment is not None]
        return min(moments) if moments else None


@dataclass(slots=True, eq=False)
class Remark:
    """Another act of the case, such as a cleanup or the opening of a client."""

    client: str
    text: str
    called: Moment
    returned: Moment | None = None
    result: str = ""


@dataclass(slots=True, eq=False)
class FaultWindow:
    """A time in which the suite broke the connection or the server."""

    text: str
    began: Moment
    ended: Moment | None = None
    """When all subscriptions had recovered: later losses are not excused."""
    lifted: Moment | None = None
    """When the suite lifted the fault."""


@dataclass(slots=True, eq=False)
class Purge:
    """One call of `purge`."""

    client: str
    side: Side
    scope: object
    """The tenant's id, or the stream's key."""
    called: Moment
    returned: Moment | None = None


Entry: TypeAlias = Publish | Subscribed | Delivery | Remark | FaultWindow | Waited | Purge


class History:
    """Everything that one case did and saw."""

    def __init__(self, case: str = "", clock: Clock | None = None) -> None:
        self.case = case
        self.clock = clock or Clock()
        self.publishes: list[Publish] = []
        self.subscriptions: list[Subscribed] = []
        self.remarks: list[Remark] = []
        self.faults: list[FaultWindow] = []
        self.purges: list[Purge] = []

    def publish(
        self,
        client: str,
        event: Event,
        *,
        epoch: int = 0,
        purpose: Literal["case", "fence"] = "case",
    ) -> Publish:
        """Records the call of a publish; `returned` and `outcome` are set when it returns."""
        entry = Publish(
            number=len(self.publishes) + 1,
            client=client,
            side="streams" if isinstance(event, StreamEvent) else "events",
            event=event,
            called=self.clock.now(),
            epoch=epoch,
            purpose=purpose,
        )
        self.publishes.append(entry)
        return entry

    def subscribe(
        self, client: str, selects: EventPattern | str, since: Since | None = None
    ) -> Subscribed:
        """Records the call of entering; the other moments are set as they come."""
        entry = Subscribed(
            name=f"s{len(self.subscriptions) + 1}",
            client=client,
            side="events" if isinstance(selects, EventPattern) else "streams",
            selects=selects,
            entering=self.clock.now(),
            since=since,
        )
        self.subscriptions.append(entry)
        return entry

    def purge(self, client: str, scope: UUID | str) -> Purge:
        """Records the call of a purge; `returned` is set when it returns."""
        side: Side = "events" if isinstance(scope, UUID) else "streams"
        entry = Purge(client, side, scope, called=self.clock.now())
        self.purges.append(entry)
        return entry

    def remark(self, client: str, text: str) -> Remark:
        """Records the call of another act."""
        entry = Remark(client=client, text=text, called=self.clock.now())
        self.remarks.append(entry)
        return entry


class Ledger:
    """Keeps every event that the run published, to tell another case's event from an invented one."""

    def __init__(self) -> None:
        self._cases: dict[object, str] = {}

    def add(self, event: Event, case: str) -> None:
        """Enters an event as published by a case."""
        self._cases.setdefault(identity(event), case)

    def case_of(self, event: Event) -> str | None:
        """Returns the case that published it, None if none did."""
        return self._cases.get(identity(event))


def identity(event: Event) -> object:
    """Returns the identity of an event: its id.

    A stream event has no id; the probe gives each of a key a time of its own, so that one
    whose payload was changed on the way is still recognised. Always hashable, whatever a case
    published or a target delivered as an id.
    """
    if isinstance(event, FlovynEvent):
        # The hash of a UUID is computed in Python each time, that of its number is not.
        return event.id.int if type(event.id) is UUID else _identity_of(event.id)
    return hashable((event.workflow_execution_id, event.timestamp_ms))


def _identity_of(identifier: object) -> object:
    """Returns the number of a UUID of the target's own class; else the value delivered as an id."""
    if issubclass(type(identifier), UUID):
        number = _number_of(identifier)  # the number it holds, even if its class says another
        if type(number) is int:
            return number
    return hashable(identifier)


def hashable(value: object) -> object:
    """Returns the value, or its text if it cannot be hashed, for use as a key."""
    try:
        hash(value)
    except TypeError:
        return repr(value)
    return value


def by_identity(publishes: list[Publish]) -> dict[object, list[Publish]]:
    """Returns the publishes of each event; several if a case reused an id in another tenant."""
    found: dict[object, list[Publish]] = defaultdict(list)
    for publish in publishes:
        found[identity(publish.event)].append(publish)
    return found
