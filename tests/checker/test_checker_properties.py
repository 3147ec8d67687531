"""The checker on random histories: accuses no correct bus, and finds every corruption."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import msgspec
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from checker.builder import OTHER, TENANT, Timeline, event
from checker.model import CLIENTS, Model, Rules, Script
from eventhook_conformance.contract import EventPattern, FlovynEvent
from eventhook_conformance.history import Delivery, Publish, Subscribed

REPEATABLE = settings(
    deadline=None,
    derandomize=True,
    database=None,
    max_examples=40,
    suppress_health_check=list(HealthCheck),
)

scripts = st.builds(Script.of, st.integers(0, 2**32), st.integers(500, 3000))

BUSES = {
    "plain": Rules(),
    "one-order": Rules(total=True),
    "drops-the-oldest": Rules(overflow="drop_oldest", capacity=3),
    "drops-the-oldest-in-one-order": Rules(overflow="drop_oldest", capacity=2, total=True),
    "drops-the-newest": Rules(overflow="drop_newest", capacity=3),
    "drops-the-newest-in-one-order": Rules(overflow="drop_newest", capacity=2, total=True),
    "blocks": Rules(overflow="block", capacity=2),
    "one-ring": Rules(overflow="drop_oldest", capacity=4, shared_ring=True),
    "one-ring-in-one-order": Rules(
        overflow="drop_oldest", capacity=3, shared_ring=True, total=True
    ),
    "one-ring-drops-the-newest": Rules(overflow="drop_newest", capacity=3, shared_ring=True),
    "reaches-clients-late": Rules(by_client=True),
    "breaks": Rules(faults=True),
    "breaks-and-drops": Rules(faults=True, overflow="drop_oldest", capacity=3),
    "all-at-once": Rules(faults=True, by_client=True, overflow="drop_newest", capacity=3),
}


@pytest.mark.parametrize("bus", BUSES)
@REPEATABLE
@given(script=scripts)
def test_a_correct_bus_is_never_accused(bus: str, script: Script) -> None:
    rules = BUSES[bus]
    assert Model(script, rules).play().is_good(**rules.claims)


def test_the_model_does_something() -> None:
    """Not vacuous: the histories hold deliveries, overlaps, losses and refusals."""
    script = Script.of(seed=1, length=2000)
    history = Model(script, BUSES["drops-the-oldest"]).play().history
    assert sum(len(s.deliveries) for s in history.subscriptions) > 100
    assert {publish.outcome for publish in history.publishes} == {"ok", "refused", "unknown"}
    assert any(s.leaving for s in history.subscriptions)
    assert any(s.closing for s in history.subscriptions)
    assert any(s.waited for s in history.subscriptions)


# Corruptions. Each returns the breach that must be found, or None if it does not apply.

Corruption: TypeAlias = Callable[[Timeline, Script], str | None]


def calm(script: Script) -> Timeline:
    """Returns a history of one total order, without overflow, in which everything was read."""
    at = Timeline()
    selects = (EventPattern.all(TENANT), EventPattern.all(TENANT), EventPattern.all(OTHER))
    readers = [at.subscribe(one, by="c1") for one in selects]
    readers.append(at.subscribe(EventPattern.by_type(TENANT, "task"), by="c2"))
    for number in range(30):
        at.publish(
            event(
                script.choose(("task.created", "workflow.started")),
                tenant_id=script.choose((TENANT, TENANT, OTHER)),
                data={"n": number},
                timestamp_ms=number,
            ),
            script.choose(CLIENTS),
        )
        if script.choose((True, False)):
            read_all(at, readers)
    read_all(at, readers)
    left = readers[1]
    at.leave(left)
    at.left(left)
    return at


def read_all(at: Timeline, readers: list[Subscribed]) -> None:
    for reader in readers:
        got = {delivery.event for delivery in reader.deliveries}
        for publish in at.history.publishes:
            if reader.matches(publish.event) and publish.event not in got:
                at.deliver(reader, publish)


def origin(at: Timeline, delivery: Delivery) -> Publish:
    return next(p for p in at.history.publishes if p.event is delivery.event)


def pairs(at: Timeline, same_client: bool) -> Iterator[tuple[Subscribed, int, int]]:
    """Yields neighbouring deliveries, of one client or of two."""
    for reader in at.history.subscriptions:
        for place in range(len(reader.deliveries) - 1):
            first, second = (origin(at, d) for d in reader.deliveries[place : place + 2])
            if (first.client == second.client) is same_client:
                yield reader, place, place + 1


def swap(reader: Subscribed, one: int, other: int) -> None:
    deliveries = reader.deliveries
    first, second = deliveries[one].event, deliveries[other].event
    deliveries[one].event, deliveries[other].event = second, first


def any_reader(at: Timeline, script: Script) -> Subscribed:
    return script.choose([s for s in at.history.subscriptions if s.deliveries])


def drops_one(at: Timeline, script: Script) -> str | None:
    reader = any_reader(at, script)
    clients = [origin(at, delivery).client for delivery in reader.deliveries]
    places = [i for i, client in enumerate(clients) if client in clients[i + 1 :]]
    if not places:
        return None
    place = script.choose(places)
    del reader.deliveries[place]
    return "lost" if place else "lost-first"


def repeats_one(at: Timeline, script: Script) -> str | None:
    reader = any_reader(at, script)
    place = script.choose(range(len(reader.deliveries)))
    reader.deliveries.insert(place, copy.copy(reader.deliveries[place]))
    return "repeated"


def swaps_one_publishers(at: Timeline, script: Script) -> str | None:
    found = list(pairs(at, same_client=True))
    if found:
        swap(*script.choose(found))
    return "reordered" if found else None


def swaps_cause_and_effect(at: Timeline, script: Script) -> str | None:
    found = list(pairs(at, same_client=False))
    if found:
        swap(*script.choose(found))
    return "acausal" if found else None


def swaps_in_one_only(at: Timeline, script: Script) -> str | None:
    found = [pair for pair in pairs(at, same_client=False) if pair[0].name in ("s1", "s2")]
    if found:
        swap(*script.choose(found))
    return "disordered" if found else None


def changes_a_member(at: Timeline, script: Script) -> str | None:
    delivery = script.choose(any_reader(at, script).deliveries)
    member, value = script.choose(
        [
            ("data", {"n": -1}),
            ("data", None),
            ("timestamp_ms", -5),
            ("source", ""),
            ("correlation_id", "x"),
            ("task_execution_id", TENANT),
            ("event_type", "x.y"),
        ]
    )
    assert isinstance(delivery.event, FlovynEvent)
    delivery.event = msgspec.structs.replace(delivery.event, **{member: value})
    return "altered"


def leaks_one(at: Timeline, script: Script) -> str | None:
    foreign = [
        (reader, publish)
        for reader in at.history.subscriptions
        for publish in at.history.publishes
        if getattr(publish.event, "tenant_id", None) != getattr(reader.selects, "tenant_id", None)
    ]
    if foreign:
        at.deliver(*script.choose(foreign))
    return "leaked" if foreign else None


def ignores_a_filter(at: Timeline, script: Script) -> str | None:
    reader = at.history.subscriptions[3]
    others = [
        publish
        for publish in at.history.publishes
        if reader.missed_by(publish.event) == "event_type_prefix"  # type: ignore[arg-type]
    ]
    if others:
        at.deliver(reader, script.choose(others))
    return "unmatched" if others else None


def replays_one(at: Timeline, script: Script) -> str | None:
    late = at.subscribe(EventPattern.all(TENANT))
    old = [publish for publish in at.history.publishes if late.matches(publish.event)]
    if old:
        at.deliver(late, script.choose(old))
    return "replayed" if old else None


def delivers_after_leaving(at: Timeline, script: Script) -> str | None:
    at.deliver(at.history.subscriptions[1], at.publish(by=script.choose(CLIENTS)))
    return "after-leaving"


def invents_one(at: Timeline, script: Script) -> str | None:
    reader = any_reader(at, script)
    assert isinstance(reader.selects, EventPattern)
    at.deliver(reader, event(tenant_id=reader.selects.tenant_id))
    return "phantom"


def foresees_one(at: Timeline, script: Script) -> str | None:
    reader = any_reader(at, script)
    assert isinstance(reader.selects, EventPattern)
    early = event(tenant_id=reader.selects.tenant_id)
    at.deliver(reader, early)
    at.publish(early)
    return "phantom"


def delivers_what_it_refused(at: Timeline, script: Script) -> str | None:
    origin(at, script.choose(any_reader(at, script).deliveries)).outcome = "refused"
    return "refused-seen"


def delivers_rubbish(at: Timeline, script: Script) -> str | None:
    at.deliver(any_reader(at, script), script.choose((None, [], {}, "x", b"", object())))
    return "phantom"


def loses_the_last(at: Timeline, script: Script) -> str | None:
    reader = at.history.subscriptions[0]
    last = at.publish(by=script.choose(CLIENTS))
    at.wait_in_vain(reader, last)
    return "lost" if reader.deliveries else "lost-first"


def forgets_the_buffer_on_closing(at: Timeline, script: Script) -> str | None:
    at.publish(by="c1")
    at.close("c1")
    at.end(at.history.subscriptions[0])
    return "lost-on-close"


def gives_up(at: Timeline, script: Script) -> str | None:
    at.end(at.history.subscriptions[0], script.choose(("stopped", "lost", "raised")))
    return "ended"


CORRUPTIONS: tuple[Corruption, ...] = (
    drops_one,
    repeats_one,
    swaps_one_publishers,
    swaps_cause_and_effect,
    swaps_in_one_only,
    changes_a_member,
    leaks_one,
    ignores_a_filter,
    replays_one,
    delivers_after_leaving,
    invents_one,
    foresees_one,
    delivers_what_it_refused,
    delivers_rubbish,
    loses_the_last,
    forgets_the_buffer_on_closing,
    gives_up,
)

CLAIMS: dict[str, Any] = {"total_order": True, "causal_order": True}


@pytest.mark.parametrize("corrupt", CORRUPTIONS, ids=lambda one: str(one.__name__))
@settings(REPEATABLE, max_examples=30)
@given(script=scripts)
def test_no_corruption_goes_unseen(corrupt: Corruption, script: Script) -> None:
    at = calm(script)
    assert at.is_good(**CLAIMS)
    expected = corrupt(at, script)
    assume(expected is not None)
    assert expected in at.kinds(**CLAIMS)
