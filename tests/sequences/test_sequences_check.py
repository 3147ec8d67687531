"""Corrupted histories: each is found, and charged to the right requirement."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import msgspec
import pytest

from eventhook_conformance.sequences import Ids, check, match, scenarios
from eventhook_conformance.sequences.finding import SequenceViolation
from sequences.histories import NOW, Played


def the_only(findings: list[SequenceViolation], kind: str) -> SequenceViolation:
    assert [finding.kind for finding in findings] == [kind], findings
    return findings[0]


def kinds(findings: list[SequenceViolation]) -> set[str]:
    return {finding.kind for finding in findings}


@pytest.mark.parametrize("name", scenarios())
def test_every_order_that_causality_allows_is_right(name: str) -> None:
    for seed in range(40):
        assert Played(name, seed).check() == []


@pytest.mark.parametrize("name", scenarios())
def test_the_creation_of_the_root_may_be_missing(name: str) -> None:
    played = Played(name)
    played.drop(next(one.label for one in scenarios()[name].events if one.optional))
    assert played.check() == []


@pytest.mark.parametrize("name", scenarios())
def test_every_broken_edge_is_named(name: str) -> None:
    for first, second in scenarios()[name].edges():
        played = Played(name)
        played.swap(first.label, second.label)
        broken = [finding for finding in played.check() if finding.kind == "broken-edge"]
        said = f"{first.label} ({first.type} of {first.place}) before {second.label} ("
        assert any(finding.expected.startswith(said) for finding in broken)
        assert all(finding.requirements == ("LIF-01",) for finding in broken)


@pytest.mark.parametrize("name", scenarios())
def test_every_missing_event_is_named_and_nothing_else(name: str) -> None:
    for expected in scenarios()[name].required:
        played = Played(name)
        played.drop(expected.label)
        finding = the_only(played.check(), "missing")
        assert finding.expected.startswith(f"{expected.label} ({expected.type} of ")
        assert finding.requirements[0] == "LIF-01"
        resumed = expected.type in ("workflow.suspended", "workflow.resumed")
        assert ("LIF-06" in finding.requirements) is resumed
        assert ("LIF-07" in finding.requirements) is (expected.category == "child_workflow")


def test_an_edge_holds_where_the_event_between_is_missing() -> None:
    played = Played("task-succeeds")
    played.drop("task-started")
    played.swap("task-created", "task-completed")
    broken = [finding for finding in played.check() if finding.kind == "broken-edge"]
    assert any(
        "task-created" in one.expected and "task-completed" in one.expected for one in broken
    )


@pytest.mark.parametrize("same_id", [True, False])
def test_a_repeat_is_found_with_the_same_id_or_another(same_id: bool) -> None:
    played = Played("task-retries")
    again = played.events[played.place("task-started-1")]
    if not same_id:
        again = msgspec.structs.replace(again, id=uuid4())
    played.events.insert(played.place("task-started-1") + 1, again)
    finding = the_only(played.check(), "repeated")
    assert finding.requirements == ("LIF-01",)
    assert finding.expected == "task-started-1 exactly once"
    assert "[task.started]" in finding.seen


def test_something_else_is_found() -> None:
    played = Played("workflow-fails")
    other = msgspec.structs.replace(played.events[-1], id=uuid4(), event_type="workflow.completed")
    played.events.insert(1, other)
    finding = the_only(played.check(), "extra")
    assert finding.requirements == ("LIF-02",)
    assert "workflow.completed" in finding.seen


def test_what_comes_after_the_end_is_found() -> None:
    played = Played("workflow-fails")
    played.events.append(
        msgspec.structs.replace(played.events[-1], id=uuid4(), event_type="workflow.completed")
    )
    findings = played.check()
    assert kinds(findings) == {"extra", "after-end"}
    assert {finding.requirements for finding in findings} == {("LIF-02",)}
    assert "more came" in findings[-1].seen


@pytest.mark.parametrize(
    ("name", "label", "members", "also"),
    [
        ("task-succeeds", "task-created", {"task_execution_id": None}, ()),
        ("task-succeeds", "task-created", {"workflow_execution_id": uuid4()}, ()),
        ("child-fails", "child-started", {"workflow_execution_id": uuid4()}, ("LIF-07",)),
        ("child-fails", "child-initiated", {"workflow_execution_id": uuid4()}, ("LIF-07",)),
        ("standalone-task", "task-started", {"workflow_execution_id": uuid4()}, ("LIF-09",)),
    ],
)
def test_another_id_is_found(
    name: str, label: str, members: dict[str, Any], also: tuple[str, ...]
) -> None:
    played = Played(name)
    played.change(label, **members)
    finding = the_only(played.check(), "misfiled")
    assert finding.requirements == ("LIF-03", *also)
    assert finding.expected.startswith(label)


def test_a_child_filed_under_its_parent_is_found() -> None:
    played = Played("child-succeeds")
    for label in ("child-created", "child-started", "child-completed"):
        played.change(label, workflow_execution_id=played.ids.workflows["main"])
    findings = played.check()
    assert kinds(findings) == {"misfiled"}
    assert [finding.expected.split(" ")[0] for finding in findings] == [
        "child-created",
        "child-started",
        "child-completed",
    ]


def test_another_tenant_is_found() -> None:
    played = Played("signal")
    played.change("resumed", tenant_id=uuid4())
    assert the_only(played.check(), "misfiled").requirements == ("LIF-03",)


@pytest.mark.parametrize(
    ("label", "source"),
    [
        ("started", ""),
        ("started", "worker"),
        ("started", "worker:"),
        ("started", "SYSTEM"),
        ("started", "user:ada"),
        ("task-started", "system"),
        ("created", "worker:w1"),
    ],
)
def test_a_wrong_source_is_found(label: str, source: str) -> None:
    played = Played("task-succeeds")
    played.change(label, source=source)
    assert the_only(played.check(), "source").requirements == ("LIF-03",)


def test_a_source_that_is_not_the_worker_of_the_snapshot_is_found() -> None:
    played = Played("task-succeeds")
    played.change_data("task-started", workerId="w9")
    assert "w9" in the_only(played.check(), "source").expected


@pytest.mark.parametrize(
    ("name", "label", "members", "also"),
    [
        ("task-succeeds", "started", {"status": "PENDING"}, ()),
        ("task-succeeds", "started", {"kind": "other"}, ()),
        ("task-succeeds", "started", {"kind": None}, ()),
        ("task-succeeds", "started", {"id": "x"}, ()),
        ("task-succeeds", "task-started", {"executionCount": 0}, ()),
        ("task-succeeds", "task-started", {"executionCount": True}, ()),
        ("task-succeeds", "suspended", {"suspendType": None}, ("LIF-06",)),
        ("task-succeeds", "suspended", {"suspendType": "signal"}, ("LIF-06",)),
        ("task-retries", "task-started-2", {"executionCount": 1}, ("LIF-08",)),
        ("task-retries", "task-failed-1", {"status": "FAILED"}, ("LIF-08",)),
        ("task-fails", "task-failed-2", {"status": "PENDING"}, ("LIF-08",)),
        ("task-fails", "task-failed-2", {"error": None}, ()),
        ("child-fails", "child-created", {"parentWorkflowExecutionId": None}, ("LIF-07",)),
        ("child-fails", "child-created", {"id": "x"}, ("LIF-07",)),
        ("child-fails", "child-initiated", {"childWorkflowId": "x"}, ("LIF-07",)),
        ("child-fails", "parent-saw-child-failed", {"status": "RUNNING"}, ()),
        ("timer-fires", "timer-fired", {"timerId": "another"}, ()),
        ("timer-fires", "timer-started", {"fireAtMs": "soon"}, ()),
        ("promise-resolved", "promise-resolved", {"result": {"approved": 1}}, ()),
        ("state", "state-set-1", {"value": False}, ()),
        ("operation", "operation-completed", {"result": None}, ()),
    ],
)
def test_a_wrong_snapshot_is_found(
    name: str, label: str, members: dict[str, Any], also: tuple[str, ...]
) -> None:
    played = Played(name)
    played.change_data(label, **members)
    finding = the_only(played.check(), "snapshot")
    assert finding.requirements == ("LIF-03", *also)
    (member,) = members
    assert finding.expected.startswith(label)
    assert f"data.{member}" in finding.expected


def test_more_than_a_snapshot_asks_for_is_right() -> None:
    played = Played("child-fails")
    played.change_data("started", region="eu", queue="default")
    played.change_data("parent-saw-child-failed", status=None, error=None)
    assert played.check() == []


@pytest.mark.parametrize("data", [None, [], "text", 1])
def test_data_that_is_no_snapshot_is_found(data: Any) -> None:
    played = Played("signal")
    played.change("started", data=data)
    assert the_only(played.check(), "snapshot").requirements == ("LIF-03",)


def test_times_in_another_unit_are_found() -> None:
    played = Played("timer-fires")
    for one in list(played.order):
        played.change(
            one.label, timestamp_ms=played.events[played.place(one.label)].timestamp_ms // 1000
        )
    findings = played.check()
    assert all(finding.requirements == ("LIF-05",) for finding in findings)
    assert sum("in milliseconds" in finding.expected for finding in findings) == len(played.order)


def test_a_time_of_firing_in_another_unit_is_found() -> None:
    played = Played("timer-cancelled")
    played.change_data("timer-started", fireAtMs=NOW // 1000)
    assert "data.fireAtMs" in the_only(played.check(), "time").expected


def test_times_that_run_backwards_are_found() -> None:
    played = Played("task-succeeds")
    played.change("task-started", timestamp_ms=NOW - 5)
    finding = the_only(played.check(), "time")
    assert finding.requirements == ("LIF-05",)
    assert finding.expected.startswith("task-started")
    assert "earlier" in finding.seen


def test_times_of_unrelated_events_may_be_in_any_order() -> None:
    played = Played("tasks-in-parallel")
    played.change("task-started-pack", timestamp_ms=NOW + 500)
    played.change("task-completed-pack", timestamp_ms=NOW + 500)
    for label in ("resumed", "completed"):
        played.change(label, timestamp_ms=NOW + 900)
    assert played.check() == []


def test_a_timer_that_fires_early_is_found() -> None:
    played = Played("timer-fires")
    played.change_data("timer-started", fireAtMs=NOW + 60_000)
    assert "not before its time" in the_only(played.check(), "time").expected


def test_ids_that_the_execution_does_not_tell_are_found() -> None:
    played = Played("signal")
    findings = check(played.scenario, Ids(played.ids.tenant), played.events, now_ms=NOW)
    assert "unnamed" in kinds(findings)


def test_nothing_at_all_is_all_missing() -> None:
    played = Played("signal")
    findings = check(played.scenario, played.ids, [], now_ms=NOW)
    assert [finding.kind for finding in findings] == ["missing"] * len(played.scenario.required)
    assert findings[0].seen.endswith("nothing")


def test_a_match_says_what_is_which() -> None:
    played = Played("tasks-in-parallel", seed=3)
    found = match(played.scenario, played.ids, played.events)
    assert found.found == {one.label: place for place, one in enumerate(played.order)}
    assert not found.missing
    assert not found.extra
