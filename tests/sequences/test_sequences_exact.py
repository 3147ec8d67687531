"""Exact runs: members that do not apply, timers, sources; and what gets out of an outage."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
import pytest

from eventhook_conformance.contract import FlovynEvent, StreamEvent
from eventhook_conformance.sequences import (
    Published,
    SequenceViolation,
    Untold,
    exact_scenario,
    scenarios,
)
from sequences.histories import Played

STEP_MS = 200_000


class ExactlyPlayed(Played):
    """A run held exactly, each event some minutes after the one before."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.scenario = exact_scenario(scenarios()[name].raw)
        self.order = list(self.scenario.events)
        self.events = [self._event(one, place * STEP_MS) for place, one in enumerate(self.order)]
        for one in self.order:
            wanted = one.snapshot.get("fireAtMs")
            if wanted is not None:
                due = (wanted.get("maybe") or wanted)["due"]
                started = self.place(f"{due['timer']}-started")
                told = self.events[started].timestamp_ms + due["delayMs"]
                self.change_data(one.label, fireAtMs=told)
        self.order = list(self.scenario.events)


@pytest.mark.parametrize("name", scenarios())
def test_right_runs_are_right(name: str) -> None:
    assert ExactlyPlayed(name).check() == []


def found(name: str, label: str, **members: Any) -> list[SequenceViolation]:
    played = ExactlyPlayed(name)
    place = played.place(label)
    data = {**played.events[place].data, **members}
    played.change(label, data=data)
    return played.check()


@pytest.mark.parametrize(
    ("label", "members", "charged", "said"),
    [
        ("charge-started-2", {"error": "no answer within 3 s"}, "LIF-13", "does not apply"),
        ("main-started", {"suspendType": None}, "LIF-13", "and not null"),
        ("main-resumed", {"suspendType": "task"}, "LIF-06", "does not apply"),
        ("charge-started", {"workerId": "w3"}, "LIF-13", "data.workerId = 'w2'"),
        ("charge-failed-2", {"error": "no answer within 3 s"}, "LIF-13", "connection refused"),
        ("charge-failed-2", {"error": "connection refused; card declined"}, "LIF-13", "refused"),
        ("charge-failed", {"error": None}, "LIF-13", "no answer"),
        ("charge-started", {"worker_id": "w2"}, "LIF-13", "with data.workerId, spelled so"),
        ("main-failed", {"parentWorkflowExecutionId": "x"}, "LIF-03", "does not apply"),
    ],
)
def test_a_member_that_is_not_right_is_named(
    label: str, members: dict[str, Any], charged: str, said: str
) -> None:
    findings = found("errors-differ", label, **members)
    assert findings
    assert charged in {one for finding in findings for one in finding.requirements}
    assert any(said in finding.expected for finding in findings)


@pytest.mark.parametrize(
    "members", [{"region": "eu"}, {"error": {"text": "no answer within 3 s", "code": 7}}]
)
def test_more_may_be_told(members: dict[str, Any]) -> None:
    assert found("errors-differ", "charge-failed", **members) == []


def test_a_worker_of_another_run_is_no_source() -> None:
    played = ExactlyPlayed("errors-differ")
    played.change("charge-started", source="worker:w9")
    finding = next(one for one in played.check() if one.kind == "source")
    assert "from `worker:w2`" in finding.expected


@pytest.mark.parametrize("label", ["nap-started", "nap-fired"])
def test_a_timer_is_due_when_it_was_said_to_be(label: str) -> None:
    played = ExactlyPlayed("timer-fires")
    due = played.events[played.place("nap-started")].data["fireAtMs"]
    findings = found("timer-fires", label, fireAtMs=due + 50_000)
    assert {"LIF-14"} <= {one for finding in findings for one in finding.requirements}


def published(played: Played, *lost: str, twins: tuple[str, ...] = ()) -> Published:
    gone = {played.events[played.place(label)].id for label in lost}
    twinless: set[UUID] = {played.events[played.place(label)].id for label in twins}
    streams: dict[str, list[StreamEvent]] = {}
    everything = played.events
    played.events = [event for event in everything if event.id not in twinless]
    streams = played.streams()
    played.events = everything
    out: list[FlovynEvent] = [event for event in everything if event.id not in gone]
    return Published(everything, out, streams)


def test_what_got_out_is_not_missed() -> None:
    played = ExactlyPlayed("task-succeeds")
    untold = Untold(played.scenario, played.ids, published(played))
    assert list(untold.check((), ())) == []
    assert 0 in untold.failures


def test_what_did_not_get_out_is_excused_by_its_step_alone() -> None:
    played = ExactlyPlayed("task-succeeds")
    untold = Untold(
        played.scenario,
        played.ids,
        published(played, "charge-started", twins=("charge-completed",)),
    )
    assert list(untold.check({"run"}, {"end-task"})) == []
    labels = [finding.expected for finding in untold.check((), ())]
    assert [one.partition(" (")[0] for one in labels] == [
        "charge-started",
        "the older form of charge-completed",
    ]
    assert untold.failures.start == 2
    assert 1 not in untold.failures


def test_what_got_out_twice_is_told() -> None:
    played = ExactlyPlayed("task-succeeds")
    right = published(played)
    again = msgspec.structs.replace(right.events[3])
    twice = Published(right.tried, [*right.events, again], right.streams)
    (finding,) = Untold(played.scenario, played.ids, twice).check((), ())
    assert finding.seen == "it was published 2 times"
