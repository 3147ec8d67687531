"""Judges the ends of subscriptions: only leaving and closing the client may end one."""

from __future__ import annotations

from collections.abc import Iterator

from eventhook_conformance.checker.violation import Violation, charge
from eventhook_conformance.history import History


def judge_endings(history: History) -> Iterator[Violation]:
    """Judges ends: an active subscription goes on (PUB-01; for streams STR-06)."""
    for subscription in history.subscriptions:
        ended, ends = subscription.ended, subscription.ends
        if ended is None or subscription.end_awaited:
            continue
        in_fault = any(fault.began.step < ended.step for fault in history.faults)
        if in_fault and subscription.end == "lost":
            continue
        if ends is not None and ends.step < ended.step and subscription.end == "stopped":
            continue
        how = {
            "stopped": "it ended (StopAsyncIteration)",
            "lost": f"it raised SubscriptionLost: {subscription.end_error}",
            "raised": f"its read raised {subscription.end_error}",
        }[subscription.end or "stopped"]
        expected = "to go on: it was not left, and its client not closed"
        if ends is not None and ends.step < ended.step:
            expected = "to end with StopAsyncIteration, since it was left or its client closed"
        yield Violation(
            "ended",
            charge("ended", subscription.side),
            f"{subscription.name} {expected}",
            how,
            (subscription,),
        )
