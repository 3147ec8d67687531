"""Decides which events of the past are owed to a subscription that begins there.

The order of a channel is known as far as readers saw it, and as far as publishers fixed it. Where it is
not known, an event is neither owed nor forbidden.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from eventhook_conformance.checker.channel_order import ChannelOrder
from eventhook_conformance.checker.on_the_way import may_be_on_the_way
from eventhook_conformance.checker.origins import Origins
from eventhook_conformance.checker.violation import ViolationKind
from eventhook_conformance.contract import LIVE, START
from eventhook_conformance.history import History, Moment, Publish, Subscribed
from eventhook_conformance.target import Capabilities


@dataclass(frozen=True)
class Beginning:
    """Knows which events published before a subscription was active are owed to it.

    Attributes:
        after: the event whose cursor it begins after; None for the start, or an unknown cursor.
        owed: what it must deliver, each with the kind of breach if it does not.
        all_or_nothing: entering should have raised `CursorExpired` if any of `owed` was gone.
    """

    after: Publish | None = None
    owed: dict[Publish, ViolationKind] = field(default_factory=dict)
    all_or_nothing: bool = False


def replays(subscription: Subscribed) -> bool:
    """Returns whether a subscription begins in the past."""
    return subscription.since is not None and subscription.since is not LIVE


class Beginnings:
    """The beginnings of a history's subscriptions, computed for those that begin in the past."""

    def __init__(self, history: History, origins: Origins, capabilities: Capabilities) -> None:
        self._history = history
        self._origins = origins
        self._claimed = capabilities
        self._found: dict[Subscribed, Beginning] = {}
        self._steps: dict[object, tuple[list[int], list[int]]] = {}
        """For each channel, the steps at which its publishes were called, and at which they took effect."""
        self._orders: dict[tuple[str, object], ChannelOrder] = {}
        self._channels: dict[tuple[str, object], list[Subscribed]] = {}
        self._cursors: dict[tuple[str, object, object], Publish] = {}
        if any(replays(one) for one in history.subscriptions):
            self._note_cursors()

    def _note_cursors(self) -> None:
        for one in self._history.subscriptions:
            scope = self._origins.scope_of(one)
            for delivery, origin in zip(one.deliveries, self._origins.of[one], strict=True):
                if origin is not None and isinstance(delivery.cursor, str):
                    self._cursors.setdefault((one.side, scope, delivery.cursor), origin)

    def event_at(self, subscription: Subscribed) -> Publish | None:
        """Returns the event whose cursor a subscription begins after, as far as it is known."""
        if not isinstance(subscription.since, str):
            return None
        scope = self._origins.scope_of(subscription)
        return self._cursors.get((subscription.side, scope, subscription.since))

    def of(self, subscription: Subscribed) -> Beginning | None:
        """Returns the beginning of a subscription that was entered; None for one that begins live."""
        if not replays(subscription) or subscription.entered is None:
            return None
        if subscription not in self._found:
            self._found[subscription] = self._find(subscription)
        return self._found[subscription]

    def _find(self, subscription: Subscribed) -> Beginning:
        if subscription.since is START:
            owed = {
                publish: self._kind(subscription, publish, "lost-retained")
                for publish in self._past(subscription)
            }
            return Beginning(owed=owed)
        cursor = self.event_at(subscription)
        if cursor is None:
            return Beginning()
        order = self.order_of(subscription)
        entered = subscription.entered.step if subscription.entered is not None else 0
        after = order.after(cursor, subscription, entered)
        told = subscription.gap is not None and subscription.gap > 0
        return Beginning(
            after=cursor,
            owed={
                publish: self._kind(subscription, publish, "lost-resumed")
                for publish in after
                if self._is_past(publish, subscription)
                and not order.comes_before(publish, cursor, subscription)
            },
            all_or_nothing=not told,
        )

    def forbids(self, subscription: Subscribed, publish: Publish) -> bool:
        """Returns whether an event lies at or before the cursor that a subscription began after."""
        beginning = self.of(subscription)
        if beginning is None or beginning.after is None:
            return False
        if publish is beginning.after:
            return True
        order = self.order_of(subscription)
        return publish not in beginning.owed and order.comes_before(
            publish, beginning.after, subscription
        )

    def may_still_come(self, subscription: Subscribed, publish: Publish) -> bool:
        """Returns whether an event of the past was still on its way as a subscription was entered."""
        return may_be_on_the_way(subscription, publish, self._origins, self._claimed)

    def order_of(self, subscription: Subscribed) -> ChannelOrder:
        """Returns the order of its channel, computed once."""
        channel = (subscription.side, self._origins.scope_of(subscription))
        if channel not in self._orders:
            if not self._channels:
                self._channels = by_channel(self._history, self._origins)
            self._orders[channel] = ChannelOrder(
                self._channels[channel], self._origins, self._claimed
            )
        return self._orders[channel]

    def _kind(
        self, subscription: Subscribed, publish: Publish, settled: ViolationKind
    ) -> ViolationKind:
        """Returns the kind of breach: of history if settled before entering, of hand-over if under way."""
        entering = subscription.entering.step
        early = publish.settled is not None and publish.settled.step < entering
        return settled if early else "lost-handover"

    def _past(self, subscription: Subscribed) -> Iterable[Publish]:
        """Returns the selected events that were published or under way when it became active."""
        return (
            publish
            for publish in self._origins.matching(subscription)
            if self._is_past(publish, subscription)
        )

    def _is_past(self, publish: Publish, subscription: Subscribed) -> bool:
        entered, ends, returned = subscription.entered, subscription.ends, publish.returned
        return (
            entered is not None
            and publish.outcome == "ok"
            and publish.called.step < entered.step
            and returned is not None
            and (ends is None or returned.step <= ends.step)
            and subscription.matches(publish.event)
            and not self._gone_by_fault(publish, subscription)
        )

    def _gone_by_fault(self, publish: Publish, subscription: Subscribed) -> bool:
        """Returns whether a server that broke in between may have taken the history with it."""
        if self._claimed.replay_survives == "server":
            return False
        return subscription.since is START and any(
            fault.began.step < subscription.entering.step
            and (fault.ended is None or publish.called.step < fault.ended.step)
            for fault in self._history.faults
        )

    def judge_past(
        self, subscription: Subscribed, publish: Publish, kind: ViolationKind, known: Moment
    ) -> ViolationKind | None:
        """Returns the kind of breach if an event of the past did not come; None if it was not owed.

        After a cursor, a part of the history may be gone only if entering said so.

        Args:
            kind: the kind of breach, if the history held the event.
            known: when it was known not to come.
        """
        if self.retained(subscription, publish, known):
            return kind
        beginning = self._found[subscription]
        entering = subscription.entering.step
        if not beginning.all_or_nothing or self.purged(subscription, publish, known, entering):
            return None
        return "skipped"

    def retained(self, subscription: Subscribed, publish: Publish, known: Moment) -> bool:
        """Returns whether an event was surely in the claimed history until a moment.

        Counts every event that may have come after it.
        """
        claimed = self._claimed
        if claimed.replay_s is not None and known.at_s - publish.called.at_s >= claimed.replay_s:
            return False
        if self.purged(subscription, publish, known):
            return False
        if claimed.replay_events is None:
            return True
        return self._newer(subscription, publish, known) < claimed.replay_events

    def _newer(self, subscription: Subscribed, publish: Publish, known: Moment) -> int:
        """Counts events that may have come after one until a moment, by sorted lists of its channel."""
        scope = self._origins.scope_of(subscription)
        if scope not in self._steps:
            taken = [
                one for one in self._origins.in_scope(subscription) if one.outcome != "refused"
            ]
            self._steps[scope] = (
                sorted(one.called.step for one in taken),
                sorted(one.settled.step for one in taken if one.settled is not None),
            )
        called, settled = self._steps[scope]
        until = max(known.step, publish.called.step)
        itself = publish.outcome != "refused" and publish.called.step < until
        before = bisect_left(settled, publish.called.step)
        return bisect_left(called, until) - before - itself

    def purged(
        self, subscription: Subscribed, publish: Publish, known: Moment, since: int = 0
    ) -> bool:
        """Returns whether a purge of the channel may have taken an event after a step, before a moment."""
        scope = self._origins.scope_of(subscription)
        return any(
            purge.side == subscription.side
            and purge.scope == scope
            and purge.called.step < known.step
            and (purge.returned is None or max(publish.called.step, since) < purge.returned.step)
            for purge in self._history.purges
        )

    def may_refuse(self, subscription: Subscribed, cursor: Publish) -> bool:
        """Returns whether `CursorExpired` is right for the cursor of an event."""
        claimed = self._claimed
        # A bus may look at its history at any moment until entering has failed.
        now = subscription.left or subscription.entering
        if self._history.faults and claimed.replay_survives != "server":
            return True
        if claimed.replay_s is not None and now.at_s - cursor.called.at_s >= claimed.replay_s:
            return True
        if self.purged(subscription, cursor, now):
            return True
        if claimed.replay_events is None:
            return False
        return self._newer(subscription, cursor, now) >= claimed.replay_events

    def may_forget(self, subscription: Subscribed, cursor: Publish) -> bool:
        """Returns whether `InvalidCursor` is right for the cursor of an event of the same channel."""
        if self._claimed.replay_survives == "server":
            return False
        if self._history.faults:
            return True
        givers = {
            one.client
            for one in self._history.subscriptions
            for publish, delivery in self._origins.reads[one]
            if publish is cursor and delivery.cursor == subscription.since
        }
        return self._claimed.replay_survives == "nothing" and subscription.client not in givers


def by_channel(history: History, origins: Origins) -> dict[tuple[str, object], list[Subscribed]]:
    """Returns the subscriptions that were asked for cursors, by their channel."""
    found: dict[tuple[str, object], list[Subscribed]] = defaultdict(list)
    for subscription in history.subscriptions:
        if subscription.since is not None:
            found[subscription.side, origins.scope_of(subscription)].append(subscription)
    return found
