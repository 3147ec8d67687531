"""Events of the engine cross to another process whole: every report of them reads the same."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from checker.builder import Timeline, event
from eventhook_conformance.contract import START, FlovynEvent, StreamEvent, StreamEventType
from eventhook_conformance.engine.event_decoding import decode, decode_case
from eventhook_conformance.engine.event_encoding import encode, encode_case
from eventhook_conformance.engine.events import (
    CaseFinished,
    CaseStarted,
    EngineEvent,
    ResultRevised,
    RunFinished,
    RunStarted,
)
from eventhook_conformance.history import Delivery, Moment
from eventhook_conformance.report.console import body, header, summary, verdict
from eventhook_conformance.report.formats import FORMATS
from eventhook_conformance.report.steps import event_text
from eventhook_conformance.results import CaseResult, RunResult
from report import made


def crossed(result: RunResult) -> RunResult:
    """A run's result after its events have crossed as JSON."""
    events: list[EngineEvent] = [RunStarted("run", len(result.cases))]
    for case in result.cases:
        events += [CaseStarted("run", case.id), CaseFinished("run", case)]
    events.append(RunFinished("run", result))
    arrived = RunResult(
        target="", capabilities=result.capabilities, settings=result.settings, invoked_as=""
    )
    for one in events:
        decoded = decode(json.loads(msgspec.json.encode(encode(one))), arrived)
        assert type(decoded) is type(one)
    return arrived


def case_crossed(case: CaseResult) -> CaseResult:
    return decode_case(json.loads(msgspec.json.encode(encode_case(case))))


@pytest.mark.parametrize("name", FORMATS)
def test_each_report_reads_the_same(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eventhook_conformance.report.ctrf.time.time", lambda: 0.0)
    result = made.of_everything()
    assert FORMATS[name].render([crossed(result)]) == FORMATS[name].render([result])


def test_the_console_reads_the_same() -> None:
    result = made.of_everything()
    arrived = crossed(result)
    for printed in (header, body, summary):
        assert list(printed(arrived)) == list(printed(result))
    assert verdict(arrived) == verdict(result)


def test_entries_that_a_breach_names_are_those_of_its_history() -> None:
    case = made.failed(Timeline())
    arrived = case_crossed(case)
    assert arrived.history is not None
    assert arrived.violations[0].entries
    inside = [
        *arrived.history.publishes,
        *arrived.history.subscriptions,
        *(one for sub in arrived.history.subscriptions for one in (*sub.deliveries, *sub.waited)),
    ]
    for violation in arrived.violations:
        for entry in violation.entries:
            assert any(entry is one for one in inside)
    assert arrived == replace(case, history=arrived.history, violations=arrived.violations)


def test_where_a_subscription_began_and_what_was_purged_cross() -> None:
    at = Timeline()
    at.subscribe().since = START
    at.subscribe().since = "7-a"
    at.purge()
    arrived = case_crossed(made.failed(at))
    assert arrived.history is not None
    assert [one.since for one in arrived.history.subscriptions[:2]] == [START, "7-a"]
    assert [one.scope for one in arrived.history.purges] == [one.scope for one in at.history.purges]


def test_a_revised_result_takes_the_place_of_the_first() -> None:
    result = made.result()
    first, other = made.passed("PUB-01"), made.passed("PUB-02")
    for one in (first, other):
        decode(encode(CaseFinished("run", one)), result)
    after = replace(first, outcome="failed", message="late")
    revised = decode(encode(ResultRevised("run", first, after)), result)
    assert revised == ResultRevised("run", first, after)
    assert result.cases == [after, other]


class Liar(str):
    """Text that raises for whatever is asked of it."""

    __slots__ = ()

    def __str__(self) -> str:
        raise RuntimeError("no text")

    def __repr__(self) -> str:
        raise RuntimeError("no repr")

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("no comparison")

    __hash__ = str.__hash__


class Raises(FlovynEvent, frozen=True):
    """An event whose members cannot be read."""

    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError("no members")


def deep() -> list[Any]:
    found: list[Any] = []
    for _ in range(100_000):
        found = [found]
    return found


def holding(value: Any) -> FlovynEvent:
    return msgspec.structs.replace(event("a.b"), data=value)


@pytest.mark.parametrize(
    ("delivered", "shown"),
    [
        (None, "None"),
        (1 << 20_000, "<a int that cannot be printed: ValueError>"),
        (object, "<class 'object'>"),
        (b"\xff", "b'\\xff'"),
        (Liar("x"), "'x'"),
        (math.nan, "nan"),
        ("\ud800", "'\\ud800'"),
        ({1: {2, 3}}, "{1: {2, 3}}"),
        (uuid4, "<function uuid4"),
    ],
    ids=["none", "int", "class", "bytes", "liar", "nan", "surrogate", "dict", "function"],
)
def test_whatever_is_delivered_crosses_as_its_text(delivered: object, shown: str) -> None:
    at = Timeline()
    subscription = at.subscribe()
    subscription.deliveries.append(Delivery(delivered, Moment(90, 1.0), Moment(91, 1.1)))
    arrived = case_crossed(replace(made.failed(Timeline()), history=at.history)).history
    assert arrived is not None
    (delivery,) = arrived.subscriptions[0].deliveries
    assert repr(delivery.event).startswith(shown)
    assert event_text(delivery.event)


@pytest.mark.parametrize(
    "value",
    [
        deep(),
        Liar("x"),
        "x" * 1_000_000,
        [0] * 1_000_000,
        {"a": {"b": [1.5, None, True]}},
        object(),
    ],
    ids=["deep", "liar", "long", "many", "plain", "object"],
)
def test_whatever_an_event_holds_crosses(value: Any) -> None:
    at = Timeline()
    at.subscribe().deliveries.append(Delivery(holding(value), Moment(90, 1.0), Moment(91, 1.1)))
    encoded = msgspec.json.encode(encode_case(replace(made.failed(Timeline()), history=at.history)))
    assert len(encoded) < 50_000
    history = decode_case(json.loads(encoded)).history
    assert history is not None
    found = history.subscriptions[0].deliveries[0].event
    assert type(found) is FlovynEvent
    if isinstance(value, dict):
        assert found.data == value


def test_an_event_whose_members_raise_crosses_as_text() -> None:
    broken = Raises(
        id=uuid4(), tenant_id=uuid4(), event_type="a", source="b", data=None, timestamp_ms=0
    )
    at = Timeline()
    at.subscribe().deliveries.append(Delivery(broken, Moment(90, 1.0), Moment(91, 1.1)))
    history = case_crossed(replace(made.failed(Timeline()), history=at.history)).history
    assert history is not None
    assert repr(history.subscriptions[0].deliveries[0].event).startswith("Raises(id=UUID(")


def test_stream_events_keep_their_kind() -> None:
    one = StreamEvent(
        task_execution_id="t",
        workflow_execution_id="w",
        sequence=1,
        event_type=StreamEventType.TOKEN,
        payload="p",
        timestamp_ms=1,
    )
    at = Timeline()
    at.subscribe().deliveries.append(Delivery(one, Moment(90, 1.0), Moment(91, 1.1)))
    history = case_crossed(replace(made.failed(Timeline()), history=at.history)).history
    assert history is not None
    found = history.subscriptions[0].deliveries[0].event
    assert found == one
    assert type(found.event_type) is StreamEventType
