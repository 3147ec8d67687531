"""Single deliveries: published, unchanged, asked for, in their time, and only once."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest

from checker.builder import ALL, KEY, OTHER, TENANT, Timeline, event, token
from eventhook_conformance.contract import EventPattern, StreamEventType

WORKFLOW, TASK = UUID(int=10), UUID(int=20)


@pytest.fixture
def at() -> Timeline:
    return Timeline()


def changed(one: Any, **members: Any) -> Any:
    return msgspec.structs.replace(one, **members)


# Correct deliveries


def test_an_event_that_was_published_is_delivered(at: Timeline) -> None:
    s = at.subscribe()
    p = at.publish()
    at.deliver(s, p)
    assert at.is_good()


def test_an_equal_copy_is_as_good(at: Timeline) -> None:
    s = at.subscribe()
    p = at.publish(event(data={"a": 1, "b": [0]}))
    at.deliver(s, changed(p.event, data={"b": [-0.0], "a": 1.0}))
    assert at.is_good()


def test_nothing_at_all_is_right(at: Timeline) -> None:
    assert at.is_good()


def test_a_delivery_may_come_before_publish_returns(at: Timeline) -> None:
    s = at.subscribe()
    p = at.call()
    at.deliver(s, p)
    at.answer(p)
    assert at.is_good()


# leaked


def test_an_event_of_another_tenant_is_a_leak(at: Timeline) -> None:
    s = at.subscribe()
    foreign = at.publish(event(tenant_id=OTHER))
    at.deliver(s, foreign)
    found = at.shows("leaked", "TEN-01", because=f"tenant {OTHER}, published as #1")
    assert foreign in found.entries


def test_each_tenant_may_get_its_own(at: Timeline) -> None:
    mine, theirs = at.subscribe(), at.subscribe(EventPattern.all(OTHER))
    a, b = at.publish(), at.publish(event(tenant_id=OTHER))
    at.deliver(mine, a)
    at.deliver(theirs, b)
    assert at.is_good()


def test_another_cases_event_is_a_leak_that_names_the_case(at: Timeline) -> None:
    s = at.subscribe()
    foreign = event(tenant_id=OTHER)
    at.ledger.add(foreign, "publish::another")
    at.deliver(s, foreign)
    at.shows("leaked", "TEN-01", because="published by the case publish::another")


def test_a_leak_that_nobody_published_says_so(at: Timeline) -> None:
    s = at.subscribe()
    at.deliver(s, event(tenant_id=OTHER))
    at.shows("leaked", "TEN-01", because="which nobody published")


def test_a_leak_is_nothing_else_besides(at: Timeline) -> None:
    """Published before entering, delivered twice, narrowed away: it is a leak first."""
    foreign = at.publish(event(tenant_id=OTHER, source="elsewhere"))
    s = at.subscribe(EventPattern(tenant_id=TENANT, source="suite"))
    at.deliver(s, foreign, foreign)
    assert at.kinds() == ["leaked", "leaked"]


def test_a_tenant_rewritten_on_the_way_is_a_leak(at: Timeline) -> None:
    s = at.subscribe()
    foreign = at.publish(event(tenant_id=OTHER))
    at.deliver(s, changed(foreign.event, tenant_id=TENANT))
    assert at.kinds() == ["altered", "leaked"]
    assert "its tenant_id rewritten" in at.judge()[1].message


def test_the_same_id_in_two_tenants_is_two_events(at: Timeline) -> None:
    mine, theirs = at.subscribe(), at.subscribe(EventPattern.all(OTHER))
    shared = uuid4()
    b = at.publish(event(tenant_id=OTHER, id=shared, data="theirs"))
    a = at.publish(event(id=shared, data="mine"))
    at.deliver(mine, a)
    at.deliver(theirs, b)
    assert at.is_good()


@pytest.mark.parametrize("own_first", [True, False])
def test_the_same_id_hides_no_leak(at: Timeline, own_first: bool) -> None:
    s = at.subscribe()
    shared = uuid4()
    theirs = event(tenant_id=OTHER, id=shared, data="theirs")
    if not own_first:
        at.publish(theirs)
    own = at.publish(event(id=shared, data="mine"))
    if own_first:
        at.publish(theirs)
    at.deliver(s, own, theirs)
    at.shows("leaked", "TEN-01", because=f"tenant {OTHER}")


def test_a_leak_with_the_same_id_makes_up_for_no_loss(at: Timeline) -> None:
    s = at.subscribe()
    shared = uuid4()
    at.publish(event(id=shared, data="mine"))
    foreign = at.publish(event(tenant_id=OTHER, id=shared, data="theirs"))
    last = at.publish()
    at.deliver(s, foreign, last)
    assert at.kinds() == ["leaked", "lost-first"]


def test_equal_copies_of_two_events_of_one_id_are_not_altered(at: Timeline) -> None:
    s = at.subscribe()
    shared = uuid4()
    first = at.publish(event(id=shared, data="first"))
    second = at.publish(event(id=shared, data="second"))
    at.deliver(s, changed(second.event), changed(first.event))
    assert at.kinds() == ["reordered"]


def test_anothers_content_under_the_same_id_is_altered(at: Timeline) -> None:
    s = at.subscribe()
    shared = uuid4()
    at.publish(event(tenant_id=OTHER, id=shared, data="theirs"))
    own = at.publish(event(id=shared, data="mine"))
    at.deliver(s, changed(own.event, data="theirs"))
    at.shows("altered", "PUB-03", "EVT-01", because="data = 'theirs'")


def test_a_stream_event_of_another_key_is_a_leak(at: Timeline) -> None:
    s = at.subscribe(KEY)
    foreign = at.publish(token(1, workflow_execution_id="run-2"))
    at.deliver(s, foreign, foreign)
    assert at.kinds() == ["leaked", "leaked"]
    assert at.judge()[0].requirements == ("STR-02",)
    assert "the stream 'run-2', published as #1" in at.judge()[0].message


# phantom


def test_an_event_that_nobody_published_is_a_phantom(at: Timeline) -> None:
    s = at.subscribe()
    at.deliver(s, event())
    at.shows("phantom", "PUB-03", because="task.created")


def test_another_cases_event_of_the_own_tenant_names_the_case(at: Timeline) -> None:
    s = at.subscribe()
    stray = event()
    at.ledger.add(stray, "publish::another")
    at.deliver(s, stray)
    at.shows("phantom", "PUB-03", because="published by the case publish::another")


def test_an_event_read_before_it_was_published_is_a_phantom(at: Timeline) -> None:
    s = at.subscribe()
    early = event()
    at.deliver(s, early)
    at.publish(early)
    at.shows("phantom", "PUB-03", because="no event before it was published")


def test_a_stream_event_that_nobody_published_is_a_phantom(at: Timeline) -> None:
    s = at.subscribe(KEY)
    at.deliver(s, token(7))
    at.shows("phantom", "STR-06", because="which nobody published")


class Unprintable:
    def __repr__(self) -> str:
        raise RuntimeError("no text of mine")


@pytest.mark.parametrize(
    ("garbage", "because"),
    [
        (None, "None was delivered"),
        ("text", "'text' was delivered"),
        (b"{}", "b'{}' was delivered"),
        ([], "[] was delivered"),
        ({"id": []}, "{'id': []} was delivered"),
        (object, "was delivered"),
        (Unprintable(), "<a Unprintable that cannot be printed: RuntimeError> was delivered"),
    ],
)
@pytest.mark.parametrize(("selects", "requirement"), [(ALL, "PUB-03"), (KEY, "STR-06")])
def test_garbage_is_a_phantom(
    at: Timeline, selects: EventPattern | str, requirement: str, garbage: object, because: str
) -> None:
    s = at.subscribe(selects)
    at.publish()
    at.deliver(s, garbage)
    at.shows("phantom", requirement, because=because)


@pytest.mark.parametrize("id", [[], {}, set(), None, "text", 1.5, b""])
def test_an_id_of_any_kind_is_a_phantom(at: Timeline, id: Any) -> None:
    s = at.subscribe()
    p = at.publish()
    at.deliver(s, changed(p.event, id=id))
    at.shows("phantom", "PUB-03", because="which nobody published")


def test_a_stream_key_of_any_kind_is_a_leak(at: Timeline) -> None:
    s = at.subscribe(KEY)
    at.deliver(s, token(1, workflow_execution_id=[]))
    at.shows("leaked", "STR-02", because="the stream []")


def test_a_flood_is_judged_quickly(at: Timeline) -> None:
    s = at.subscribe()
    p = at.publish()
    at.deliver(s, *([p] * 5000))
    assert at.kinds() == ["repeated"] * 4999


# altered


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("workflow_execution_id", None),
        ("workflow_execution_id", UUID(int=99)),
        ("task_execution_id", None),
        ("event_type", "task.other"),
        ("source", "suite "),
        ("data", {"n": 2}),
        ("data", {"n": True}),
        ("data", {}),
        ("data", None),
        ("timestamp_ms", 1001),
        ("timestamp_ms", 1),
        ("timestamp_ms", "1000"),
        ("correlation_id", None),
        ("correlation_id", ""),
        ("correlation_id", "C"),
    ],
)
def test_every_member_is_compared(at: Timeline, member: str, value: object) -> None:
    s = at.subscribe()
    full = event(
        workflow_execution_id=WORKFLOW,
        task_execution_id=TASK,
        data={"n": 1},
        timestamp_ms=1000,
        correlation_id="c",
    )
    at.publish(full)
    at.deliver(s, changed(full, **{member: value}))
    at.shows("altered", "PUB-03", "EVT-01", because=f"seen: {member} = {value!r}")


def test_a_text_for_a_uuid_is_altered(at: Timeline) -> None:
    s = at.subscribe()
    p = at.publish(event(task_execution_id=TASK))
    at.deliver(s, changed(p.event, task_execution_id=str(TASK)))
    at.shows("altered", "PUB-03", "EVT-01", because="task_execution_id")


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("task_execution_id", "t"),
        ("sequence", 1),
        ("sequence", False),
        ("event_type", StreamEventType.DATA),
        ("event_type", "TOKEN"),
        ("payload", "hi"),
        ("payload", b"Hi"),
    ],
)
def test_every_member_of_a_stream_event_is_compared(
    at: Timeline, member: str, value: object
) -> None:
    s = at.subscribe(KEY)
    p = at.publish(token(1))
    at.deliver(s, changed(p.event, **{member: value}))
    at.shows("altered", "STR-01", because=f"{member} = {value!r}")


def test_data_too_deep_to_compare_is_altered(at: Timeline) -> None:
    deep: list[Any] = []
    other: list[Any] = []
    for _ in range(200_000):
        deep, other = [deep], [other]
    s = at.subscribe()
    p = at.publish(event(data=deep))
    at.deliver(s, changed(p.event, data=other))
    at.shows("altered", "PUB-03", "EVT-01", because="cannot be printed")
    while deep:  # taken apart by hand: not every Python frees such a thing without recursion
        deep, other = deep[0], other[0]


def test_data_that_holds_itself_is_no_trouble(at: Timeline) -> None:
    endless: list[Any] = []
    endless.append(endless)
    s = at.subscribe()
    p = at.publish(event(data=endless))
    at.deliver(s, changed(p.event, data=list(endless)))
    at.shows("altered", "PUB-03", "EVT-01", because="data")


# crossed


def test_a_stream_event_on_the_event_side_crossed(at: Timeline) -> None:
    s = at.subscribe()
    at.publish(token(1))
    at.deliver(s, token(1))
    at.shows("crossed", "STR-04", because="s1 got a StreamEvent")


def test_an_event_on_the_stream_side_crossed(at: Timeline) -> None:
    s = at.subscribe(KEY)
    p = at.publish()
    at.deliver(s, p)
    at.shows("crossed", "STR-04", because="s1 got a FlovynEvent")


def test_both_sides_may_use_the_same_names(at: Timeline) -> None:
    events, streams = at.subscribe(), at.subscribe(str(TENANT))
    p, q = at.publish(), at.publish(token(0, workflow_execution_id=str(TENANT)))
    at.deliver(events, p)
    at.deliver(streams, q)
    assert at.is_good()


# unmatched


@pytest.mark.parametrize(
    ("filters", "members", "requirement", "because"),
    [
        ({"event_type_prefix": "task"}, {"event_type": "tasks.x"}, "PAT-02", "'tasks.x'"),
        ({"event_type_prefix": "task"}, {"event_type": "a.task"}, "PAT-02", "'a.task'"),
        ({"event_type_prefix": "task.a"}, {"event_type": "task.ab"}, "PAT-03", "'task.ab'"),
        ({"event_type_prefix": "task.a"}, {"event_type": "task.b"}, "PAT-03", "'task.b'"),
        ({"event_type_prefix": "task"}, {"event_type": "Task.x"}, "PAT-04", "'Task.x'"),
        ({"event_type_prefix": "task.a"}, {"event_type": "task.A.b"}, "PAT-04", "'task.A.b'"),
        ({"workflow_execution_id": WORKFLOW}, {}, "PAT-05", "is None"),
        (
            {"workflow_execution_id": WORKFLOW},
            {"workflow_execution_id": TASK},
            "PAT-05",
            str(TASK),
        ),
        ({"task_execution_id": TASK}, {"workflow_execution_id": TASK}, "PAT-06", "is None"),
        ({"source": "system"}, {"source": "systems"}, "PAT-07", "'systems'"),
        ({"source": ""}, {"source": "x"}, "PAT-07", "'x'"),
        ({"source": "*"}, {"source": "x"}, "PAT-07", "source = '*'"),
    ],
)
def test_what_a_filter_keeps_out_is_unmatched(
    at: Timeline,
    filters: dict[str, Any],
    members: dict[str, Any],
    requirement: str,
    because: str,
) -> None:
    s = at.subscribe(EventPattern(tenant_id=TENANT, **filters))
    p = at.publish(event(**members))
    at.deliver(s, p)
    at.shows("unmatched", requirement, because=because)


def test_what_passes_every_filter_is_right(at: Timeline) -> None:
    s = at.subscribe(
        EventPattern(
            tenant_id=TENANT,
            workflow_execution_id=WORKFLOW,
            task_execution_id=TASK,
            event_type_prefix="task",
            source="*",
        )
    )
    p = at.publish(
        event("task.a.b", workflow_execution_id=WORKFLOW, task_execution_id=TASK, source="*")
    )
    at.deliver(s, p)
    assert at.is_good()


def test_what_a_filter_keeps_out_need_not_come(at: Timeline) -> None:
    s = at.subscribe(EventPattern.by_type(TENANT, "task"))
    at.publish(event("workflow.started"))
    last = at.publish()
    at.deliver(s, last)
    assert at.is_good()


# refused-seen


def test_a_refused_event_is_never_seen(at: Timeline) -> None:
    s = at.subscribe()
    p = at.publish(event("nodot"), outcome="refused")
    at.deliver(s, p)
    at.shows("refused-seen", "EVT-06", because="#1 (nodot, by c1) never to be seen")


def test_a_refused_stream_event_is_never_seen(at: Timeline) -> None:
    s = at.subscribe("*")
    p = at.publish(token(1, workflow_execution_id="*"), outcome="refused")
    at.deliver(s, p)
    at.shows("refused-seen", "STR-08", because="its publish was refused")


def test_what_was_refused_once_may_be_published_again(at: Timeline) -> None:
    """Refused by a closed client, taken by another."""
    s = at.subscribe()
    again = event()
    at.publish(again, "c2", outcome="refused")
    at.publish(again, "c1")
    at.deliver(s, again)
    assert at.is_good()


@pytest.mark.parametrize("members", [{"id": []}, {"tenant_id": {}}, {"event_type": None}])
def test_refused_rubbish_disturbs_no_judgement(at: Timeline, members: dict[str, Any]) -> None:
    s = at.subscribe(EventPattern.by_type(TENANT, "task"))
    at.publish(event(**{"event_type": "task.created", **members}), outcome="refused")
    at.publish(token(1, workflow_execution_id=[]), outcome="refused")
    last = at.publish()
    at.deliver(s, last)
    assert at.is_good()


def test_accepted_rubbish_is_judged(at: Timeline) -> None:
    s = at.subscribe(EventPattern.by_type(TENANT, "task"))
    p = at.publish(changed(event(), event_type=None))
    at.deliver(s, p)
    at.shows("unmatched", "PAT-02", because="event_type is None")


def test_an_impossible_pattern_disturbs_no_judgement(at: Timeline) -> None:
    at.enter(EventPattern(tenant_id=[]))  # type: ignore[arg-type]  # because: such is refused
    at.subscribe(EventPattern(tenant_id=[]))  # type: ignore[arg-type]
    at.subscribe([])  # type: ignore[arg-type]
    at.publish()
    assert at.is_good(total_order=True, causal_order=True)


@pytest.mark.parametrize("outcome", ["unknown", "pending"])
def test_what_is_not_known_to_be_refused_may_be_seen(at: Timeline, outcome: Any) -> None:
    s = at.subscribe()
    p = at.publish(outcome=outcome)
    at.deliver(s, p)
    assert at.is_good()


# replayed


def test_what_was_published_before_entering_is_a_replay(at: Timeline) -> None:
    old = at.publish()
    s = at.subscribe()
    at.deliver(s, old)
    at.shows("replayed", "PUB-05", because="nothing published before s1 was entered")


def test_what_overlaps_entering_may_come_or_not(at: Timeline) -> None:
    p = at.call()
    s = at.enter()
    at.answer(p)
    q = at.publish()
    at.entered(s)
    r = at.publish()
    at.deliver(s, q, r)
    assert at.is_good()
    t = at.subscribe()
    at.deliver(t, p)
    assert at.kinds() == ["replayed"]


def test_what_may_still_take_effect_is_no_replay(at: Timeline) -> None:
    """A publish that failed in a fault may go out with the reconnect, long after it returned."""
    window = at.fault()
    p = at.publish(outcome="unknown")
    at.over(window)
    s = at.subscribe()
    at.deliver(s, p)
    assert at.is_good()


def test_in_a_cluster_what_another_client_published_may_still_be_on_its_way(at: Timeline) -> None:
    old = at.publish(by="c2")
    s = at.subscribe()
    at.deliver(s, old)
    assert at.is_good(activation="client")
    at.shows("replayed", "PUB-05", because="nothing published before s1 was entered")


@pytest.mark.parametrize("read", ["itself", "a later one"])
def test_in_a_cluster_what_has_passed_is_a_replay(at: Timeline, read: str) -> None:
    first = at.subscribe()
    old = at.publish(by="c2")
    later = at.publish(by="c2")
    at.deliver(first, *([old] if read == "itself" else [old, later]))
    second = at.subscribe()
    at.deliver(second, old)
    at.shows("replayed", "PUB-05", because="s2", activation="client")


def test_in_a_cluster_a_clients_own_events_are_never_on_their_way(at: Timeline) -> None:
    old = at.publish()
    s = at.subscribe()
    at.deliver(s, old)
    at.shows("replayed", "PUB-05", because="s1", activation="client")


def test_a_stream_replays_nothing(at: Timeline) -> None:
    old = at.publish(token(1))
    s = at.subscribe(KEY)
    at.deliver(s, old)
    at.shows("replayed", "STR-06", because="it got #1")


def test_subscribing_again_starts_afresh(at: Timeline) -> None:
    first = at.subscribe()
    p = at.publish()
    at.deliver(first, p)
    at.leave(first)
    at.left(first)
    second = at.subscribe()
    at.deliver(second, p)
    at.shows("replayed", "PUB-05", because="s2")


# after-leaving


def test_a_read_called_after_leaving_delivers_nothing(at: Timeline) -> None:
    s = at.subscribe()
    p = at.publish()
    at.leave(s)
    at.deliver(s, p)
    at.left(s)
    at.shows("after-leaving", "PUB-11", because="a read called after leaving s1 began")


def test_a_read_called_before_leaving_may_return_after(at: Timeline) -> None:
    s = at.subscribe()
    p = at.publish()
    waiting = at.read_called()
    at.leave(s)
    at.left(s)
    at.deliver(s, p, called=waiting)
    assert at.is_good()


def test_what_was_published_while_leaving_may_come(at: Timeline) -> None:
    s = at.subscribe()
    waiting = at.read_called()
    at.leave(s)
    p = at.publish()
    at.left(s)
    at.deliver(s, p, called=waiting)
    assert at.is_good()


def test_what_was_published_after_leaving_never_comes(at: Timeline) -> None:
    s = at.subscribe()
    waiting = at.read_called()
    at.leave(s)
    at.left(s)
    p = at.publish()
    at.deliver(s, p, called=waiting)
    at.shows("after-leaving", "PUB-11", because="which was left, to get nothing published later")


def test_a_stream_that_was_left_delivers_nothing(at: Timeline) -> None:
    s = at.subscribe(KEY)
    p = at.publish(token(1))
    at.leave(s)
    at.deliver(s, p)
    at.shows("after-leaving", "STR-06", because="it delivered #1")


def test_what_was_buffered_is_read_after_the_client_closed(at: Timeline) -> None:
    s = at.subscribe()
    p = at.publish()
    at.close()
    at.deliver(s, p)
    at.end(s)
    at.leave(s)
    at.left(s)
    assert at.is_good()


# repeated


def test_an_event_comes_once(at: Timeline) -> None:
    s = at.subscribe()
    p = at.publish()
    at.deliver(s, p, p)
    found = at.shows("repeated", "PUB-02", because="#1 (task.created, by c1) once on s1")
    assert found.entries == (s, p, *s.deliveries)


def test_an_event_comes_once_to_each(at: Timeline) -> None:
    one, two = at.subscribe(), at.subscribe()
    p = at.publish()
    at.deliver(one, p)
    at.deliver(two, p)
    assert at.is_good()


def test_equal_content_under_two_ids_is_two_events(at: Timeline) -> None:
    s = at.subscribe()
    p, q = at.publish(event(data=1)), at.publish(event(data=1))
    at.deliver(s, p, q)
    assert at.is_good()


def test_what_is_published_twice_comes_twice(at: Timeline) -> None:
    s = at.subscribe()
    same = event()
    at.publish(same)
    at.publish(same)
    at.deliver(s, same, same)
    assert at.is_good()
    at.deliver(s, same)
    assert at.kinds() == ["repeated"]


def test_a_stream_event_comes_once(at: Timeline) -> None:
    s = at.subscribe(KEY)
    p = at.publish(token(1))
    at.deliver(s, p, p)
    at.shows("repeated", "STR-06", because="it was delivered again")


def test_the_same_text_at_another_time_is_another_stream_event(at: Timeline) -> None:
    s = at.subscribe(KEY)
    p, q = at.publish(token(1)), at.publish(token(2))
    at.deliver(s, p, q)
    assert at.is_good()
