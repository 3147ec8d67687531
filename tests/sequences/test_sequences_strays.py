"""Schedules of several runs, and events of one run that came to another."""

from __future__ import annotations

import msgspec

from eventhook_conformance.sequences import Observed, check_strays, interleavings
from sequences.histories import Played, twin


def observed(played: Played) -> Observed:
    return Observed(played.ids, played.events, played.streams())


def test_at_every_step_another_run_stands_before_it_and_behind_it() -> None:
    steps = ["a", "b", "c"]
    first, second = interleavings(steps)
    for schedule in (first, second):
        assert [one.step for one in schedule] == steps
    assert {one.order for one in first} == {(0, 1, 2)}
    assert {one.order for one in second} == {(2, 1, 0)}
    for one, other in zip(first, second, strict=True):
        assert one.at_once is not other.at_once


def test_runs_that_keep_to_themselves_show_nothing() -> None:
    assert list(check_strays([observed(Played("grandchild")) for _ in range(3)])) == []


def test_an_event_of_another_run_is_a_stray() -> None:
    one, other = Played("task-succeeds"), Played("task-succeeds")
    one.events.append(other.events[2])
    ((number, finding),) = check_strays([observed(other), Observed(one.ids, one.events, {})])
    assert number == 1
    assert finding.requirements == ("LIF-11",)
    assert finding.seen.startswith("task.created of it came to")


def test_a_snapshot_of_another_run_is_a_stray() -> None:
    one, other = Played("task-succeeds"), Played("task-succeeds")
    one.change("completed", data=other.events[-1].data)
    found = {number for number, _ in check_strays([observed(one), observed(other)])}
    assert found == {0}


def test_an_older_form_of_another_run_is_a_stray() -> None:
    one, other = Played("task-succeeds"), Played("task-succeeds")
    shown = observed(one)
    (key,) = shown.streams
    streams = {key: [*shown.streams[key], twin(other.events[0])]}
    found = list(check_strays([Observed(one.ids, one.events, streams), observed(other)]))
    assert [number for number, _ in found] == [0]
    assert "the older WORKFLOW_CREATED of it" in found[0][1].seen


def test_a_nameless_older_form_is_known_by_what_it_equals() -> None:
    one, other = Played("state"), Played("state")
    other.change_data("state-set-1", value=77)
    shown = observed(one)
    (key,) = shown.streams
    misplaced = twin(other.events[other.place("state-set-1")])
    streams = {key: [*shown.streams[key], misplaced]}
    found = list(check_strays([Observed(one.ids, one.events, streams), observed(other)]))
    assert [number for number, _ in found] == [0]


def test_output_of_another_run_is_a_stray() -> None:
    one, other = Played("task-streams"), Played("task-streams")
    shown = observed(one)
    (key,) = shown.streams
    output = next(
        event for event in next(iter(other.streams().values())) if event.event_type == "TOKEN"
    )
    moved = msgspec.structs.replace(output, workflow_execution_id=key)
    streams = {key: [*shown.streams[key], moved]}
    found = list(check_strays([Observed(one.ids, one.events, streams), observed(other)]))
    assert [finding.seen for _, finding in found] == [
        f"a piece of its output came to {one.ids.tenant}"
    ]
