"""Loss: owed events that are known not to have come, and are not excused."""

from __future__ import annotations

import pytest

from checker.builder import ALL, KEY, OTHER, TENANT, Policy, Timeline, event, token
from eventhook_conformance.contract import EventPattern


@pytest.fixture
def at() -> Timeline:
    return Timeline()


# Known by overtaking


def test_an_overtaken_event_is_lost(at: Timeline) -> None:
    s = at.subscribe()
    a, b, c = at.publishes(3)
    at.deliver(s, a, c)
    found = at.shows("lost", "PUB-01", because="#3 (task.created, by c1), published later, came")
    assert found.entries == (s, b, c, s.deliveries[1])


def test_the_first_event_overtaken_is_charged_to_activation_too(at: Timeline) -> None:
    s = at.subscribe()
    _, b = at.publishes(2)
    at.deliver(s, b)
    at.shows("lost-first", "PUB-01", "PUB-04", because="which was active and asked for it")


def test_what_was_not_read_yet_is_not_lost(at: Timeline) -> None:
    s = at.subscribe()
    a, *_ = at.publishes(3)
    at.deliver(s, a)
    assert at.is_good()


def test_another_client_proves_nothing(at: Timeline) -> None:
    s = at.subscribe()
    at.publish(by="c1")
    b = at.publish(by="c2")
    at.deliver(s, b)
    assert at.is_good()


def test_an_overlapping_event_proves_nothing(at: Timeline) -> None:
    s = at.subscribe()
    a, b = at.call(), at.call()
    at.answer(a)
    at.answer(b)
    at.deliver(s, b)
    assert at.is_good()


def test_another_epoch_proves_nothing(at: Timeline) -> None:
    s = at.subscribe()
    at.publish(epoch=0)
    b = at.publish(epoch=1)
    at.deliver(s, b)
    assert at.is_good()


def test_each_subscription_loses_for_itself(at: Timeline) -> None:
    one, two = at.subscribe(), at.subscribe()
    a, b, c = at.publishes(3)
    at.deliver(one, a, b, c)
    at.deliver(two, a, c)
    at.shows("lost", "PUB-01", because="on s2")


def test_a_lost_stream_event(at: Timeline) -> None:
    s = at.subscribe(KEY)
    a, _, c = (at.publish(token(number)) for number in (1, 2, 3))
    at.deliver(s, a, c)
    at.shows("lost", "STR-01", because="(TOKEN, by c1) on s1")


def test_the_first_stream_event_lost(at: Timeline) -> None:
    s = at.subscribe(KEY)
    _, b = at.publish(token(1)), at.publish(token(2))
    at.deliver(s, b)
    at.shows("lost-first", "STR-01", "STR-06", because="(TOKEN, by c1) on s1")


# Known by waiting


def test_an_event_waited_for_in_vain_is_lost(at: Timeline) -> None:
    s = at.subscribe()
    a, b = at.publishes(2)
    at.deliver(s, a)
    at.wait_in_vain(s, b)
    at.shows("lost", "PUB-01", because="nothing of it within 3 s")


def test_an_event_that_came_too_late_is_lost(at: Timeline) -> None:
    s = at.subscribe()
    a = at.publish()
    at.wait_in_vain(s, a)
    at.deliver(s, a)
    at.shows("lost-first", "PUB-01", "PUB-04", because="nothing of it within 3 s")


def test_waiting_for_what_is_not_owed_proves_nothing(at: Timeline) -> None:
    before = at.publish()
    s = at.subscribe()
    unknown, pending, refused = at.publish(outcome="unknown"), at.call(), at.publish()
    refused.outcome = "refused"
    foreign = at.publish(event(tenant_id=OTHER))
    for publish in (before, unknown, pending, refused, foreign):
        at.wait_in_vain(s, publish)
    assert at.is_good()


# Known by the end, after closing


def test_what_is_buffered_when_the_client_closes_is_read_first(at: Timeline) -> None:
    s = at.subscribe()
    a, b = at.publishes(2)
    at.deliver(s, a)
    at.close()
    at.end(s)
    found = at.shows("lost-on-close", "PUB-17", because="the reader ended without it")
    assert b in found.entries


def test_closing_that_discards_everything_is_closing_still(at: Timeline) -> None:
    s = at.subscribe()
    at.publishes(2)
    at.close()
    at.end(s)
    assert at.kinds() == ["lost-on-close", "lost-on-close"]


def test_leaving_after_the_end_changes_nothing(at: Timeline) -> None:
    s = at.subscribe()
    at.publish()
    at.close()
    at.end(s)
    at.leave(s)
    at.left(s)
    assert at.kinds() == ["lost-on-close"]


def test_a_stream_is_read_out_too(at: Timeline) -> None:
    s = at.subscribe(KEY)
    at.publish(token(1))
    at.close()
    at.end(s)
    at.shows("lost-on-close", "STR-06", because="the reader ended without it")


def test_reading_out_and_ending_is_right(at: Timeline) -> None:
    s = at.subscribe()
    a, b = at.publishes(2)
    at.close()
    at.deliver(s, a, b)
    at.end(s)
    assert at.is_good()


def test_what_is_published_while_closing_is_not_owed(at: Timeline) -> None:
    s = at.subscribe()
    overlapping = at.call(by="c2")
    at.close()
    at.answer(overlapping)
    at.publish(by="c2")
    at.end(s)
    assert at.is_good()


def test_what_another_client_sent_may_be_on_its_way_still_when_this_one_closes(
    at: Timeline,
) -> None:
    s = at.subscribe()
    at.publish(by="c2")
    at.close()
    at.end(s)
    assert at.is_good()


def test_closing_another_client_ends_nothing(at: Timeline) -> None:
    s = at.subscribe(by="c1")
    at.publish()
    at.close("c2")
    at.end(s)
    at.shows("ended", "PUB-01", because="it ended (StopAsyncIteration)")


def test_leaving_discards_what_is_buffered(at: Timeline) -> None:
    s = at.subscribe()
    at.publishes(2)
    at.leave(s)
    at.left(s)
    at.end(s)
    assert at.is_good()


def test_an_end_before_closing_is_an_end_and_no_loss(at: Timeline) -> None:
    s = at.subscribe()
    at.end(s)
    at.publish()
    at.close()
    at.shows("ended", "PUB-01", because="it was not left, and its client not closed")


def test_a_loss_before_closing_is_a_plain_loss(at: Timeline) -> None:
    s = at.subscribe()
    a, _, c = at.publishes(3)
    at.deliver(s, a, c)
    at.close()
    at.end(s)
    at.shows("lost", "PUB-01", because="came instead")


# Owed events


def test_what_overlaps_entering_is_not_owed(at: Timeline) -> None:
    s = at.enter()
    at.publish()
    at.entered(s)
    b = at.publish()
    at.deliver(s, b)
    assert at.is_good()


def test_what_overlaps_leaving_is_not_owed(at: Timeline) -> None:
    s = at.subscribe()
    waiting = at.read_called()
    a, b, c = at.publish(), at.call(), at.call()
    at.leave(s)
    at.answer(b)
    at.answer(c)
    last = at.publish()
    at.left(s)
    at.deliver(s, a, called=waiting)
    at.deliver(s, last, called=waiting)
    assert at.is_good()


def test_what_overlaps_nothing_is_owed_however_late_it_is_known(at: Timeline) -> None:
    s = at.subscribe()
    waiting = at.read_called()
    at.publish()
    b = at.call()
    at.leave(s)
    at.answer(b)
    at.deliver(s, b, called=waiting)
    assert at.kinds() == ["lost-first"]


@pytest.mark.parametrize("outcome", ["unknown", "refused"])
def test_what_may_not_have_been_sent_is_not_owed(at: Timeline, outcome: str) -> None:
    s = at.subscribe()
    a = at.publish()
    b = at.publish()
    b.outcome = outcome  # type: ignore[assignment]
    c = at.publish()
    at.deliver(s, a, c)
    assert at.is_good()


def test_a_pending_publish_is_not_owed(at: Timeline) -> None:
    s = at.subscribe()
    at.call()
    b = at.publish()
    at.deliver(s, b)
    assert at.is_good()


def test_a_subscription_that_was_never_entered_is_owed_nothing(at: Timeline) -> None:
    s = at.enter()
    a = at.publish()
    at.wait_in_vain(s, a)
    assert at.is_good()


def test_other_tenants_and_filters_are_owed_nothing(at: Timeline) -> None:
    s = at.subscribe(EventPattern.by_type(TENANT, "workflow"))
    at.publish(event("task.created"))
    at.publish(event("workflow.started", tenant_id=OTHER))
    last = at.publish(event("workflow.completed"))
    at.deliver(s, last)
    assert at.is_good()


def test_the_same_id_in_two_tenants_loses_in_one(at: Timeline) -> None:
    mine, theirs = at.subscribe(), at.subscribe(EventPattern.all(OTHER))
    a = event()
    at.publish(a)
    b = at.publish(event(tenant_id=OTHER, id=a.id))
    last = at.publish()
    at.deliver(theirs, b)
    at.deliver(mine, last)
    at.shows("lost-first", "PUB-01", "PUB-04", because="#1 (task.created, by c1) on s1")


def test_an_altered_event_is_not_lost_besides(at: Timeline) -> None:
    s = at.subscribe()
    a = event(data=1)
    at.publish(a)
    b = at.publish()
    at.deliver(s, event(id=a.id, data=2), b)
    assert at.kinds() == ["altered"]


# Activation for one client


def test_another_clients_first_events_may_be_missed(at: Timeline) -> None:
    s = at.subscribe(by="c1")
    _, b = at.publishes(2, by="c2")
    at.deliver(s, b)
    assert at.kinds() == ["lost-first"]
    assert at.is_good(activation="client")


def test_from_the_first_that_came_on_all_are_owed(at: Timeline) -> None:
    s = at.subscribe(by="c1")
    _, b, _, d = at.publishes(4, by="c2")
    at.deliver(s, b, d)
    at.shows("lost-first", "PUB-01", "PUB-04", because="#3", activation="client")


def test_the_own_clients_events_are_owed_at_once(at: Timeline) -> None:
    s = at.subscribe(by="c1")
    _, b = at.publishes(2, by="c1")
    at.deliver(s, b)
    assert at.kinds(activation="client") == ["lost-first"]


def test_what_one_client_reached_says_nothing_of_another(at: Timeline) -> None:
    s = at.subscribe(by="c1")
    reached = at.publish(by="c2")
    _, late = at.publishes(2, by="c3")
    at.deliver(s, reached, late)
    assert at.is_good(activation="client")


# Overflow


def overrun(at: Timeline, count: int, *missing: int, selects: EventPattern = ALL) -> None:
    """Publishes a burst of `count` events before anything is read; some of them (from 1) never come."""
    s = at.subscribe(selects)
    burst = at.publishes(count)
    at.deliver(s, *(p for number, p in enumerate(burst, start=1) if number not in missing))


def test_up_to_the_capacity_nothing_may_be_lost(at: Timeline) -> None:
    overrun(at, 4, 1)
    at.shows("lost-first", "PUB-01", "PUB-04", because="#1", event_capacity=4)


def test_above_the_capacity_the_oldest_may_be_lost(at: Timeline) -> None:
    overrun(at, 5, 1)
    assert at.is_good(event_capacity=4)


def test_no_more_than_the_oldest_may_be_lost(at: Timeline) -> None:
    overrun(at, 5, 1, 2)
    at.shows("lost", "PUB-01", because="#2", event_capacity=4)


def test_the_newest_is_never_dropped_as_the_oldest(at: Timeline) -> None:
    s = at.subscribe()
    burst = at.publishes(6)
    at.deliver(s, *burst[:4])
    at.wait_in_vain(s, burst[5])
    at.shows("lost", "PUB-01", because="#6", event_capacity=4)


def test_above_the_capacity_the_newest_may_be_lost(at: Timeline) -> None:
    s = at.subscribe()
    burst = at.publishes(6)
    at.deliver(s, *burst[:4])
    after = at.publish()
    at.deliver(s, after)
    assert at.is_good(event_capacity=4, overflow="drop_newest")
    assert at.kinds(event_capacity=4) == ["lost", "lost"]


def test_up_to_the_capacity_no_newest_may_be_lost(at: Timeline) -> None:
    s = at.subscribe()
    burst = at.publishes(4)
    at.deliver(s, *burst[:3])
    after = at.publish()
    at.deliver(s, after)
    at.shows("lost", "PUB-01", because="#4", event_capacity=4, overflow="drop_newest")


def test_the_oldest_is_never_dropped_as_the_newest(at: Timeline) -> None:
    overrun(at, 5, 1)
    at.shows(
        "lost-first", "PUB-01", "PUB-04", because="#1", event_capacity=4, overflow="drop_newest"
    )


def test_an_overrun_that_was_read_out_excuses_nothing_later(at: Timeline) -> None:
    """The six that were dropped as the newest take no room afterwards."""
    s = at.subscribe()
    burst = at.publishes(10)
    at.deliver(s, *burst[:4])
    lost, last = at.publishes(2)
    at.deliver(s, last)
    found = at.shows("lost", "PUB-01", because="#11", event_capacity=4, overflow="drop_newest")
    assert lost in found.entries


@pytest.mark.parametrize("overflow", ["drop_oldest", "drop_newest"])
def test_what_was_published_before_entering_takes_no_room(at: Timeline, overflow: Policy) -> None:
    at.publishes(20)
    s = at.subscribe()
    _, b = at.publishes(2)
    at.deliver(s, b)
    assert at.kinds(event_capacity=4, overflow=overflow) == ["lost-first"]


@pytest.mark.parametrize("overflow", ["drop_oldest", "drop_newest"])
def test_what_was_read_takes_no_room(at: Timeline, overflow: Policy) -> None:
    s = at.subscribe()
    for publish in at.publishes(4):
        at.deliver(s, publish)
    for _ in range(10):
        at.deliver(s, at.publish())
    _, last = at.publishes(2)
    at.deliver(s, last)
    assert at.kinds(event_capacity=4, overflow=overflow) == ["lost"]


@pytest.mark.parametrize("overflow", ["block", "unbounded"])
def test_some_policies_lose_nothing_ever(at: Timeline, overflow: Policy) -> None:
    overrun(at, 20, 1)
    assert at.kinds(event_capacity=4, overflow=overflow) == ["lost-first"]


def test_refused_events_take_no_room(at: Timeline) -> None:
    s = at.subscribe()
    at.publish()
    for _ in range(10):
        at.publish(outcome="refused")
    last = at.publish()
    at.deliver(s, last)
    assert at.kinds(event_capacity=4) == ["lost-first"]


def test_another_tenants_events_take_no_room(at: Timeline) -> None:
    s = at.subscribe()
    at.publish()
    for _ in range(10):
        at.publish(event(tenant_id=OTHER))
    last = at.publish()
    at.deliver(s, last)
    for scope in ("subscription", "tenant"):
        assert at.kinds(event_capacity=4, overflow_scope=scope) == ["lost-first"]


@pytest.mark.parametrize("overflow", ["drop_oldest", "drop_newest"])
def test_what_is_filtered_out_takes_room_only_in_a_ring_of_the_tenant(
    at: Timeline, overflow: Policy
) -> None:
    s = at.subscribe(EventPattern.by_type(TENANT, "task"))
    filler = [event("workflow.started") for _ in range(4)]
    if overflow == "drop_newest":
        for one in filler:
            at.publish(one)
    at.publish(event("task.lost"))
    if overflow == "drop_oldest":
        for one in filler:
            at.publish(one)
    last = at.publish(event("task.last"))
    at.deliver(s, last)
    assert at.kinds(event_capacity=4, overflow=overflow) == ["lost-first"]
    assert at.is_good(event_capacity=4, overflow=overflow, overflow_scope="tenant")
    assert at.kinds(event_capacity=6, overflow=overflow, overflow_scope="tenant") == ["lost-first"]


def test_streams_have_a_capacity_of_their_own(at: Timeline) -> None:
    s = at.subscribe(KEY)
    tokens = [at.publish(token(number)) for number in range(5)]
    at.deliver(s, *tokens[1:])
    assert at.is_good(stream_capacity=4, event_capacity=1000)
    assert at.kinds(stream_capacity=5, event_capacity=1) == ["lost-first"]


def test_overlapping_publishes_may_have_filled_the_buffer(at: Timeline) -> None:
    s = at.subscribe()
    crowd = [at.call(by="c2") for _ in range(4)]
    _, last = at.publishes(2, by="c1")
    at.deliver(s, last)
    for publish in crowd:
        at.answer(publish)
    at.deliver(s, *crowd)
    assert at.is_good(event_capacity=4)
    assert at.kinds(event_capacity=6) == ["lost"]


def test_another_clients_events_may_arrive_as_late_as_they_like(at: Timeline) -> None:
    """Without causal order, what c2 published before may push out what c1 published after."""
    s = at.subscribe()
    crowd = at.publishes(4, by="c2")
    at.publish(by="c1")
    last = at.publish(by="c1")
    at.deliver(s, *crowd[1:], last)
    assert at.is_good(event_capacity=4)
    assert at.kinds(event_capacity=4, causal_order=True) == ["lost"]


def test_what_was_lost_on_closing_may_have_overflowed(at: Timeline) -> None:
    s = at.subscribe()
    burst = at.publishes(6)
    at.close()
    at.deliver(s, *burst[2:])
    at.end(s)
    assert at.is_good(event_capacity=4)


# Faults


def test_what_was_in_flight_when_the_fault_began_may_be_lost(at: Timeline) -> None:
    s = at.subscribe()
    at.publish()
    window = at.fault()
    at.over(window)
    fence = at.publish()
    at.deliver(s, fence)
    assert at.is_good()


def test_what_was_published_during_the_fault_may_be_lost(at: Timeline) -> None:
    s = at.subscribe()
    first = at.publish()
    at.deliver(s, first)
    window = at.fault()
    at.publish()
    at.over(window)
    fence = at.publish()
    at.deliver(s, fence)
    assert at.is_good()


def test_for_a_subscription_a_fault_lasts_until_it_hears_again(at: Timeline) -> None:
    s = at.subscribe()
    window = at.fault()
    at.over(window)
    at.publish()
    fence = at.publish()
    at.deliver(s, fence)
    assert at.is_good()


def test_after_that_everything_is_owed(at: Timeline) -> None:
    s = at.subscribe()
    window = at.fault()
    at.over(window)
    fence = at.publish()
    at.deliver(s, fence)
    _, last = at.publishes(2)
    at.deliver(s, last)
    at.shows("lost", "PUB-01", because="#2")


def test_what_another_subscription_hears_ends_nothing(at: Timeline) -> None:
    one, two = at.subscribe(), at.subscribe()
    window = at.fault()
    at.over(window)
    fence = at.publish()
    at.deliver(one, fence)
    at.publish()
    last = at.publish()
    at.deliver(two, last)
    assert at.is_good()


def test_before_the_fault_everything_is_owed(at: Timeline) -> None:
    s = at.subscribe()
    a, _, c = at.publishes(3)
    at.deliver(s, a, c)
    at.fault()
    at.shows("lost", "PUB-01", because="#2")


def test_what_was_waited_for_before_the_fault_is_lost(at: Timeline) -> None:
    s = at.subscribe()
    a = at.publish()
    at.wait_in_vain(s, a)
    window = at.fault()
    at.over(window)
    assert at.kinds() == ["lost-first"]


def test_one_that_never_hears_again_has_lost(at: Timeline) -> None:
    s = at.subscribe()
    window = at.fault()
    at.over(window)
    fence = at.publish()
    at.wait_in_vain(s, fence)
    assert at.kinds() == ["lost-first"]


def test_while_the_fault_lasts_nothing_is_owed(at: Timeline) -> None:
    s = at.subscribe()
    at.fault()
    a = at.publish()
    at.wait_in_vain(s, a)
    assert at.is_good()


def test_a_fault_excuses_no_repeat_no_leak_and_no_inversion(at: Timeline) -> None:
    s = at.subscribe()
    a, b = at.publishes(2)
    window = at.fault()
    at.over(window)
    foreign = at.publish(event(tenant_id=OTHER))
    at.deliver(s, b, a, a, foreign)
    assert sorted(at.kinds()) == ["leaked", "reordered", "repeated"]
