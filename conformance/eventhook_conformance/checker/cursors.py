"""Judges cursors: well formed, one for each event, the same for all readers, and refused with reason."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from eventhook_conformance.checker.origins import Origins
from eventhook_conformance.checker.past_events import Beginnings, by_channel, replays
from eventhook_conformance.checker.violation import Violation, ViolationKind, charge, name
from eventhook_conformance.contract import check_cursor
from eventhook_conformance.history import Delivery, History, Publish, Subscribed


def judge_cursors(
    history: History, origins: Origins, beginnings: Beginnings
) -> Iterator[Violation]:
    """Judges cursors (RPL-01, RPL-02, RPL-05, RPL-10) of each subscription with a cursor."""
    for subscriptions in by_channel(history, origins).values():
        yield from _judge_uniqueness(subscriptions, origins)
        for subscription in subscriptions:
            if replays(subscription):
                yield from _judge_agreement(subscription, origins, beginnings)
                yield from _judge_refusal(subscription, beginnings)


def _judge_uniqueness(subscriptions: Sequence[Subscribed], origins: Origins) -> Iterator[Violation]:
    events: dict[str, tuple[Publish, Delivery]] = {}
    cursors: dict[Publish, tuple[str, Subscribed, Delivery]] = {}
    for subscription in subscriptions:
        reads = zip(subscription.deliveries, origins.of[subscription], strict=True)
        for delivery, publish in reads:
            cursor = delivery.cursor
            problem = check_cursor(cursor)
            if problem is not None or not isinstance(cursor, str):
                yield _violation(
                    "cursor-malformed",
                    subscription,
                    "a cursor after each read",
                    f"after {name(publish) if publish else 'a read'}: {problem}",
                    delivery,
                )
                continue
            if publish is None:
                continue
            other = events.setdefault(cursor, (publish, delivery))
            if other[0] is not publish:
                yield _violation(
                    "cursor-reused",
                    subscription,
                    f"one event for each cursor, and {cursor!r} to be that of {name(other[0])}",
                    f"{name(publish)} has it too",
                    other[1],
                    delivery,
                )
            given, reader, before = cursors.setdefault(publish, (cursor, subscription, delivery))
            if given != cursor:
                yield _violation(
                    "cursor-changed",
                    subscription,
                    f"the cursor of {name(publish)} to be {given!r}, as {reader.name} got it",
                    f"{subscription.name} got {cursor!r}",
                    before,
                    delivery,
                )


def _judge_agreement(
    subscription: Subscribed, origins: Origins, beginnings: Beginnings
) -> Iterator[Violation]:
    """Expects that a replay has the order in which every other reader got the same events."""
    found = beginnings.order_of(subscription).disagreement(subscription)
    if found is not None:
        other, first, second = found
        reads = dict(origins.reads[subscription])
        yield _violation(
            "order-changed",
            subscription,
            f"{name(second)} before {name(first)}, as {other.name} got them",
            f"{subscription.name} got them the other way round",
            reads[first],
            reads[second],
        )


def _judge_refusal(subscription: Subscribed, beginnings: Beginnings) -> Iterator[Violation]:
    expired = "CursorExpired" in subscription.raised
    cursor = beginnings.event_at(subscription)
    if cursor is None or not (expired or "InvalidCursor" in subscription.raised):
        return
    excused = beginnings.may_refuse if expired else beginnings.may_forget
    if excused(subscription, cursor):
        return
    yield Violation(
        "cursor-refused",
        ("RPL-02", "RPL-10") if expired else ("RPL-02",),
        f"entering since the cursor of {name(cursor)}, which the claimed history reaches, to succeed",
        f"it raised {subscription.error}",
        (subscription, cursor),
    )


def _violation(
    kind: ViolationKind, subscription: Subscribed, expected: str, seen: str, *entries: Delivery
) -> Violation:
    return Violation(
        kind,
        charge(kind, subscription.side),
        expected,
        seen,
        (subscription, *entries),
    )
