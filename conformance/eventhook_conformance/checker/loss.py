"""Loss: what was owed to a subscription, is known not to have come, and has no lawful excuse.

An event is *owed* if its publish was called after entering returned and returned before leaving was
called. It is known not to have come if a later event of its publisher came instead (PUB-06), or if
the reader waited for it in vain, or if the subscription ended in order without it. The one lawful
excuse is overflow, by the claimed policy, and a fault.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from eventhook_conformance.checker.order import Read, own_reads
from eventhook_conformance.checker.violation import Kind, Violation, charge, name
from eventhook_conformance.contract import EventPattern, FlovynEvent
from eventhook_conformance.history import Delivery, History, Publish, Subscribed, by_identity
from eventhook_conformance.target import Capabilities


def judge_loss(history: History, capabilities: Capabilities) -> Iterator[Violation]:
    """PUB-01, PUB-04, PUB-17; for streams STR-01, STR-06."""
    published = by_identity(history.publishes)
    scopes = _by_scope(history.publishes)
    for subscription in history.subscriptions:
        if subscription.entered is not None:
            reads = own_reads(subscription, published)
            in_scope = scopes.get(_scope_of(subscription), [])
            yield from _judge_one(subscription, reads, in_scope, history, capabilities)


def _by_scope(publishes: Sequence[Publish]) -> dict[object, list[Publish]]:
    """Publishes by tenant or key, so that a hundred tenants cost no more than one."""
    scopes: dict[object, list[Publish]] = defaultdict(list)
    for publish in publishes:
        event = publish.event
        scopes[
            event.tenant_id if isinstance(event, FlovynEvent) else event.workflow_execution_id
        ].append(publish)
    return scopes


def _scope_of(subscription: Subscribed) -> object:
    selects = subscription.selects
    return selects.tenant_id if isinstance(selects, EventPattern) else selects


def _judge_one(
    subscription: Subscribed,
    reads: list[Read],
    in_scope: list[Publish],
    history: History,
    capabilities: Capabilities,
) -> Iterator[Violation]:
    came = {publish for publish, _ in reads}
    matching = [publish for publish in in_scope if subscription.matches(publish.event)]
    owed = [publish for publish in matching if _owed(subscription, publish, reads, capabilities)]
    missing = [publish for publish in owed if publish not in came]
    waited = {wait.publish: wait for wait in subscription.waited}
    late = [publish for publish in owed if publish in waited and publish in came]
    if not missing and not late:
        return
    # With one ring for the whole tenant, what a filter keeps out takes room all the same (PAT-13).
    crowd = in_scope if capabilities.overflow_scope == "tenant" else matching
    excuse = _Excuse.of(subscription, crowd, reads, capabilities)
    proof = _Proof(reads)
    first = min(owed, key=lambda publish: publish.called.step)
    for publish in sorted([*missing, *late], key=lambda publish: publish.called.step):
        overtaker = proof.overtaker(publish) if publish not in came else None
        if _faulted(publish, overtaker, history):
            continue
        if overtaker is not None:
            known, seen = (
                overtaker[1].returned.step,
                f"{name(overtaker[0])}, published later, came instead",
            )
        elif publish in waited:
            wait = waited[publish]
            known, seen = wait.until.step, f"nothing of it within {wait.timeout_s:g} s"
        elif subscription.end == "stopped" and subscription.closing and not subscription.leaving:
            known, seen = subscription.closing.step, "the reader ended without it"
        else:
            continue
        if excuse is not None and excuse.covers(publish, known):
            continue
        kind = _kind(publish, first, subscription)
        entries = (subscription, publish, *(overtaker or ()))
        yield Violation(
            kind,
            charge(kind, subscription.side),
            f"{name(publish)} on {subscription.name}, which was active and asked for it",
            seen,
            entries,
        )


def _owed(
    subscription: Subscribed,
    publish: Publish,
    reads: list[Read],
    capabilities: Capabilities,
) -> bool:
    entered, ends = subscription.entered, subscription.ends
    if publish.outcome != "ok" or publish.returned is None or entered is None:
        return False
    if publish.called.step < entered.step:
        return False
    if ends is not None and publish.returned.step > ends.step:
        return False
    if capabilities.activation == "bus" or publish.client == subscription.client:
        return True
    # Activation reaches another client in its own time; from its first event on, it has.
    return any(earlier.client == publish.client and earlier.before(publish) for earlier, _ in reads)


def _kind(publish: Publish, first: Publish, subscription: Subscribed) -> Kind:
    if publish is first:
        return "lost-first"
    if subscription.end == "stopped" and subscription.closing is not None:
        return "lost-on-close"
    return "lost"


def _faulted(publish: Publish, overtaker: Read | None, history: History) -> bool:
    """Whether a fault lies between the publish and the first later event that came (REC-03)."""
    for fault in history.faults:
        over_before = fault.ended is not None and fault.ended.step < publish.called.step
        known_before = overtaker is not None and overtaker[1].returned.step < fault.began.step
        if not over_before and not known_before:
            return True
    return False


class _Proof:
    """Finds, for a missing publish, the first delivery of its client that overtook it."""

    def __init__(self, reads: list[Read]) -> None:
        clients: dict[str, list[Read]] = defaultdict(list)
        for read in reads:
            clients[read[0].client].append(read)
        self._reads = clients
        self._newest = {
            client: list(accumulate((read[0].called.step for read in its), max))
            for client, its in clients.items()
        }

    def overtaker(self, missing: Publish) -> Read | None:
        if missing.returned is None:
            return None
        newest = self._newest.get(missing.client, [])
        place = bisect_right(newest, missing.returned.step)
        return self._reads[missing.client][place] if place < len(newest) else None


@dataclass(frozen=True)
class _Excuse:
    """Whether overflow may have cost a subscription an event.

    It counts generously: what overlapped counts as having been in the buffer. It may therefore
    excuse a few too many around an overrun; the OVF cases look there exactly.
    """

    policy: str
    capacity: int
    called: list[int]
    returned: list[int]
    read: list[int]

    @classmethod
    def of(
        cls,
        subscription: Subscribed,
        crowd: Sequence[Publish],
        reads: Sequence[tuple[Publish, Delivery]],
        capabilities: Capabilities,
    ) -> _Excuse | None:
        if capabilities.overflow in ("block", "unbounded"):
            return None
        events = subscription.side == "events"
        capacity = capabilities.event_capacity if events else capabilities.stream_capacity
        taken = [publish for publish in crowd if publish.outcome != "refused"]
        if len(taken) <= capacity:
            return None
        never = 1 << 62
        return cls(
            policy=capabilities.overflow,
            capacity=capacity,
            called=sorted(publish.called.step for publish in taken),
            returned=sorted(p.returned.step if p.returned else never for p in taken),
            read=sorted(delivery.returned.step for _, delivery in reads),
        )

    def covers(self, missing: Publish, known: int) -> bool:
        """Whether `capacity` others may have stood in the buffer with the missing one."""
        if self.policy == "drop_oldest":
            later = bisect_left(self.called, known) - bisect_right(
                self.returned, missing.called.step
            )
            return later - 1 >= self.capacity
        until = missing.returned.step if missing.returned else known
        earlier = bisect_left(self.called, until) - bisect_right(self.read, missing.called.step)
        return earlier - 1 >= self.capacity
