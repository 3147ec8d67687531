"""Events: their construction, their validity and their wire form."""

from __future__ import annotations

import copy
import json
import math
import operator
import pickle
import time
from typing import Any
from uuid import UUID, uuid4

import jsonschema
import pytest

import eventhook_fixtures
from eventhook_conformance.contract import (
    MAX_DEPTH,
    MAX_INTEGER,
    FlovynEvent,
    InvalidEvent,
    StreamEvent,
    StreamEventType,
    StreamingError,
)
from eventhook_conformance.contract.json_value import keeps_bounds

ID, TENANT, WORKFLOW, TASK = (UUID(int=0xABCDEF << 100 | number) for number in (1, 2, 3, 4))
EVENT_TYPES = eventhook_fixtures.load("event_types")
KEYS = eventhook_fixtures.load("stream_keys")


def event(**members: Any) -> FlovynEvent:
    plain: dict[str, Any] = {
        "id": ID,
        "tenant_id": TENANT,
        "event_type": "task.created",
        "source": "system",
        "data": None,
        "timestamp_ms": 7,
    }
    return FlovynEvent(**{**plain, **members})


def full() -> FlovynEvent:
    return event(
        workflow_execution_id=WORKFLOW,
        task_execution_id=TASK,
        data={"a": [1, 2.5, None, True, "é"]},
        correlation_id="c",
    )


def stream(**members: Any) -> StreamEvent:
    plain: dict[str, Any] = {
        "task_execution_id": "t",
        "workflow_execution_id": "w",
        "sequence": 0,
        "event_type": StreamEventType.TOKEN,
        "payload": "Hi",
        "timestamp_ms": 7,
    }
    return StreamEvent(**{**plain, **members})


def wire(**members: Any) -> dict[str, Any]:
    """Returns the wire form of `event()`, with changes; `...` takes a member away."""
    plain: dict[str, Any] = json.loads(event().to_json())
    return {name: value for name, value in {**plain, **members}.items() if value is not ...}


def stream_wire(**members: Any) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(stream().to_json())
    return {name: value for name, value in {**plain, **members}.items() if value is not ...}


# Building


def test_events_are_built_by_keyword_and_immutable() -> None:
    with pytest.raises(TypeError):
        FlovynEvent(ID, TENANT)  # type: ignore[call-arg]
    with pytest.raises(TypeError):
        StreamEvent("t", "w")  # type: ignore[call-arg]
    with pytest.raises(AttributeError):
        event().source = "x"  # type: ignore[misc]
    with pytest.raises(AttributeError):
        stream().payload = "x"  # type: ignore[misc]


def test_optionals_may_be_left_out() -> None:
    assert event().workflow_execution_id is None
    assert event().task_execution_id is None
    assert event().correlation_id is None


@pytest.mark.parametrize("missing", ["id", "tenant_id", "event_type", "source", "data"])
def test_the_rest_may_not(missing: str) -> None:
    members = {name: getattr(event(), name) for name in FlovynEvent.__struct_fields__}
    del members[missing]
    with pytest.raises(TypeError, match=missing):
        FlovynEvent(**members)


def test_new_fills_id_and_time() -> None:
    before = time.time_ns() // 1_000_000
    made = FlovynEvent.new(TENANT, "task.created", "system", {"a": 1})
    after = time.time_ns() // 1_000_000
    assert made.id.version == 4
    assert made.id != FlovynEvent.new(TENANT, "task.created", "system", None).id
    assert before <= made.timestamp_ms <= after
    assert (made.tenant_id, made.event_type, made.source) == (TENANT, "task.created", "system")
    assert made.data == {"a": 1}
    assert (made.workflow_execution_id, made.task_execution_id, made.correlation_id) == (None,) * 3


def test_with_returns_changed_copies() -> None:
    plain = event()
    changed = plain.with_workflow(WORKFLOW).with_task(TASK).with_correlation_id("c")
    assert changed == event(
        workflow_execution_id=WORKFLOW, task_execution_id=TASK, correlation_id="c"
    )
    assert plain == event()


def test_constructors_do_not_validate() -> None:
    event(event_type="", tenant_id=None, data=object(), timestamp_ms=1.5)
    stream(workflow_execution_id="", sequence="x")


def test_data_is_plain_json() -> None:
    data = full().data
    assert isinstance(data, dict)
    assert json.loads(json.dumps(data)) == data
    assert copy.deepcopy(data) == data


# The wire form, to the letter


def test_the_wire_form_of_an_event() -> None:
    assert full().to_json().decode() == (
        '{"id":"0abcdef0-0000-0000-0000-000000000001",'
        '"tenant_id":"0abcdef0-0000-0000-0000-000000000002",'
        '"workflow_execution_id":"0abcdef0-0000-0000-0000-000000000003",'
        '"task_execution_id":"0abcdef0-0000-0000-0000-000000000004",'
        '"event_type":"task.created","source":"system","data":{"a":[1,2.5,null,true,"é"]},'
        '"timestamp_ms":7,"correlation_id":"c"}'
    )


def test_absent_optionals_are_null() -> None:
    assert wire()["workflow_execution_id"] is None
    assert wire()["task_execution_id"] is None
    assert wire()["correlation_id"] is None


def test_the_wire_form_of_a_stream_event() -> None:
    assert stream(payload="é\n").to_json().decode() == (
        '{"taskExecutionId":"t","workflowExecutionId":"w","sequence":0,'
        '"type":"TOKEN","payload":"é\\n","timestampMs":7}'
    )


@pytest.mark.parametrize("kind", ["TOKEN", "PROGRESS", "DATA", "ERROR"])
def test_stream_event_types_are_in_capitals(kind: str) -> None:
    assert stream_wire(type=kind)["type"] == kind
    read = StreamEvent.from_json(json.dumps(stream_wire(type=kind)))
    assert read.event_type is StreamEventType(kind)
    assert json.loads(read.to_json())["type"] == kind


@pytest.mark.parametrize(
    "data", [None, False, 0, "", {}, [], 1.5, -0.0, MAX_INTEGER, "\u0000\u2028\U0001f600"]
)
def test_any_json_value_makes_the_way_and_back(data: Any) -> None:
    read = FlovynEvent.from_json(event(data=data).to_json())
    assert read == event(data=data)
    assert type(read.data) is type(data)


def test_the_schemas_hold() -> None:
    for one in (event(), full(), event(data=[{"": 0}])):
        jsonschema.validate(json.loads(one.to_json()), eventhook_fixtures.schema("flovyn_event"))
    for kind in StreamEventType:
        jsonschema.validate(
            json.loads(stream(event_type=kind).to_json()), eventhook_fixtures.schema("stream_event")
        )


@pytest.mark.parametrize("data", [object(), {"x": 1j}, [print]], ids=["object", "complex", "call"])
def test_what_json_cannot_carry_has_no_wire_form(data: Any) -> None:
    with pytest.raises(InvalidEvent, match="no JSON form"):
        event(data=data).to_json()


def test_a_lone_surrogate_has_no_wire_form() -> None:
    with pytest.raises(InvalidEvent):
        event(source="\ud800").to_json()


# Reading


@pytest.mark.parametrize("as_text", [True, False])
def test_bytes_and_text_are_read(as_text: bool) -> None:
    written = full().to_json()
    assert FlovynEvent.from_json(written.decode() if as_text else written) == full()
    written = stream().to_json()
    assert StreamEvent.from_json(written.decode() if as_text else written) == stream()


@pytest.mark.parametrize(
    "missing", ["workflow_execution_id", "task_execution_id", "correlation_id"]
)
def test_a_missing_optional_is_none(missing: str) -> None:
    assert FlovynEvent.from_json(json.dumps(wire(**{missing: ...}))) == event()


def test_unknown_members_are_ignored() -> None:
    assert FlovynEvent.from_json(json.dumps(wire(more={"x": 1}))) == event()
    assert StreamEvent.from_json(json.dumps(stream_wire(more=1))) == stream()


def test_upper_case_ids_are_read() -> None:
    written = wire(id=str(ID).upper(), tenant_id=str(TENANT).upper())
    read = FlovynEvent.from_json(json.dumps(written))
    assert read == event()
    assert str(ID) in read.to_json().decode()


@pytest.mark.parametrize(("number", "value"), [("7.0", 7), ("1e3", 1000), ("-2.0", -2)])
def test_integral_floats_are_integers(number: str, value: int) -> None:
    text = event().to_json().decode().replace('"timestamp_ms":7', f'"timestamp_ms":{number}')
    read = FlovynEvent.from_json(text)
    assert read.timestamp_ms == value
    assert type(read.timestamp_ms) is int
    text = stream().to_json().decode().replace('"sequence":0', f'"sequence":{number}')
    assert StreamEvent.from_json(text).sequence == value


def test_floats_in_data_stay_floats() -> None:
    text = event().to_json().decode()
    text = text.replace('"timestamp_ms":7', '"timestamp_ms":7.0')
    read = FlovynEvent.from_json(text.replace('"data":null', '"data":{"x":1.0,"y":1}'))
    assert type(read.data["x"]) is float
    assert type(read.data["y"]) is int


@pytest.mark.parametrize(
    "text",
    [
        b"",
        "",
        "{",
        "null",
        "[]",
        "1",
        "NaN",
        b"\xff\xfe",
        '{"id":1}',
        "\ufeff{}",
        pytest.param(
            event().to_json().decode().replace("null", "[" * 100_000, 1), id="deep-and-truncated"
        ),
    ],
)
def test_what_is_no_event_is_refused(text: bytes | str) -> None:
    with pytest.raises(InvalidEvent):
        FlovynEvent.from_json(text)
    with pytest.raises(InvalidEvent):
        StreamEvent.from_json(text)


@pytest.mark.parametrize(
    "members",
    [
        {"id": ...},
        {"tenant_id": ...},
        {"event_type": ...},
        {"source": ...},
        {"timestamp_ms": ...},
        {"id": None},
        {"id": "x"},
        {"id": 5},
        {"tenant_id": None},
        {"workflow_execution_id": ""},
        {"event_type": None},
        {"event_type": "one"},
        {"source": None},
        {"source": 1},
        {"timestamp_ms": None},
        {"timestamp_ms": 1.5},
        {"timestamp_ms": "1"},
        {"timestamp_ms": True},
        {"timestamp_ms": MAX_INTEGER + 1},
        {"timestamp_ms": -MAX_INTEGER - 1},
        {"timestamp_ms": 1e300},
        {"correlation_id": 1},
        {"data": MAX_INTEGER + 2},
        {"data": [{"x": -MAX_INTEGER - 2}]},
        {"data": 123456789012345661},
        {"data": 10**400},
    ],
    ids=str,
)
def test_a_wrong_member_is_refused(members: dict[str, Any]) -> None:
    with pytest.raises(InvalidEvent):
        FlovynEvent.from_json(json.dumps(wire(**members)))


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("100000000000000000000", 1e20),
        ("123456789012345660", 1.2345678901234566e17),
        ("-9007199254740994", -9007199254740994.0),
        ("18446744073709551616", 2.0**64),
        ("9007199254740991", MAX_INTEGER),
    ],
)
@pytest.mark.parametrize("shape", ["{}", "[[{}]]", '{{"a":{{"b":[1,{}]}}}}'])
def test_a_float_may_be_written_as_an_integer(written: str, value: float, shape: str) -> None:
    """As JavaScript and Go do up to 1e21; the published value comes back, with its type."""
    published = event(data=json.loads(shape.format(repr(value))))
    text = published.to_json().decode()
    start, end = text.index('"data":'), text.index(',"timestamp_ms"')
    read = FlovynEvent.from_json(text[:start] + '"data":' + shape.format(written) + text[end:])
    assert read == published
    assert repr(read.data) == repr(published.data)
    read.validate()


def test_a_missing_data_is_refused() -> None:
    with pytest.raises(InvalidEvent):
        FlovynEvent.from_json(json.dumps(wire(data=...)))


@pytest.mark.parametrize(
    "members",
    [
        *({name: ...} for name in stream_wire()),
        {"type": "token"},
        {"type": "OTHER"},
        {"type": None},
        {"workflowExecutionId": ""},
        {"workflowExecutionId": "a.b"},
        {"taskExecutionId": None},
        {"sequence": None},
        {"sequence": 0.5},
        {"sequence": MAX_INTEGER + 1},
        {"payload": None},
        {"timestampMs": "7"},
    ],
    ids=str,
)
def test_a_wrong_member_of_a_stream_event_is_refused(members: dict[str, Any]) -> None:
    with pytest.raises(InvalidEvent):
        StreamEvent.from_json(json.dumps(stream_wire(**members)))


def test_snake_case_is_no_stream_event() -> None:
    members = {name: getattr(stream(), name) for name in StreamEvent.__struct_fields__}
    with pytest.raises(InvalidEvent):
        StreamEvent.from_json(json.dumps(members))


def test_what_is_refused_is_a_value_error_too() -> None:
    with pytest.raises(ValueError, match="no JSON") as caught:
        FlovynEvent.from_json("{")
    assert isinstance(caught.value, StreamingError)


# Validating


@pytest.mark.parametrize("vector", EVENT_TYPES["valid"], ids=lambda v: ascii(v["value"])[:40])
def test_a_valid_event_type(vector: dict[str, str]) -> None:
    event(event_type=vector["value"]).validate()


@pytest.mark.parametrize("vector", EVENT_TYPES["invalid"], ids=lambda v: ascii(v["value"])[:40])
def test_an_invalid_event_type(vector: dict[str, str]) -> None:
    with pytest.raises(InvalidEvent, match="event_type") as caught:
        event(event_type=vector["value"]).validate()
    assert caught.value.fields == {"field": "event_type", "value": vector["value"]}


@pytest.mark.parametrize("vector", KEYS["valid"], ids=lambda v: ascii(v["value"])[:40])
def test_a_valid_stream_key(vector: dict[str, str]) -> None:
    stream(workflow_execution_id=vector["value"]).validate()


@pytest.mark.parametrize("vector", KEYS["invalid"], ids=lambda v: ascii(v["value"])[:40])
def test_an_invalid_stream_key(vector: dict[str, str]) -> None:
    with pytest.raises(InvalidEvent, match="workflow_execution_id"):
        stream(workflow_execution_id=vector["value"]).validate()


@pytest.mark.parametrize(
    ("members", "because"),
    [
        ({"id": str(ID)}, "id is '0abcdef0"),
        ({"id": None}, "expected a UUID"),
        ({"tenant_id": 5}, "tenant_id is 5"),
        ({"workflow_execution_id": "x"}, "expected a UUID or None"),
        ({"task_execution_id": 0}, "task_execution_id is 0"),
        ({"event_type": 5}, "event_type is 5, not text"),
        ({"event_type": None}, "event_type is None, not text"),
        ({"event_type": b"a.b"}, "not text"),
        ({"source": None}, "source is None, not text"),
        ({"source": "\udfff"}, "source holds a lone surrogate at position 0"),
        ({"correlation_id": 5}, "correlation_id is 5, not text"),
        ({"correlation_id": "a\ud800"}, "lone surrogate at position 1"),
        ({"timestamp_ms": 1.0}, "timestamp_ms is 1.0; expected an integer"),
        ({"timestamp_ms": True}, "timestamp_ms is True"),
        ({"timestamp_ms": MAX_INTEGER + 1}, "must lie within ±9007199254740991"),
        ({"data": math.nan}, "data is nan"),
        ({"data": [math.inf]}, r"data\[0\] is inf"),
        ({"data": {"a": {"b": -math.inf}}}, r"data\['a'\]\['b'\] is -inf"),
        ({"data": {1: 2}}, "has the key 1; keys must be text"),
        ({"data": {None: 2}}, "has the key None"),
        ({"data": {"\ud800": 2}}, "a key of data holds a lone surrogate"),
        ({"data": ["\ud800"]}, r"data\[0\] holds a lone surrogate"),
        ({"data": 2**53}, "integers must lie within"),
        ({"data": (1,)}, "data is a tuple"),
        ({"data": {1}}, "data is a set"),
        ({"data": b""}, "data is a bytes"),
        ({"data": ...}, "data is a ellipsis"),
        ({"data": ID}, "data is a UUID"),
    ],
    ids=lambda value: ascii(value)[:50],
)
def test_what_is_wrong_is_named(members: dict[str, Any], because: str) -> None:
    with pytest.raises(InvalidEvent, match=because):
        event(**members).validate()


@pytest.mark.parametrize("number", [0, -1, 2**32, MAX_INTEGER, -MAX_INTEGER])
def test_every_integer_in_the_range_is_right(number: int) -> None:
    event(timestamp_ms=number, data=number).validate()
    stream(timestamp_ms=number, sequence=number).validate()


@pytest.mark.parametrize(
    ("members", "because"),
    [
        ({"task_execution_id": None}, "task_execution_id is None"),
        ({"payload": b"x"}, "payload"),
        ({"payload": "\ud800"}, "lone surrogate"),
        ({"sequence": "1"}, "sequence is '1'"),
        ({"sequence": False}, "sequence is False"),
        ({"timestamp_ms": None}, "timestamp_ms is None"),
        ({"event_type": "TOKEN"}, "expected a StreamEventType"),
        ({"workflow_execution_id": WORKFLOW}, "not text"),
    ],
    ids=str,
)
def test_what_is_wrong_with_a_stream_event_is_named(members: dict[str, Any], because: str) -> None:
    with pytest.raises(InvalidEvent, match=because):
        stream(**members).validate()


def test_a_stream_event_may_have_no_task_and_no_text() -> None:
    stream(task_execution_id="", payload="").validate()


def nested(levels: int) -> Any:
    data: Any = 0
    for level in range(levels):
        data = [data] if level % 2 else {"x": data}
    return data


@pytest.mark.parametrize("levels", [32, MAX_DEPTH])
def test_nesting_that_is_allowed(levels: int) -> None:
    event(data=nested(levels)).validate()
    assert FlovynEvent.from_json(event(data=nested(levels)).to_json()) == event(data=nested(levels))


@pytest.mark.parametrize(
    "data",
    [
        [[0, MAX_INTEGER + 2]],
        {"x": {"y": -MAX_INTEGER - 2}},
        {"x": [True, None, "", 10**30 + 1]},
        nested(MAX_DEPTH + 1),
        [nested(MAX_DEPTH)],
    ],
    ids=lambda data: f"{data!s:.20}",
)
def test_bounds_that_a_decoder_does_not_keep_are_kept_in_reading(data: Any) -> None:
    assert not keeps_bounds(data)
    with pytest.raises(InvalidEvent, match=r"integers must lie within|nested deeper"):
        FlovynEvent.from_json(json.dumps(wire(data=data)))


@pytest.mark.parametrize("levels", [MAX_DEPTH + 1, 5000])
def test_nesting_that_is_too_deep(levels: int) -> None:
    with pytest.raises(InvalidEvent, match="nested deeper"):
        event(data=nested(levels)).validate()


def test_data_that_holds_itself_is_refused() -> None:
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(InvalidEvent):
        event(data=endless).validate()
    with pytest.raises(InvalidEvent):
        event(data=endless).to_json()


def test_the_size_is_that_of_the_wire_form() -> None:
    size = len(event(data="").to_json())
    assert len(event(data="x" * 1000).to_json()) == size + 1000
    assert len(event(data="é").to_json()) == size + 2
    assert len(event(data="\U0001f600").to_json()) == size + 4


# Equality


@pytest.mark.parametrize(
    ("one", "other"), [(1, 1.0), (0, -0.0), ({"a": 1, "b": 2}, {"b": 2.0, "a": 1}), ([0], [-0.0])]
)
def test_data_is_compared_as_json(one: Any, other: Any) -> None:
    assert event(data=one) == event(data=other)
    assert hash(event(data=one)) == hash(event(data=other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, True),
        (0, False),
        (1, "1"),
        (None, False),
        ([], {}),
        ("", None),
        ([1], [True]),
        (0, None),
    ],
)
def test_other_data_is_another_event(one: Any, other: Any) -> None:
    assert event(data=one) != event(data=other)
    assert event(data=one).differs(event(data=other)) == "data"


@pytest.mark.parametrize("name", FlovynEvent.__struct_fields__)
def test_every_member_counts(name: str) -> None:
    other = {**{member: getattr(full(), member) for member in FlovynEvent.__struct_fields__}}
    other[name] = uuid4() if isinstance(other[name], UUID) else "other.value"
    assert full() != FlovynEvent(**other)
    assert full().differs(FlovynEvent(**other)) == name


def test_an_event_equals_nothing_else() -> None:
    assert event() != object()
    assert event() != "event"
    assert event() != stream()
    assert event().differs(event()) is None
    assert stream() == stream()
    assert not operator.ne(stream(), stream())


def test_equal_events_are_not_unequal() -> None:
    one = event()
    same = FlovynEvent.from_json(one.to_json())
    assert one == same
    assert not operator.ne(one, same)
    assert one != event(correlation_id="another")


def test_stream_events_differ_by_their_payload() -> None:
    assert stream(payload="x") != stream()
    assert stream(payload="x").differs(stream()) == "payload"


@pytest.mark.parametrize("one", [full(), stream()], ids=["event", "stream"])
def test_events_can_be_copied_and_pickled(one: Any) -> None:
    assert copy.copy(one) == one
    assert copy.deepcopy(one) == one
    assert pickle.loads(pickle.dumps(one)) == one  # because: our own
    assert len({one, copy.deepcopy(one)}) == 1
