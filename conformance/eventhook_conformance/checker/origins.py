"""Where a delivery comes from: which publish it is, if any."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TypeAlias

from eventhook_conformance.contract import FlovynEvent, StreamEvent
from eventhook_conformance.history import Delivery, Publish, Subscribed, identity

Published: TypeAlias = Mapping[object, list[Publish]]
"""The publishes of a history by the identity of their events."""

Read: TypeAlias = tuple[Publish, Delivery]


def origin_of(event: object, published: Published, seen: Collection[Publish]) -> Publish | None:
    """The publish that an event comes from.

    Where several share the id: of its own tenant rather, one that was not refused, and one that was
    not delivered yet.
    """
    if not isinstance(event, FlovynEvent | StreamEvent):
        return None
    candidates = published.get(identity(event), [])
    if len(candidates) < 2:
        return candidates[0] if candidates else None

    def unlikely(publish: Publish) -> tuple[bool, bool, bool]:
        return _scope(publish.event) != _scope(event), publish.outcome == "refused", publish in seen

    return min(candidates, key=unlikely)


def own_reads(subscription: Subscribed, published: Published) -> list[Read]:
    """The deliveries that belong to the subscription, each with its publish, first ones only."""
    reads: dict[Publish, Delivery] = {}
    for delivery in subscription.deliveries:
        origin = origin_of(delivery.event, published, reads)
        if origin is not None and subscription.matches(origin.event):
            reads.setdefault(origin, delivery)
    return list(reads.items())


def _scope(event: FlovynEvent | StreamEvent) -> object:
    return event.tenant_id if isinstance(event, FlovynEvent) else event.workflow_execution_id
