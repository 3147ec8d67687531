"""Judges losses: events owed to a subscription, known not to have come, and not excused.

An event is *owed* if its publish was called after entering returned and returned before leaving was
called. It is known not to have come if a later event of its publisher came instead (PUB-06), or if
the reader waited for it in vain, or if the subscription ended in order without it. Only overflow, by
the claimed policy, and a fault are excuses.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator
from functools import cached_property
from itertools import accumulate
from typing import Final

from eventhook_conformance.checker.excuses import Overflow, faulted
from eventhook_conformance.checker.origins import Origins, Read
from eventhook_conformance.checker.past_events import Beginnings
from eventhook_conformance.checker.violation import Violation, ViolationKind, charge, name
from eventhook_conformance.history import History, Moment, Publish, Subscribed
from eventhook_conformance.target import Capabilities

_FOREVER: Final = 1 << 62
_BUFFERED: Final[frozenset[ViolationKind]] = frozenset(
    {"lost", "lost-first", "lost-on-close", "lost-handover"}
)
"""Events that a buffer may have lost; owed events of the past are in the bus's history."""


def judge_loss(
    history: History, origins: Origins, beginnings: Beginnings, capabilities: Capabilities
) -> Iterator[Violation]:
    """Judges losses: PUB-01, -04, -17; for streams STR-01, -06; for the past RPL-02 to -04."""
    for subscription in history.subscriptions:
        if subscription.entered is not None:
            yield from _judge_one(subscription, origins, beginnings, history, capabilities)


def _judge_one(
    subscription: Subscribed,
    origins: Origins,
    beginnings: Beginnings,
    history: History,
    capabilities: Capabilities,
) -> Iterator[Violation]:
    reads = origins.reads[subscription]
    came = {publish for publish, _ in reads}
    beginning = beginnings.of(subscription)
    past = beginning.owed if beginning is not None else {}
    owed = [*past, *_owed(subscription, origins, capabilities)]
    missing = [publish for publish in owed if publish not in came]
    waited = {wait.publish: wait for wait in subscription.waited}
    late = [publish for publish in owed if publish in waited and publish in came]
    if not missing and not late:
        return
    overflow = _Lazy(subscription, origins, capabilities)
    proof = _Proof(reads)
    first = min(owed, key=lambda publish: publish.called.step)
    for publish in sorted([*missing, *late], key=lambda publish: publish.called.step):
        kind: ViolationKind
        kind = past.get(publish) or ("lost-first" if publish is first else "lost")
        overtaker = proof.overtaker(publish) if publish not in came else None
        if overtaker is not None:
            known = overtaker[1].returned
            seen = f"{name(overtaker[0])}, published later, came instead"
        elif publish in waited:
            known = waited[publish].until
            seen = f"nothing of it within {waited[publish].timeout_s:g} s"
        elif (ended := _closed(subscription)) is not None and publish.client == subscription.client:
            # Events of another client may not have reached the buffer when this client closed.
            known, seen = ended, "the reader ended without it"
            kind = kind if publish in past else "lost-on-close"
        else:
            continue
        if faulted(publish, known.step, reads, history.faults):
            continue
        judged: ViolationKind | None = kind
        if publish in past:
            judged = beginnings.judge_past(subscription, publish, kind, known)
        since_when = None if proof.disorderly(publish) else known.step
        if judged is None or (judged in _BUFFERED and overflow.covers(publish, since_when)):
            continue
        yield Violation(
            judged,
            charge(judged, subscription.side),
            _expected(judged, subscription, publish),
            seen,
            (subscription, publish, *(overtaker or ())),
        )


def _expected(kind: ViolationKind, subscription: Subscribed, publish: Publish) -> str:
    told = {
        "lost-retained": "which began at the start of the history",
        "lost-resumed": "which began after a cursor before it",
        "lost-handover": "which began in the past while it was published",
        "skipped": "or CursorExpired, or a gap told: it comes after the cursor",
    }.get(kind, "which was active and asked for it")
    return f"{name(publish)} on {subscription.name}, {told}"


class _Lazy:
    """Computes the excuses by overflow at the first loss, since most histories have none."""

    def __init__(
        self, subscription: Subscribed, origins: Origins, capabilities: Capabilities
    ) -> None:
        self._about = subscription, origins, capabilities
        self._overflow: Overflow | None = None
        self._made = False

    def covers(self, missing: Publish, known: int | None) -> bool:
        """Calls `Overflow.covers`; returns False if nothing may be lost.

        If a publisher's events come out of order, `known` is None: any of them may have been dropped.
        """
        if not self._made:
            self._made, self._overflow = True, Overflow.of(*self._about)
        return self._overflow is not None and (
            known is None or self._overflow.covers(missing, known)
        )


def _owed(subscription: Subscribed, origins: Origins, capabilities: Capabilities) -> list[Publish]:
    entered, ends = subscription.entered, subscription.ends
    if entered is None:
        return []
    since, until = entered.step, ends.step if ends is not None else _FOREVER
    owed = [
        publish
        for publish in origins.matching(subscription)
        if publish.outcome == "ok"
        and publish.called.step >= since
        and publish.returned is not None
        and publish.returned.step <= until
    ]
    if capabilities.activation == "bus":
        return owed
    # A subscription is active for another client at the latest from that one's first event on.
    reads = origins.reads[subscription]
    return [
        publish
        for publish in owed
        if publish.client == subscription.client
        or any(earlier.client == publish.client and earlier.before(publish) for earlier, _ in reads)
    ]


def _closed(subscription: Subscribed) -> Moment | None:
    """Returns the moment at which a reader came to the end after its client closed; else None."""
    closing, ended, leaving = subscription.closing, subscription.ended, subscription.leaving
    if closing is None or ended is None or subscription.end != "stopped":
        return None
    in_order = closing.step < ended.step and (leaving is None or ended.step < leaving.step)
    return ended if in_order else None


class _Proof:
    """Finds, for a missing publish, the first delivery of its publisher that overtook it."""

    def __init__(self, reads: list[Read]) -> None:
        publishers: dict[tuple[str, int], list[Read]] = defaultdict(list)
        for read in reads:
            publishers[read[0].client, read[0].epoch].append(read)
        self._reads = publishers
        self._newest = {
            publisher: list(accumulate((read[0].called.step for read in its), max))
            for publisher, its in publishers.items()
        }

    @cached_property
    def _disorderly(self) -> set[tuple[str, int]]:
        return {
            publisher
            for publisher, its in self._reads.items()
            if any(
                later.settled is not None and later.settled.step < newest
                for (later, _), newest in zip(its[1:], self._newest[publisher], strict=False)
            )
        }

    def disorderly(self, missing: Publish) -> bool:
        """Returns whether events of the publisher came out of order, so that no later one proves a loss."""
        return (missing.client, missing.epoch) in self._disorderly

    def overtaker(self, missing: Publish) -> Read | None:
        if missing.returned is None:
            return None
        publisher = (missing.client, missing.epoch)
        newest = self._newest.get(publisher, [])
        place = bisect_right(newest, missing.returned.step)
        return self._reads[publisher][place] if place < len(newest) else None
