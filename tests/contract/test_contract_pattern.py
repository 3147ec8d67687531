"""Patterns: the events that they select, their validity and their wire form."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any
from uuid import UUID, uuid4

import jsonschema
import pytest

import eventhook_fixtures
from eventhook_conformance.contract import (
    EventPattern,
    FlovynEvent,
    InvalidPattern,
    StreamingError,
)

TENANT, WORKFLOW, TASK = UUID(int=0xA1), UUID(int=0xA2), UUID(int=0xA3)
PREFIXES = eventhook_fixtures.load("prefixes")
TABLE = eventhook_fixtures.load("patterns")["vectors"]
FULL = EventPattern(
    tenant_id=TENANT,
    workflow_execution_id=WORKFLOW,
    task_execution_id=TASK,
    event_type_prefix="task",
    source="système",
)


def test_patterns_are_built_by_keyword_and_immutable() -> None:
    with pytest.raises(TypeError):
        EventPattern(TENANT)  # type: ignore[call-arg]
    with pytest.raises(AttributeError):
        FULL.source = "x"  # type: ignore[misc]


def test_the_four_ways_to_make_one() -> None:
    assert EventPattern.all(TENANT) == EventPattern(tenant_id=TENANT)
    assert EventPattern.for_workflow(TENANT, WORKFLOW) == EventPattern(
        tenant_id=TENANT, workflow_execution_id=WORKFLOW
    )
    assert EventPattern.for_task(TENANT, TASK) == EventPattern(
        tenant_id=TENANT, task_execution_id=TASK
    )
    assert EventPattern.by_type(TENANT, "task") == EventPattern(
        tenant_id=TENANT, event_type_prefix="task"
    )


def test_constructors_do_not_validate() -> None:
    EventPattern.by_type(TENANT, "")
    EventPattern(tenant_id=None)  # type: ignore[arg-type]


@pytest.mark.parametrize("vector", TABLE, ids=[vector["name"] for vector in TABLE])
def test_the_decision_table(vector: dict[str, Any]) -> None:
    ids = {symbol: uuid4() for symbol in ("own", "other", "W1", "W2", "T1", "T2")}
    asked, sent = vector["pattern"], vector["event"]

    def known(value: str | None) -> Any:
        return ids.get(value, value) if value is not None else None

    pattern = EventPattern(
        tenant_id=known(asked["tenant"]),
        workflow_execution_id=known(asked["workflow"]),
        task_execution_id=known(asked["task"]),
        event_type_prefix=asked["prefix"],
        source=known(asked["source"]),
    )
    event = FlovynEvent(
        id=uuid4(),
        tenant_id=known(sent["tenant"]),
        workflow_execution_id=known(sent["workflow"]),
        task_execution_id=known(sent["task"]),
        event_type=sent["type"],
        source=known(sent["source"]),
        data=None,
        timestamp_ms=0,
    )
    assert pattern.matches(event) is vector["matches"]
    assert (pattern.missed_by(event) is None) is vector["matches"]


def test_the_filter_missed_is_named() -> None:
    event = FlovynEvent.new(TENANT, "task.x", "système", None)
    assert FULL.missed_by(event) == "workflow_execution_id"
    event = event.with_workflow(WORKFLOW)
    assert FULL.missed_by(event) == "task_execution_id"
    event = event.with_task(TASK)
    assert FULL.missed_by(event) is None
    assert EventPattern.all(WORKFLOW).missed_by(event) == "tenant_id"
    assert EventPattern.by_type(TENANT, "tas").missed_by(event) == "event_type_prefix"
    assert EventPattern(tenant_id=TENANT, source="").missed_by(event) == "source"


def test_the_wire_form() -> None:
    assert FULL.to_json().decode() == (
        '{"tenant_id":"00000000-0000-0000-0000-0000000000a1",'
        '"workflow_execution_id":"00000000-0000-0000-0000-0000000000a2",'
        '"task_execution_id":"00000000-0000-0000-0000-0000000000a3",'
        '"event_type_prefix":"task","source":"système"}'
    )
    assert json.loads(EventPattern.all(TENANT).to_json()) == {
        "tenant_id": str(TENANT),
        "workflow_execution_id": None,
        "task_execution_id": None,
        "event_type_prefix": None,
        "source": None,
    }


def test_the_schema_holds() -> None:
    for pattern in (FULL, EventPattern.all(TENANT)):
        jsonschema.validate(
            json.loads(pattern.to_json()), eventhook_fixtures.schema("event_pattern")
        )


@pytest.mark.parametrize("as_text", [True, False])
def test_reading(as_text: bool) -> None:
    written = FULL.to_json()
    assert EventPattern.from_json(written.decode() if as_text else written) == FULL


def test_reading_is_lenient_where_the_contract_says_so() -> None:
    written = {"tenant_id": str(TENANT).upper(), "more": [1]}
    assert EventPattern.from_json(json.dumps(written)) == EventPattern.all(TENANT)


@pytest.mark.parametrize(
    "text",
    [
        "",
        b"",
        "{",
        "null",
        "[]",
        "{}",
        b"\xff",
        '{"tenant_id":null}',
        '{"tenant_id":"x"}',
        f'{{"tenant_id":"{TENANT}","source":1}}',
        f'{{"tenant_id":"{TENANT}","event_type_prefix":""}}',
        f'{{"tenant_id":"{TENANT}","workflow_execution_id":"x"}}',
        f'{{"tenant_id":"{TENANT}","x":' + "[" * 100_000,
    ],
    ids=lambda text: ascii(text)[:40],
)
def test_what_is_no_pattern_is_refused(text: bytes | str) -> None:
    with pytest.raises(InvalidPattern) as caught:
        EventPattern.from_json(text)
    assert isinstance(caught.value, ValueError)
    assert isinstance(caught.value, StreamingError)


@pytest.mark.parametrize("vector", PREFIXES["valid"], ids=lambda v: ascii(v["value"])[:40])
def test_a_valid_prefix(vector: dict[str, str]) -> None:
    EventPattern.by_type(TENANT, vector["value"]).validate()


@pytest.mark.parametrize("vector", PREFIXES["invalid"], ids=lambda v: ascii(v["value"])[:40])
def test_an_invalid_prefix(vector: dict[str, str]) -> None:
    with pytest.raises(InvalidPattern, match="event_type_prefix") as caught:
        EventPattern.by_type(TENANT, vector["value"]).validate()
    assert caught.value.fields == {"field": "event_type_prefix", "value": vector["value"]}


@pytest.mark.parametrize(
    ("members", "because"),
    [
        ({"tenant_id": str(TENANT)}, "tenant_id is '0000"),
        ({"tenant_id": None}, "expected a UUID"),
        ({"workflow_execution_id": "x"}, "workflow_execution_id is 'x'"),
        ({"task_execution_id": 0}, "expected a UUID or None"),
        ({"event_type_prefix": 5}, "event_type_prefix is 5, not text"),
        ({"source": 5}, "source is 5, not text"),
        ({"source": "\ud800"}, "lone surrogate"),
    ],
    ids=ascii,
)
def test_what_is_wrong_is_named(members: dict[str, Any], because: str) -> None:
    with pytest.raises(InvalidPattern, match=because):
        EventPattern(**{"tenant_id": TENANT, **members}).validate()


@pytest.mark.parametrize("source", ["", "*", ">", "a b", "é\u0000", "x" * 10_000])
def test_any_text_is_a_source(source: str) -> None:
    EventPattern(tenant_id=TENANT, source=source).validate()


def test_patterns_can_be_compared_copied_and_pickled() -> None:
    assert copy.deepcopy(FULL) == FULL
    assert pickle.loads(pickle.dumps(FULL)) == FULL  # because: our own
    assert len({FULL, copy.copy(FULL)}) == 1
    assert EventPattern.all(TENANT) != FULL
