"""Events of the engine, sent to another process: each report of them is the same."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from checker.builder import Timeline, event
from eventhook_conformance.checker import Violation
from eventhook_conformance.contract import FlovynEvent
from eventhook_conformance.engine.event_decoding import decode, decode_case
from eventhook_conformance.engine.event_encoding import encode, encode_case
from eventhook_conformance.engine.events import (
    CaseFinished,
    CaseGoesOn,
    CaseStarted,
    EngineEvent,
    ResultRevised,
    RunFinished,
    RunStarted,
)
from eventhook_conformance.history import Delivery, Moment
from eventhook_conformance.report.console import body, header, summary, verdict
from eventhook_conformance.report.formats import FORMATS
from eventhook_conformance.report.showing import diagram_of, evidence_of, lines_of
from eventhook_conformance.results import CaseResult, RunResult
from report import made


def crossed(result: RunResult) -> RunResult:
    """Returns a run's result after its events have crossed as JSON."""
    events: list[EngineEvent] = [RunStarted("run", len(result.cases))]
    for case in result.cases:
        events += [CaseStarted("run", case.id), CaseGoesOn("run", case.id)]
        events.append(CaseFinished("run", case))
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


def test_a_case_crosses_with_its_evidence_in_place_of_its_history() -> None:
    case = made.failed(Timeline())
    arrived = case_crossed(case)
    assert arrived.evidence == evidence_of(case)
    assert arrived == replace(case, history=None, evidence=arrived.evidence)


def test_diagrams_cross_where_they_are_asked_for_alone() -> None:
    case = made.failed(Timeline())
    arrived = decode_case(json.loads(msgspec.json.encode(encode_case(case, drawn=False))))
    assert evidence_of(case, drawn=False) == arrived.evidence
    assert diagram_of(arrived, arrived.violations[0]) is None
    assert diagram_of(case, case.violations[0]) is not None


def test_a_long_history_crosses_as_the_few_lines_that_show_its_breach() -> None:
    at = Timeline()
    subscription = at.subscribe()
    at.deliver(subscription, *at.publishes(5000))
    assert len(msgspec.json.encode(encode_case(made.failed(at)))) < 50_000


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
    """Text that raises in each of its methods."""

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


RAISES = Raises(
    id=uuid4(), tenant_id=uuid4(), event_type="a", source="b", data=None, timestamp_ms=0
)


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
        (Liar("x"), "<a Liar that cannot be printed: RuntimeError>"),
        (math.nan, "nan"),
        ("\ud800", "'\\ud800'"),
        ({1: {2, 3}}, "{1: {2, 3}}"),
        (uuid4, "<function uuid4"),
        (holding(deep()), "a.b, tenant 00000000, data <a list that cannot be printed"),
        (holding(Liar("x")), "a.b, tenant 00000000, data <a Liar that cannot be printed"),
        (holding("x" * 1_000_000), "a.b, tenant 00000000, data 'xxxx"),
        (holding([0] * 1_000_000), "a.b, tenant 00000000, data [0, 0"),
        (holding({"a": [1.5, None]}), "a.b, tenant 00000000, data {'a': [1.5, None]}"),
        (holding("\ud800"), "a.b, tenant 00000000, data '\\ud800'"),
        (RAISES, "Raises(id=UUID("),
    ],
    ids=[
        *("none", "int", "class", "bytes", "liar", "nan", "surrogate", "dict", "function"),
        *("deep", "holds-liar", "long", "many", "plain", "holds-surrogate", "raises"),
    ],
)
def test_whatever_is_delivered_crosses_as_the_text_that_shows_it(
    delivered: object, shown: str
) -> None:
    at = Timeline()
    subscription = at.subscribe()
    subscription.deliveries.append(Delivery(delivered, Moment(90, 1.0), Moment(91, 1.1)))
    breach = Violation("failed", ("PUB-01",), "x", "y", tuple(subscription.deliveries))
    case = replace(made.failed(Timeline()), history=at.history, violations=(breach,))
    encoded = msgspec.json.encode(encode_case(case))
    assert len(encoded) < 5_000
    (line,) = lines_of(decode_case(json.loads(encoded)))
    assert line.partition(" read ")[2].startswith(shown)
