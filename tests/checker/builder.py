"""Hand-made histories: a test reads like a timeline, one step a line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal
from uuid import UUID, uuid4

from eventhook_conformance.checker import Violation, check
from eventhook_conformance.contract import (
    EventPattern,
    FlovynEvent,
    Since,
    StreamEvent,
    StreamEventType,
)
from eventhook_conformance.history import (
    Delivery,
    End,
    Event,
    FaultWindow,
    History,
    Ledger,
    Moment,
    Outcome,
    Publish,
    Subscribed,
    Waited,
)
from eventhook_conformance.target import Capabilities

TENANT = UUID(int=1)
OTHER = UUID(int=2)
ALL = EventPattern.all(TENANT)
KEY = "run-1"


def event(event_type: str = "task.created", **members: Any) -> FlovynEvent:
    """Returns an event of `TENANT` with a fresh id, unless told otherwise."""
    plain: dict[str, Any] = {
        "id": uuid4(),
        "tenant_id": TENANT,
        "source": "suite",
        "data": None,
        "timestamp_ms": 0,
    }
    return FlovynEvent(event_type=event_type, **{**plain, **members})


def token(timestamp_ms: int, payload: str = "Hi", **members: Any) -> StreamEvent:
    """Returns a stream event of `KEY`, recognised by its time."""
    plain: dict[str, Any] = {
        "task_execution_id": "",
        "workflow_execution_id": KEY,
        "sequence": 0,
        "event_type": StreamEventType.TOKEN,
    }
    return StreamEvent(timestamp_ms=timestamp_ms, payload=payload, **{**plain, **members})


class Timeline:
    """A history, made step by step; each method is the next thing that happens."""

    def __init__(self) -> None:
        self.history = History("the case")
        self.ledger = Ledger()

    # Publishing

    def call(self, what: Event | None = None, by: str = "c1", epoch: int = 0) -> Publish:
        """Calls a publish."""
        return self.history.publish(by, event() if what is None else what, epoch=epoch)

    def answer(self, publish: Publish, outcome: Outcome = "ok") -> None:
        """Makes a publish return."""
        publish.outcome = outcome
        publish.returned = self.history.clock.now()

    def publish(
        self,
        what: Event | None = None,
        by: str = "c1",
        *,
        epoch: int = 0,
        outcome: Outcome = "ok",
    ) -> Publish:
        """Calls a publish, which returns."""
        publish = self.call(what, by, epoch)
        self.answer(publish, outcome)
        return publish

    def publishes(self, count: int, by: str = "c1") -> list[Publish]:
        """Calls `count` publishes, each of which returns before the next."""
        return [self.publish(by=by) for _ in range(count)]

    # Subscribing

    def enter(
        self, selects: EventPattern | str = ALL, by: str = "c1", since: Since | None = None
    ) -> Subscribed:
        """Calls entering."""
        return self.history.subscribe(by, selects, since)

    def entered(self, subscription: Subscribed) -> None:
        """Has entering return."""
        subscription.entered = self.history.clock.now()

    def subscribe(
        self, selects: EventPattern | str = ALL, by: str = "c1", since: Since | None = None
    ) -> Subscribed:
        """Calls entering, which returns."""
        subscription = self.enter(selects, by, since)
        self.entered(subscription)
        return subscription

    def leave(self, subscription: Subscribed) -> None:
        """Begins to leave a subscription."""
        subscription.leaving = self.history.clock.now()

    def left(self, subscription: Subscribed) -> None:
        """Has leaving return."""
        subscription.left = self.history.clock.now()

    def close(self, client: str = "c1") -> None:
        """Calls the client's `aclose`."""
        now = self.history.clock.now()
        for subscription in self.history.subscriptions:
            if subscription.client == client:
                subscription.closing = now

    # Reading

    def read_called(self) -> Moment:
        """Calls a read; returns its moment for `deliver`."""
        return self.history.clock.now()

    def deliver(
        self, subscription: Subscribed, *what: Publish | object, called: Moment | None = None
    ) -> None:
        """Reads return these, one after the other; each was called just before, unless told."""
        for one in what:
            called_at = called or self.read_called()
            delivered = one.event if isinstance(one, Publish) else one
            returned = self.history.clock.now()
            subscription.deliveries.append(Delivery(delivered, called_at, returned))

    def replay(
        self, subscription: Subscribed, *what: Publish, cursors: Sequence[object] | None = None
    ) -> None:
        """Reads return these, each with the cursor `c` and its number, or with these cursors."""
        for place, one in enumerate(what):
            self.deliver(subscription, one)
            cursor = f"c{one.number}" if cursors is None else cursors[place]
            subscription.deliveries[-1].cursor = cursor

    def purge(self, scope: UUID | str = TENANT, by: str = "c1") -> None:
        """Calls a purge, which returns."""
        entry = self.history.purge(by, scope)
        entry.returned = self.history.clock.now()

    def wait_in_vain(self, subscription: Subscribed, publish: Publish) -> None:
        """Makes the reader give up on an event."""
        subscription.waited.append(Waited(publish, self.history.clock.now(), 3.0))

    def end(self, subscription: Subscribed, how: End = "stopped", error: str = "Boom") -> None:
        """Ends the reading."""
        subscription.end = how
        subscription.ended = self.history.clock.now()
        subscription.end_error = None if how == "stopped" else error

    # Faults

    def fault(self) -> FaultWindow:
        """Begins a fault."""
        window = FaultWindow("the server is killed", self.history.clock.now())
        self.history.faults.append(window)
        return window

    def lift(self, window: FaultWindow) -> None:
        """Lifts the fault; not all subscriptions have recovered yet."""
        window.lifted = self.history.clock.now()

    def over(self, window: FaultWindow) -> None:
        """Ends the fault for all subscriptions."""
        window.ended = self.history.clock.now()

    # The verdict

    def judge(self, **claims: Any) -> list[Violation]:
        """Returns the checker's violations."""
        return check(self.history, Capabilities(**claims), self.ledger)

    def is_good(self, **claims: Any) -> bool:
        """Returns whether there is no violation; the failing assertion shows those found."""
        found = [(violation.kind, violation.message) for violation in self.judge(**claims)]
        assert found == []
        return True

    def shows(self, kind: str, *requirements: str, because: str, **claims: Any) -> Violation:
        """Asserts that one breach is found and no other, of that kind, charge and message."""
        found = self.judge(**claims)
        assert [(one.kind, one.requirements) for one in found] == [(kind, requirements)]
        assert because in found[0].message
        return found[0]

    def kinds(self, **claims: Any) -> list[str]:
        """Returns the kinds of all breaches that the checker finds."""
        return [violation.kind for violation in self.judge(**claims)]


Policy = Literal["drop_oldest", "drop_newest", "block", "unbounded"]
