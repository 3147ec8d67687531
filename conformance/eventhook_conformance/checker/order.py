"""Judges order: that of each publisher, one for all subscriptions, and that of cause and effect."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from graphlib import CycleError, TopologicalSorter
from itertools import combinations, pairwise

from eventhook_conformance.checker.origins import Origins, Read
from eventhook_conformance.checker.violation import Violation, ViolationKind, charge, name
from eventhook_conformance.contract import EventPattern, FlovynEvent
from eventhook_conformance.history import History, Publish, Subscribed, hashable
from eventhook_conformance.target import Capabilities


def judge_order(
    history: History, origins: Origins, capabilities: Capabilities
) -> Iterator[Violation]:
    """Judges order: PUB-06, and where claimed PUB-07 and PUB-20; for streams STR-01."""
    by_tenant: dict[object, list[tuple[Subscribed, list[Read]]]] = defaultdict(list)
    for subscription in history.subscriptions:
        reads = origins.reads[subscription]
        yield from _judge_publishers(subscription, reads)
        if isinstance(subscription.selects, EventPattern):
            by_tenant[hashable(subscription.selects.tenant_id)].append((subscription, reads))
            if capabilities.causal_order:
                yield from _judge_causes(subscription, reads)
    if capabilities.total_order:
        for subscriptions in by_tenant.values():
            yield from _judge_agreement(subscriptions)


def _judge_publishers(subscription: Subscribed, reads: Sequence[Read]) -> Iterator[Violation]:
    """Expects, within a client and epoch, that publishes which did not overlap keep their order."""
    newest: dict[tuple[str, int], Read] = {}
    for read in reads:
        publish, _ = read
        publisher = (publish.client, publish.epoch)
        latest = newest.get(publisher)
        if latest is not None and publish.before(latest[0]):
            yield _inverted("reordered", subscription, latest, read, "one client")
        if latest is None or latest[0].called.step < publish.called.step:
            newest[publisher] = read


def _judge_causes(subscription: Subscribed, reads: Sequence[Read]) -> Iterator[Violation]:
    """Expects, across clients, that events come in order whose publishes did not overlap."""
    latest: dict[str, Read] = {}
    for read in reads:
        publish, _ = read
        overtaker = next(
            (
                other
                for client, other in latest.items()
                if client != publish.client and publish.before(other[0])
            ),
            None,
        )
        if overtaker is not None:
            yield _inverted(
                "acausal", subscription, overtaker, read, "two clients, one after the other"
            )
        mine = latest.get(publish.client)
        if mine is None or mine[0].called.step < publish.called.step:
            latest[publish.client] = read


def _inverted(
    kind: ViolationKind, subscription: Subscribed, first: Read, second: Read, who: str
) -> Violation:
    return Violation(
        kind,
        charge(kind, subscription.side),
        f"{name(second[0])} before {name(first[0])}: published by {who}",
        f"{subscription.name} got {name(first[0])} first",
        (subscription, second[0], first[0], first[1], second[1]),
    )


def _judge_agreement(
    subscriptions: Sequence[tuple[Subscribed, list[Read]]],
) -> Iterator[Violation]:
    """Expects one order for all subscriptions of a tenant: their orders make no circle."""
    graph: dict[Publish, set[Publish]] = defaultdict(set)
    for _, reads in subscriptions:
        for (first, _), (second, _) in pairwise(reads):
            graph[second].add(first)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        yield _disagreement(subscriptions, error.args[1])


def _disagreement(
    subscriptions: Sequence[tuple[Subscribed, list[Read]]], circle: Sequence[Publish]
) -> Violation:
    """Returns two subscriptions that disagree; else the whole circle of several."""
    expected = "one order for all subscriptions of the tenant"
    for (one, mine), (other, theirs) in combinations(subscriptions, 2):
        places = {publish: (place, read) for place, (publish, read) in enumerate(theirs)}
        common = [(publish, read) for publish, read in mine if publish in places]
        for (a, read_a), (b, read_b) in pairwise(common):
            if places[a][0] > places[b][0]:
                return Violation(
                    "disordered",
                    charge("disordered", "events"),
                    expected,
                    f"{one.name} got {name(a)} before {name(b)}, {other.name} the other way round",
                    (one, other, a, b, read_a, read_b, places[b][1], places[a][1]),
                )
    path = " before ".join(
        name(publish) for publish in circle if isinstance(publish.event, FlovynEvent)
    )
    return Violation(
        "disordered", charge("disordered", "events"), expected, f"a circle: {path}", tuple(circle)
    )
