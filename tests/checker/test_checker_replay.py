"""The checker's rules for subscriptions that begin in the past: each one kept, and broken."""

from __future__ import annotations

from uuid import UUID

import pytest

from checker.builder import ALL, KEY, OTHER, Timeline, event, token
from eventhook_conformance.contract import LIVE, START, EventPattern
from eventhook_conformance.history import Publish, Subscribed

CLAIMS = {"replay": {"events", "streams"}, "causal_order": True}


@pytest.fixture
def at() -> Timeline:
    return Timeline()


# From the start


def test_start_gets_history_then_live(at: Timeline) -> None:
    first, second = at.publishes(2)
    s = at.subscribe(since=START)
    third = at.publish()
    at.replay(s, first, second, third)
    assert at.is_good(**CLAIMS)


def test_start_without_its_oldest_is_a_loss(at: Timeline) -> None:
    _, second = at.publishes(2)
    s = at.subscribe(since=START)
    at.replay(s, second)
    at.shows("lost-retained", "RPL-03", because="which began at the start of the history", **CLAIMS)


def test_what_the_claimed_history_no_longer_holds_is_not_owed(at: Timeline) -> None:
    first, second, third = at.publishes(3)
    s = at.subscribe(since=START)
    at.replay(s, third)
    assert at.is_good(replay_events=1, **CLAIMS)
    assert at.kinds(replay_events=2, **CLAIMS) == ["lost-retained"]
    assert at.kinds(replay_events=3, **CLAIMS) == ["lost-retained", "lost-retained"]
    assert first.number + 1 == second.number


def test_what_grew_too_old_is_not_owed(at: Timeline) -> None:
    _, second = at.publishes(2)
    s = at.subscribe(since=START)
    at.replay(s, second)
    assert at.is_good(replay_s=1e-9, **CLAIMS)
    assert at.kinds(replay_s=3600.0, **CLAIMS) == ["lost-retained"]


def test_what_was_purged_is_not_owed_and_what_came_later_is(at: Timeline) -> None:
    at.publish()
    at.purge()
    later = at.publish()
    s = at.subscribe(since=START)
    new = at.publish()
    at.replay(s, new)
    found = at.shows("lost-retained", "RPL-03", because=f"#{later.number} ", **CLAIMS)
    assert found.count == 1


def test_a_purge_of_another_tenant_excuses_nothing(at: Timeline) -> None:
    at.publish()
    at.purge(OTHER)
    s = at.subscribe(since=START)
    at.replay(s, at.publish())
    assert at.kinds(**CLAIMS) == ["lost-retained"]


def test_what_was_under_way_at_the_hand_over_is_owed(at: Timeline) -> None:
    under_way = at.call()
    s = at.subscribe(since=START)
    at.answer(under_way)
    at.replay(s, at.publish())
    at.shows("lost-handover", "RPL-04", because="while it was published", **CLAIMS)


def test_a_repeat_at_the_hand_over_breaks_rpl_04_too(at: Timeline) -> None:
    first = at.publish()
    s = at.subscribe(since=START)
    at.replay(s, first, first)
    assert [one.requirements for one in at.judge(**CLAIMS)] == [("PUB-02", "RPL-04")]


def test_the_end_of_the_history_is_not_the_end(at: Timeline) -> None:
    s = at.subscribe(since=START)
    at.end(s)
    assert [one.requirements for one in at.judge(**CLAIMS)] == [("PUB-01", "RPL-03")]


def test_live_is_owed_nothing_of_the_past_and_gets_nothing(at: Timeline) -> None:
    first = at.publish()
    s = at.subscribe(since=LIVE)
    at.replay(s, first)
    at.shows("replayed", "PUB-05", because="nothing published before", **CLAIMS)


def test_a_leak_on_a_replay_is_charged_to_both(at: Timeline) -> None:
    foreign = at.publish(event(tenant_id=OTHER))
    s = at.subscribe(since=START)
    at.replay(s, foreign)
    assert at.judge(**CLAIMS)[0].requirements == ("TEN-01", "RPL-07")


# Since a cursor


def resumed(at: Timeline, *, at_event: int = 1, count: int = 4) -> tuple[list[Publish], Subscribed]:
    published = at.publishes(count)
    reader = at.subscribe(since=START)
    at.replay(reader, *published)
    return published, at.subscribe(since=f"c{at_event}")


def test_a_cursor_gets_the_rest(at: Timeline) -> None:
    published, s = resumed(at)
    at.replay(s, *published[1:])
    assert at.is_good(**CLAIMS)


def test_a_cursor_that_repeats_its_own_event(at: Timeline) -> None:
    published, s = resumed(at)
    at.replay(s, *published)
    at.shows("at-or-before", "RPL-02", because="nothing at or before the cursor", **CLAIMS)


def test_a_cursor_that_begins_before_its_event(at: Timeline) -> None:
    published, s = resumed(at, at_event=3)
    at.replay(s, published[1], published[3])
    at.shows("at-or-before", "RPL-02", because="#2 ", **CLAIMS)


def test_a_cursor_that_skips_one(at: Timeline) -> None:
    published, s = resumed(at)
    at.replay(s, *published[2:])
    at.shows("lost-resumed", "RPL-02", because="which began after a cursor before it", **CLAIMS)


def test_a_cursor_of_a_live_reader_that_left_gets_what_came_since(at: Timeline) -> None:
    reader = at.subscribe(since=LIVE)
    first = at.publish()
    at.replay(reader, first)
    at.leave(reader)
    at.left(reader)
    missed, last = at.publishes(2)
    s = at.subscribe(since="c1")
    at.replay(s, last)
    at.shows("lost-resumed", "RPL-02", because=f"#{missed.number} ", **CLAIMS)


def test_order_that_nobody_fixed_is_neither_owed_nor_forbidden(at: Timeline) -> None:
    first = at.publish(by="c1")
    other = at.publish(by="c2")
    reader = at.subscribe(EventPattern.all(first.event.tenant_id), since=START)  # type: ignore[union-attr]
    at.replay(reader, first)
    s = at.subscribe(since="c1")
    at.replay(s, other)
    plain = {**CLAIMS, "causal_order": False, "replay_events": 1}
    assert at.is_good(**plain)


def test_a_silent_skip_is_told_from_a_gap_that_is_said(at: Timeline) -> None:
    published, s = resumed(at, count=8)
    at.replay(s, published[-1])
    assert set(at.kinds(replay_events=2, **CLAIMS)) == {"skipped", "lost-resumed"}
    s.gap = 5
    assert set(at.kinds(replay_events=2, **CLAIMS)) == {"lost-resumed"}
    s.gap = 6
    assert at.is_good(replay_events=1, **CLAIMS)


def test_an_event_purged_while_the_history_is_read_is_no_silent_skip(at: Timeline) -> None:
    _, s = resumed(at)
    at.purge()
    at.replay(s, at.publish())
    assert at.is_good(**CLAIMS)


def refused(at: Timeline, error: str, *, cursor: str = "c1", by: str = "c1") -> None:
    s = at.enter(since=cursor, by=by)
    s.error, s.raised = f"{error}: gone", (error,)


def test_a_cursor_within_the_claimed_history_may_not_be_refused(at: Timeline) -> None:
    published = at.publishes(3)
    at.replay(at.subscribe(since=START), *published)
    refused(at, "CursorExpired")
    found = at.shows(
        "cursor-refused", "RPL-02", "RPL-10", because="which the claimed history", **CLAIMS
    )
    assert "CursorExpired" in found.seen
    assert at.is_good(replay_events=2, **CLAIMS)
    assert at.is_good(replay_s=1e-9, **CLAIMS)


def test_a_cursor_may_expire_while_entering_goes_on(at: Timeline) -> None:
    at.replay(at.subscribe(since=START), at.publish())
    late = at.enter(since="c1")
    at.publish()
    late.error, late.raised = "CursorExpired: gone", ("CursorExpired",)
    at.left(late)
    assert at.is_good(replay_events=1, **CLAIMS)
    late.entering = late.entering._replace(at_s=0.0)
    late.left = late.entering._replace(step=late.left.step if late.left else 0, at_s=9.0)
    assert at.is_good(replay_s=8.0, **CLAIMS)
    assert at.kinds(replay_s=3600.0, **CLAIMS) == ["cursor-refused"]


def test_a_cursor_may_expire_by_a_purge(at: Timeline) -> None:
    at.replay(at.subscribe(since=START), at.publish())
    at.purge()
    refused(at, "CursorExpired")
    assert at.is_good(**CLAIMS)


def test_a_genuine_cursor_is_not_invalid(at: Timeline) -> None:
    at.replay(at.subscribe(since=START), at.publish())
    refused(at, "InvalidCursor", by="c2")
    assert at.kinds(**CLAIMS) == ["cursor-refused"]
    assert at.is_good(replay_survives="nothing", **CLAIMS)


def test_a_cursor_that_nobody_got_may_be_refused_as_one_likes(at: Timeline) -> None:
    refused(at, "InvalidCursor", cursor="made-up")
    assert at.is_good(**CLAIMS)


# Cursors


@pytest.mark.parametrize("cursor", [None, "", "a b", 7, "é", "x" * 257])
def test_a_cursor_is_visible_ascii(at: Timeline, cursor: object) -> None:
    s = at.subscribe(since=LIVE)
    at.replay(s, at.publish(), cursors=[cursor])
    at.shows("cursor-malformed", "RPL-01", because="a cursor after each read", **CLAIMS)


def test_one_cursor_for_two_events(at: Timeline) -> None:
    s = at.subscribe(since=LIVE)
    at.replay(s, *at.publishes(2), cursors=["a", "a"])
    at.shows("cursor-reused", "RPL-01", because="one event for each cursor", **CLAIMS)


def test_two_cursors_for_one_event(at: Timeline) -> None:
    one, other = at.subscribe(since=LIVE), at.subscribe(since=LIVE)
    first = at.publish()
    at.replay(one, first, cursors=["a"])
    at.replay(other, first, cursors=["b"])
    at.shows("cursor-changed", "RPL-05", because="as s1 got it", **CLAIMS)


def test_the_same_cursor_in_two_channels_is_fine(at: Timeline) -> None:
    one, other = at.subscribe(since=LIVE), at.subscribe(EventPattern.all(OTHER), since=LIVE)
    stream = at.subscribe(KEY, since=LIVE)
    at.replay(one, at.publish(), cursors=["a"])
    at.replay(other, at.publish(event(tenant_id=OTHER)), cursors=["a"])
    at.replay(stream, at.publish(token(1)), cursors=["a"])
    assert at.is_good(**CLAIMS)


def test_without_replay_nobody_asks_for_cursors(at: Timeline) -> None:
    s = at.subscribe()
    at.deliver(s, at.publish())
    assert at.is_good()


def test_a_replay_in_another_order_than_live(at: Timeline) -> None:
    live = at.subscribe(since=LIVE)
    first, second = at.publish(by="c1"), at.publish(by="c2")
    at.replay(live, first, second)
    replay = at.subscribe(since=START)
    at.replay(replay, second, first)
    plain = {**CLAIMS, "causal_order": False}
    at.shows("order-changed", "RPL-05", because="as s1 got them", **plain)


def test_a_filter_is_no_channel_of_its_own(at: Timeline) -> None:
    whole = at.subscribe(ALL, since=LIVE)
    first, second = at.publish(), at.publish(event("workflow.started"))
    at.replay(whole, first, second)
    narrow = at.subscribe(EventPattern.by_type(UUID(int=1), "workflow"), since="c1")
    at.replay(narrow, second, cursors=["c9"])
    at.shows("cursor-changed", "RPL-05", because="'c2'", **CLAIMS)
