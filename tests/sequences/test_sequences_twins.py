"""Older forms and output made wrong by hand: each is found, and charged where it belongs."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from eventhook_conformance.contract import StreamEvent, StreamEventType
from eventhook_conformance.sequences import (
    SequenceViolation,
    check_twins,
    match,
    scenarios,
    twin_in,
)
from sequences.histories import Played, twin

Change = Callable[[dict[str, list[StreamEvent]]], object]


def only(findings: list[SequenceViolation], kind: str, *requirements: str) -> SequenceViolation:
    assert [(one.kind, one.requirements) for one in findings] == [(kind, requirements)], findings
    return findings[0]


@pytest.mark.parametrize("name", scenarios())
def test_right_streams_are_right(name: str) -> None:
    for seed in range(5):
        played = Played(name, seed)
        assert played.check_twins() == []
        assert played.check_output() == []


def test_streams_that_were_not_read_are_not_judged() -> None:
    played = Played("child-succeeds")
    child = str(played.ids.workflows["child"])
    assert played.check_twins(lambda streams: streams.pop(child)) == []


def test_a_missing_twin_is_found() -> None:
    played = Played("signal")
    key = str(played.ids.workflows["main"])
    finding = only(played.check_twins(lambda s: s[key].pop(2)), "twin-missing", "LIF-04")
    assert "workflow.suspended" in finding.expected


def test_the_twin_of_the_creation_of_the_root_may_be_missing() -> None:
    played = Played("signal")
    key = str(played.ids.workflows["main"])
    assert played.check_twins(lambda s: s[key].pop(0)) == []


def test_a_second_twin_is_found() -> None:
    played = Played("signal")
    key = str(played.ids.workflows["main"])
    only(played.check_twins(lambda s: s[key].append(s[key][2])), "twin-repeated", "LIF-04")


def test_a_twin_without_its_event_is_found() -> None:
    played = Played("signal")
    key = str(played.ids.workflows["main"])
    lost = played.drop("resumed")
    finding = only(played.check_twins(lambda s: s[key].append(twin(lost))), "twin-alone", "LIF-04")
    assert "WORKFLOW_RESUMED" in finding.expected


def test_a_wrong_name_is_found() -> None:
    played = Played("child-fails")
    streams = played.streams()
    played.change("parent-saw-child-failed", event_type="child.workflow.failed")
    found = match(played.scenario, played.ids, played.events)
    finding = only(list(check_twins(found, streams)), "twin-named", "LIF-04")
    assert finding.expected == "CHILD_WORKFLOW_FAILED to be child_workflow.failed"
    assert finding.seen == "child.workflow.failed"


@pytest.mark.parametrize(
    ("member", "value", "said"),
    [
        ("timestampMs", 1, "timestampMs"),
        ("data", {"id": "x"}, "data"),
    ],
)
def test_a_twin_with_other_content_is_found(member: str, value: object, said: str) -> None:
    played = Played("signal")
    key = str(played.ids.workflows["main"])

    def change(streams: dict[str, list[StreamEvent]]) -> None:
        streams[key][3] = twin(played.events[3], **{member: value})

    assert f"with {said} =" in only(played.check_twins(change), "twin-differs", "LIF-04").expected


@pytest.mark.parametrize(
    ("member", "value"), [("timestamp_ms", 1), ("task_execution_id", "x"), ("sequence", 7)]
)
def test_a_twin_with_another_envelope_is_found(member: str, value: object) -> None:
    played = Played("signal")
    key = str(played.ids.workflows["main"])

    def change(streams: dict[str, list[StreamEvent]]) -> None:
        streams[key][3] = msgspec.structs.replace(streams[key][3], **{member: value})

    assert member in only(played.check_twins(change), "twin-differs", "LIF-04").expected


@pytest.mark.parametrize("payload", ["", "{", "[]", "null", '{"type":"event"}', '{"words":2}'])
def test_output_is_no_twin(payload: str) -> None:
    event = msgspec.structs.replace(twin(Played("signal").events[0]), payload=payload)
    assert twin_in(event) is None
    assert twin_in(msgspec.structs.replace(event, event_type=StreamEventType.TOKEN)) is None


def output_of(played: Played) -> tuple[str, list[int]]:
    """Returns the key of the streaming task's stream, and the places of its output there."""
    ((key, stream),) = played.streams().items()
    return key, [place for place, one in enumerate(stream) if twin_in(one) is None]


@pytest.mark.parametrize(
    ("name", "charged"),
    [("task-streams", ("LIF-12",)), ("standalone-task", ("LIF-12", "LIF-09"))],
)
def test_missing_repeated_and_disordered_output_is_found(
    name: str, charged: tuple[str, ...]
) -> None:
    played = Played(name)
    key, places = output_of(played)

    def lose(streams: dict[str, list[StreamEvent]]) -> None:
        del streams[key][places[1]]

    def repeat(streams: dict[str, list[StreamEvent]]) -> None:
        streams[key].insert(places[1], streams[key][places[1]])

    def disorder(streams: dict[str, list[StreamEvent]]) -> None:
        stream = streams[key]
        stream[places[0]], stream[places[1]] = stream[places[1]], stream[places[0]]

    changes: list[Change] = [lose, repeat, disorder]
    for change in changes:
        only(played.check_output(change), "output", *charged)


def test_output_before_the_start_and_after_the_end_is_found() -> None:
    played = Played("task-streams")
    key, places = output_of(played)
    finding = only(
        played.check_output(lambda s: s[key].insert(0, s[key].pop(places[0]))), "output", "LIF-12"
    )
    assert finding.seen == "it came before the older TASK_STARTED"
    finding = only(
        played.check_output(lambda s: s[key].append(s[key].pop(places[-1]))), "output", "LIF-12"
    )
    assert finding.seen == "it came after the task's end"
