"""Judges single deliveries: published, unchanged, selected, in its time, and only once."""

from __future__ import annotations

from dataclasses import replace

from eventhook_conformance.checker.filters import filter_value, member_text, requirement_of_filter
from eventhook_conformance.checker.origins import Origins
from eventhook_conformance.checker.past_events import Beginnings, replays
from eventhook_conformance.checker.violation import (
    Violation,
    ViolationKind,
    charge,
    differing,
    in_full,
    name,
    shown,
)
from eventhook_conformance.contract import EventPattern, FlovynEvent, StreamEvent
from eventhook_conformance.history import (
    Delivery,
    Event,
    History,
    Ledger,
    Publish,
    Subscribed,
    identity,
)


def judge_deliveries(
    history: History, origins: Origins, beginnings: Beginnings, ledger: Ledger
) -> list[Violation]:
    """Judges deliveries: PUB-02, -03, -05, -11, EVT-01, -06, PAT-02 to -07, TEN-01, STR-01, -02, -04."""
    found: list[Violation] = []
    for subscription in history.subscriptions:
        seen: dict[Publish, Delivery] = {}
        for delivery, origin in zip(subscription.deliveries, origins.of[subscription], strict=True):
            _judge(subscription, delivery, origin, seen, beginnings, ledger, found)
    return found


def _judge(
    subscription: Subscribed,
    delivery: Delivery,
    origin: Publish | None,
    seen: dict[Publish, Delivery],
    beginnings: Beginnings,
    ledger: Ledger,
    found: list[Violation],
) -> None:
    event = delivery.event
    kind = FlovynEvent if subscription.side == "events" else StreamEvent
    if not isinstance(event, FlovynEvent | StreamEvent):
        found.append(
            _violation(
                "phantom",
                subscription,
                delivery,
                f"a {kind.__name__}",
                f"{shown(event)} was delivered",
            )
        )
        return
    if not isinstance(event, kind):
        found.append(
            _violation(
                "crossed",
                subscription,
                delivery,
                f"nothing but the {subscription.side} side's",
                f"{subscription.name} got a {type(event).__name__}",
            )
        )
        return
    if _foreign(subscription, event):
        found.append(_leak(subscription, delivery, event, origin, ledger))
        return
    if origin is None:
        found.append(
            _violation(
                "phantom",
                subscription,
                delivery,
                "only what was published",
                f"{subscription.name} got {event.event_type} ({identity(event)}), "
                f"{_sender(event, origin, ledger)}",
            )
        )
        return
    _judge_content(subscription, delivery, event, origin, found)
    _judge_time(subscription, delivery, origin, beginnings, found)
    if origin in seen:
        found.append(
            _violation(
                "repeated",
                subscription,
                delivery,
                f"{name(origin)} once on {subscription.name}",
                "it was delivered again",
                origin,
                seen[origin],
            )
        )
    seen.setdefault(origin, delivery)


def _foreign(subscription: Subscribed, event: Event) -> bool:
    """Returns whether the event is of another tenant or key than the subscription."""
    selects = subscription.selects
    if isinstance(event, FlovynEvent):
        return isinstance(selects, EventPattern) and event.tenant_id != selects.tenant_id
    return event.workflow_execution_id != selects


def _leak(
    subscription: Subscribed,
    delivery: Delivery,
    event: Event,
    origin: Publish | None,
    ledger: Ledger,
) -> Violation:
    whose = (
        f"tenant {event.tenant_id}"
        if isinstance(event, FlovynEvent)
        else f"the stream {shown(event.workflow_execution_id)}"
    )
    return _violation(
        "leaked",
        subscription,
        delivery,
        "nothing of another tenant" if subscription.side == "events" else "its own key's only",
        f"{subscription.name} got an event of {whose}, {_sender(event, origin, ledger)}",
        *([origin] if origin else []),
    )


def _sender(event: Event, origin: Publish | None, ledger: Ledger) -> str:
    if origin is not None:
        return f"published as {name(origin)}"
    case = ledger.case_of(event)
    return f"published by the case {case}" if case else "which nobody published"


def _judge_content(
    subscription: Subscribed,
    delivery: Delivery,
    event: Event,
    origin: Publish,
    found: list[Violation],
) -> None:
    if origin.outcome == "refused":
        found.append(
            _violation(
                "refused-seen",
                subscription,
                delivery,
                f"{name(origin)} never to be seen: its publish was refused",
                f"{subscription.name} got it",
                origin,
            )
        )
        return
    changed = _difference(origin.event, event)
    if changed is not None:
        right, wrong = getattr(origin.event, changed), getattr(event, changed)
        expected, seen = differing(right, wrong)
        breach = _violation(
            "altered",
            subscription,
            delivery,
            f"{name(origin)} as it was published, {changed} = {expected}",
            f"{changed} = {seen}",
            origin,
        )
        found.append(replace(breach, values=(in_full(right), in_full(wrong))))
    if isinstance(subscription.selects, EventPattern) and isinstance(origin.event, FlovynEvent):
        missed = subscription.missed_by(origin.event)
        if missed is not None and missed != "tenant_id":
            found.append(
                Violation(
                    "unmatched",
                    (requirement_of_filter(subscription.selects, origin.event, missed),),
                    f"only events with {missed} = {shown(filter_value(subscription.selects, missed))}",
                    f"{subscription.name} got {name(origin)}, whose {member_text(origin.event, missed)}",
                    (subscription, origin, delivery),
                )
            )
        elif missed == "tenant_id":
            found.append(
                _violation(
                    "leaked",
                    subscription,
                    delivery,
                    "nothing of another tenant",
                    f"{subscription.name} got {name(origin)} of tenant {origin.event.tenant_id}, "
                    "its tenant_id rewritten",
                    origin,
                )
            )


def _difference(published: Event, delivered: Event) -> str | None:
    if isinstance(published, FlovynEvent) and isinstance(delivered, FlovynEvent):
        try:
            return published.differs(delivered)
        except RecursionError:  # because: no bound on depth holds for what a target delivers
            return "data"
    if isinstance(published, StreamEvent) and isinstance(delivered, StreamEvent):
        return published.differs(delivered)
    return None


def _judge_time(
    subscription: Subscribed,
    delivery: Delivery,
    origin: Publish,
    beginnings: Beginnings,
    found: list[Violation],
) -> None:
    if delivery.returned.step < origin.called.step:
        found.append(
            _violation(
                "phantom", subscription, delivery, "no event before it was published", name(origin)
            )
        )
    if replays(subscription):
        if beginnings.forbids(subscription, origin):
            found.append(
                _violation(
                    "at-or-before",
                    subscription,
                    delivery,
                    f"nothing at or before the cursor that {subscription.name} began after",
                    f"it got {name(origin)}",
                    origin,
                )
            )
    elif (
        origin.settled is not None
        and origin.settled.step < subscription.entering.step
        and not beginnings.may_still_come(subscription, origin)
    ):
        found.append(
            _violation(
                "replayed",
                subscription,
                delivery,
                f"nothing published before {subscription.name} was entered",
                f"it got {name(origin)}",
                origin,
            )
        )
    leaving = subscription.leaving
    if leaving is not None and delivery.called.step > leaving.step:
        found.append(
            _violation(
                "after-leaving",
                subscription,
                delivery,
                f"a read called after leaving {subscription.name} began to deliver nothing",
                f"it delivered {name(origin)}",
                origin,
            )
        )
    elif subscription.left is not None and origin.called.step > subscription.left.step:
        found.append(
            _violation(
                "after-leaving",
                subscription,
                delivery,
                f"{subscription.name}, which was left, to get nothing published later",
                f"it got {name(origin)}",
                origin,
            )
        )


def _violation(
    kind: ViolationKind,
    subscription: Subscribed,
    delivery: Delivery,
    expected: str,
    seen: str,
    *entries: Publish | Delivery,
) -> Violation:
    return Violation(
        kind,
        charge(kind, subscription.side),
        expected,
        seen,
        (subscription, *entries, delivery),
    )
