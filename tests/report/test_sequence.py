"""The layout of a history as a diagram."""

from __future__ import annotations

import pytest

from checker.builder import ALL, KEY, OTHER, Timeline, event, token
from eventhook_conformance.checker import Violation
from eventhook_conformance.contract import START, EventPattern
from eventhook_conformance.evidence import Diagram
from eventhook_conformance.report.sequence import MOST_ROWS, lay_out
from eventhook_conformance.report.steps import steps


@pytest.fixture
def at() -> Timeline:
    return Timeline()


def drawn(at: Timeline, violation: Violation) -> Diagram:
    diagram = lay_out(at.history, violation)
    assert diagram is not None
    return diagram


def weights(diagram: Diagram) -> list[tuple[str, str]]:
    return [(row.label, row.weight) for row in diagram.rows]


def test_lanes_are_clients_then_the_bus_then_readers(at: Timeline) -> None:
    s = at.subscribe(by="c2")
    at.deliver(s, at.publish(), at.publish(event(), by="c1"))
    diagram = drawn(at, Violation("failed", ("PUB-01",), "x", "y"))
    assert [lane.name for lane in diagram.lanes] == ["c1", "c2", "bus", "s1"]
    assert [lane.x for lane in diagram.lanes] == sorted(lane.x for lane in diagram.lanes)
    assert [row.y for row in diagram.rows] == sorted({row.y for row in diagram.rows})
    assert diagram.height > diagram.rows[-1].y


def test_a_repeated_delivery_is_the_breach(at: Timeline) -> None:
    s = at.subscribe()
    first = at.publish()
    at.deliver(s, first, first)
    (violation,) = at.judge()
    marked = [row for row in drawn(at, violation).rows if row.weight == "offence"]
    assert {row.label for row in marked} == {"#1"}
    assert all(row.detail.startswith("read ") for row in marked)


def test_a_lost_event_is_the_breach_and_what_came_instead_the_proof(at: Timeline) -> None:
    s = at.subscribe()
    _, second = at.publishes(2)
    at.deliver(s, second)
    (violation,) = at.judge()
    diagram = drawn(at, violation)
    assert weights(diagram) == [
        ("subscribe s1", "evidence"),
        ("#1 task.created", "offence"),
        ("#2 task.created", "evidence"),
        ("#2", "evidence"),
    ]
    assert diagram.rows[1].style == "lost"
    assert diagram.bars[0].top == diagram.rows[0].y


def test_a_wait_in_vain_is_marked_where_it_happened(at: Timeline) -> None:
    s = at.subscribe()
    at.wait_in_vain(s, at.publish())
    (violation,) = at.judge()
    last = drawn(at, violation).rows[-1]
    assert (last.label, last.weight, last.style) == ("#1 missing", "offence", "missing")


def test_what_other_subscriptions_saw_is_left_out(at: Timeline) -> None:
    s = at.subscribe()
    other = at.subscribe(EventPattern.all(OTHER))
    foreign = at.publish(event(tenant_id=OTHER))
    mine = at.publish()
    at.deliver(other, foreign)
    at.deliver(s, mine, mine)
    (violation,) = at.judge()
    diagram = drawn(at, violation)
    assert "s2" not in {lane.name for lane in diagram.lanes}
    assert not any(row.label == "#1 task.created" for row in diagram.rows)


def test_a_subscription_that_left_while_the_event_was_published_has_its_lane(at: Timeline) -> None:
    staying = at.subscribe()
    cause = at.subscribe()
    lost = at.call()
    at.leave(cause)
    at.answer(lost)
    at.deliver(staying, at.publish())
    (violation,) = at.judge()
    diagram = drawn(at, violation)
    assert [lane.name for lane in diagram.lanes] == ["c1", "bus", "s1", "s2"]
    assert ("leave s2", "context") in weights(diagram)


def test_a_long_history_is_cut_around_the_breach(at: Timeline) -> None:
    s = at.subscribe()
    many = at.publishes(200)
    at.deliver(s, *many, many[150])
    (violation,) = at.judge()
    diagram = drawn(at, violation)
    shown = [row for row in diagram.rows if row.style != "gap"]
    gaps = [row for row in diagram.rows if row.style == "gap"]
    assert len(shown) == MOST_ROWS
    assert len(shown) + sum(int(row.label.split()[0]) for row in gaps) <= 402
    assert sum(row.weight == "offence" for row in shown) >= 1
    assert gaps


def test_faults_remarks_refusals_and_garbage_have_rows(at: Timeline) -> None:
    s = at.subscribe(KEY)
    window = at.fault()
    at.lift(window)
    at.over(window)
    at.history.remark("c2", "aclose()").result = "closed"
    at.purge()
    at.publish(token(1), outcome="refused").error = "InvalidEvent: no"
    at.deliver(s, object())
    at.leave(s)
    at.end(s, "raised", "KeyError")
    at.enter(ALL).error = "no"
    rows = drawn(at, Violation("failed", ("STR-01",), "x", "y")).rows
    styles = [row.style for row in rows]
    assert styles.count("fault") == 3
    assert {"note", "broken", "missing"} < set(styles)
    text = " ".join(row.detail for row in rows)
    for part in (
        "purge tenant ",
        "aclose() -> closed",
        "-> refused, InvalidEvent: no",
        "read <object",
        "KeyError",
    ):
        assert part in text
    assert any(row.label == "unknown" for row in rows)
    assert any("failed: no" in row.detail for row in rows)


def test_where_a_subscription_begins_is_told(at: Timeline) -> None:
    for since, text in ((START, ", since START"), ("7-a", ", since the cursor '7-a'"), (None, "")):
        s = at.subscribe(KEY)
        s.since = since
        (row,) = [one for one in steps(at.history, [s]) if one.opens]
        assert row.text.endswith(f"{text} -> active")
        assert (", since" in row.text) is bool(text)


def test_nothing_makes_no_diagram(at: Timeline) -> None:
    assert lay_out(at.history, Violation("failed", ("PUB-01",), "x", "y")) is None
