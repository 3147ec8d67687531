"""Finds the publish of each delivery, if there is one, once for all rules."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from typing import TypeAlias

from eventhook_conformance.contract import EventPattern, FlovynEvent, StreamEvent
from eventhook_conformance.history import (
    Delivery,
    History,
    Publish,
    Subscribed,
    by_identity,
    hashable,
    identity,
)

Read: TypeAlias = tuple[Publish, Delivery]


class Origins:
    """The origin of every delivery in a history.

    Attributes:
        of: for each subscription the origins of its deliveries, in their order; None for inventions.
        reads: for each subscription those deliveries that it asked for, first ones only, with their
            origins.
    """

    def __init__(self, history: History) -> None:
        self._published = by_identity(history.publishes)
        self._scopes: dict[object, list[Publish]] = defaultdict(list)
        for publish in history.publishes:
            self._scopes[hashable(_scope(publish.event))].append(publish)
        self._matching: dict[object, dict[Publish, None]] = {}
        self.of: dict[Subscribed, list[Publish | None]] = {}
        self.reads: dict[Subscribed, list[Read]] = {}
        for subscription in history.subscriptions:
            seen: dict[Publish, Delivery] = {}
            origins = self.of[subscription] = []
            for delivery in subscription.deliveries:
                origin = self._find(delivery.event, seen)
                origins.append(origin)
                if origin is not None:
                    seen.setdefault(origin, delivery)
            matching = self.matching(subscription)
            self.reads[subscription] = [read for read in seen.items() if read[0] in matching]

    def scope_of(self, subscription: Subscribed) -> object:
        """Returns the tenant or key of a subscription, in a hashable form."""
        selects = subscription.selects
        return hashable(selects.tenant_id if isinstance(selects, EventPattern) else selects)

    def in_scope(self, subscription: Subscribed) -> list[Publish]:
        """Returns the publishes of a subscription's tenant or key: other tenants cost no time."""
        return self._scopes.get(self.scope_of(subscription), [])

    def matching(self, subscription: Subscribed) -> Collection[Publish]:
        """Returns the publishes that a subscription asks for; finds them once for equal subscriptions."""
        key = (subscription.side, hashable(subscription.selects))
        if key not in self._matching:
            self._matching[key] = {
                publish: None
                for publish in self.in_scope(subscription)
                if subscription.matches(publish.event)
            }
        return self._matching[key]

    def _find(self, event: object, seen: Collection[Publish]) -> Publish | None:
        """Ranks publishes that share an id: own tenant, then not refused, equal, not delivered yet."""
        if not isinstance(event, FlovynEvent | StreamEvent):
            return None
        candidates = self._published.get(identity(event), [])
        if len(candidates) < 2:
            return candidates[0] if candidates else None

        def unlikely(publish: Publish) -> tuple[bool, bool, bool, bool]:
            other = _scope(publish.event) != _scope(event)
            return other, publish.outcome == "refused", publish.event != event, publish in seen

        return min(candidates, key=unlikely)


def _scope(event: FlovynEvent | StreamEvent) -> object:
    return event.tenant_id if isinstance(event, FlovynEvent) else event.workflow_execution_id
