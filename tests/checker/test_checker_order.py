"""Order: each publisher's own, one for all where claimed, and that of cause and effect."""

from __future__ import annotations

import pytest

from checker.builder import KEY, OTHER, TENANT, Timeline, event, token
from eventhook_conformance.contract import EventPattern


@pytest.fixture
def at() -> Timeline:
    return Timeline()


# reordered


def test_one_publishers_events_come_in_its_order(at: Timeline) -> None:
    s = at.subscribe()
    a, b, c = at.publishes(3)
    at.deliver(s, a, b, c)
    assert at.is_good()


def test_one_publishers_events_in_another_order(at: Timeline) -> None:
    s = at.subscribe()
    a, b = at.publishes(2)
    at.deliver(s, b, a)
    found = at.shows("reordered", "PUB-06", because="s1 got #2 (task.created, by c1) first")
    assert found.entries == (s, a, b, *s.deliveries)


def test_order_spans_types_workflows_and_tasks(at: Timeline) -> None:
    s = at.subscribe()
    a = at.publish(event("workflow.started", workflow_execution_id=TENANT))
    b = at.publish(event("task.created", task_execution_id=TENANT))
    at.deliver(s, b, a)
    at.shows("reordered", "PUB-06", because="published by one client")


def test_every_late_event_is_found(at: Timeline) -> None:
    s = at.subscribe()
    a, b, c, d = at.publishes(4)
    at.deliver(s, b, d, a, c)
    assert at.kinds() == ["reordered", "reordered"]


def test_publishes_that_overlap_come_in_any_order(at: Timeline) -> None:
    s = at.subscribe()
    a, b = at.call(), at.call()
    at.answer(b)
    at.answer(a)
    at.deliver(s, b, a)
    assert at.is_good(causal_order=True, total_order=True)


def test_an_overlap_hides_no_inversion(at: Timeline) -> None:
    """c overlaps both a and b, which follow one another."""
    s = at.subscribe()
    c = at.call()
    a, b = at.publishes(2)
    at.answer(c)
    at.deliver(s, c, b, a)
    at.shows("reordered", "PUB-06", because="#2 (task.created, by c1) before #3")


def test_different_clients_may_overtake_one_another(at: Timeline) -> None:
    s = at.subscribe()
    a, b = at.publish(by="c1"), at.publish(by="c2")
    at.deliver(s, b, a)
    assert at.is_good()


def test_order_is_kept_within_a_connection_epoch_only(at: Timeline) -> None:
    s = at.subscribe()
    a, b = at.publish(epoch=0), at.publish(epoch=1)
    at.deliver(s, b, a)
    assert at.is_good()


def test_a_later_epoch_has_an_order_too(at: Timeline) -> None:
    s = at.subscribe()
    a, b = at.publish(epoch=1), at.publish(epoch=1)
    at.deliver(s, b, a)
    at.shows("reordered", "PUB-06", because="first")


def test_what_was_cancelled_may_come_late(at: Timeline) -> None:
    s = at.subscribe()
    a, b = at.publish(outcome="unknown"), at.publish()
    at.deliver(s, b, a)
    assert at.is_good(causal_order=True)


def test_what_was_cancelled_comes_after_what_was_before_it(at: Timeline) -> None:
    s = at.subscribe()
    a, b = at.publish(), at.publish(outcome="unknown")
    at.deliver(s, b, a)
    at.shows("reordered", "PUB-06", because="first")


def test_each_subscription_is_judged(at: Timeline) -> None:
    good, bad = at.subscribe(), at.subscribe()
    a, b = at.publishes(2)
    at.deliver(good, a, b)
    at.deliver(bad, b, a)
    at.shows("reordered", "PUB-06", because="s2 got")


def test_streams_keep_their_publishers_order(at: Timeline) -> None:
    s = at.subscribe(KEY)
    a, b = at.publish(token(1)), at.publish(token(2))
    at.deliver(s, b, a)
    at.shows("reordered", "STR-01", "STR-06", because="(TOKEN, by c1) first")


def test_the_sequence_of_a_stream_is_the_publishers_business(at: Timeline) -> None:
    s = at.subscribe(KEY)
    a, b = at.publish(token(9, sequence=5)), at.publish(token(3, sequence=1))
    at.deliver(s, a, b)
    assert at.is_good()


# acausal


def test_an_effect_is_not_seen_before_its_cause(at: Timeline) -> None:
    s = at.subscribe()
    cause, effect = at.publish(by="c1"), at.publish(by="c2")
    at.deliver(s, effect, cause)
    assert at.is_good(causal_order=False)
    at.shows("acausal", "PUB-20", because="two clients, one after the other", causal_order=True)


def test_cause_then_effect_is_right(at: Timeline) -> None:
    s = at.subscribe()
    cause, effect = at.publish(by="c1"), at.publish(by="c2")
    at.deliver(s, cause, effect)
    assert at.is_good(causal_order=True)


def test_what_overlaps_causes_nothing(at: Timeline) -> None:
    s = at.subscribe()
    a, b = at.call(by="c1"), at.call(by="c2")
    at.answer(a)
    at.answer(b)
    at.deliver(s, b, a)
    assert at.is_good(causal_order=True)


def test_another_clients_later_event_hides_no_inversion(at: Timeline) -> None:
    """Between effect and cause comes a later event of the cause's own client, after a reconnect."""
    s = at.subscribe()
    cause, effect = at.publish(by="c1", epoch=0), at.publish(by="c2")
    later = at.publish(by="c1", epoch=1)
    at.deliver(s, effect, later, cause)
    at.shows("acausal", "PUB-20", because="s1 got #2", causal_order=True)


def test_causes_are_judged_within_a_tenant(at: Timeline) -> None:
    mine, theirs = at.subscribe(), at.subscribe(EventPattern.all(OTHER))
    cause, effect = at.publish(by="c1"), at.publish(event(tenant_id=OTHER), by="c2")
    at.deliver(theirs, effect)
    at.deliver(mine, cause)
    assert at.is_good(causal_order=True, total_order=True)


# disordered


def test_two_subscriptions_agree_on_one_order(at: Timeline) -> None:
    one, two = at.subscribe(), at.subscribe()
    a, b = at.call(by="c1"), at.call(by="c2")
    at.answer(a)
    at.answer(b)
    at.deliver(one, a, b)
    at.deliver(two, b, a)
    assert at.is_good(causal_order=True)
    found = at.shows(
        "disordered", "PUB-07", because="before #2 (task.created, by c2), s2", total_order=True
    )
    assert found.entries[:4] == (one, two, a, b)


def test_the_same_order_everywhere_is_right(at: Timeline) -> None:
    one, two = at.subscribe(), at.subscribe()
    a, b = at.call(by="c1"), at.call(by="c2")
    at.answer(a)
    at.answer(b)
    at.deliver(one, b, a)
    at.deliver(two, b, a)
    assert at.is_good(total_order=True)


def test_a_disagreement_far_apart_is_found(at: Timeline) -> None:
    one, two = at.subscribe(), at.subscribe()
    calls = [at.call(by=f"c{number}") for number in range(1, 6)]
    for publish in calls:
        at.answer(publish)
    at.deliver(one, *calls)
    at.deliver(two, *calls[1:], calls[0])
    at.shows("disordered", "PUB-07", because="the other way round", total_order=True)


def test_a_circle_of_three_has_no_one_order(at: Timeline) -> None:
    """No two subscriptions disagree, all three together do; each left after two events."""
    pairs = [at.subscribe() for _ in range(3)]
    calls = [at.call(by=f"c{number}") for number in range(3)]
    for subscription, (first, second) in zip(pairs, [(0, 1), (1, 2), (2, 0)], strict=True):
        at.deliver(subscription, calls[first], calls[second])
        at.leave(subscription)
    for publish in calls:
        at.answer(publish)
    assert at.is_good(causal_order=True)
    found = at.shows("disordered", "PUB-07", because="a circle: #", total_order=True)
    assert found.message.count(" before ") == 3


def test_three_without_a_circle_are_right(at: Timeline) -> None:
    subscriptions = [at.subscribe() for _ in range(3)]
    calls = [at.call(by=f"c{number}") for number in range(3)]
    for subscription, (first, second) in zip(subscriptions, [(0, 1), (1, 2), (0, 2)], strict=True):
        at.deliver(subscription, calls[first], calls[second])
        at.leave(subscription)
    for publish in calls:
        at.answer(publish)
    assert at.is_good(total_order=True)


def test_tenants_have_orders_of_their_own(at: Timeline) -> None:
    mine, theirs = at.subscribe(), at.subscribe(EventPattern.all(OTHER))
    a, b = at.call(by="c1"), at.call(event(tenant_id=OTHER), by="c2")
    at.answer(b)
    at.answer(a)
    at.deliver(theirs, b)
    at.deliver(mine, a)
    assert at.is_good(total_order=True)
