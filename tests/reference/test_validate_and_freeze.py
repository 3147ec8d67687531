"""Checks and freezes events in one look, always with the same outcome as the contract's own check."""

import random
from collections import OrderedDict
from collections.abc import Callable
from enum import StrEnum
from typing import Any
from uuid import UUID

import msgspec
import pytest

from eventhook_conformance.contract import (
    MAX_DEPTH,
    MAX_INTEGER,
    FlovynEvent,
    InvalidEvent,
    PublishError,
    StreamingError,
)
from eventhook_reference.argument_checks import MAX_EVENT_BYTES, checked_body
from eventhook_reference.frozen import FrozenDict, FrozenList, freeze
from eventhook_reference.validate_and_freeze import admitted


class Text(StrEnum):
    """Text of another type."""

    ODD = "odd.type"


def nested(depth: int, *, array: bool = False) -> Any:
    value: Any = "deep"
    for _ in range(depth):
        value = [value] if array else {"k": value}
    return value


VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 1.5, -0.0, "", "text", "é", "\U0001f600", "\x00", "\ud800",
    MAX_INTEGER, -MAX_INTEGER, MAX_INTEGER + 1, -MAX_INTEGER - 1, 10**40,
    float("nan"), float("inf"), 1e308, b"bytes", (1, 2), {1, 2}, object(), UUID(int=1), Text.ODD,
    {}, [], {"": []}, {1: 2}, {None: 1}, {"\ud800": 1}, {"é": "é"}, {Text.ODD: 1},
    OrderedDict(a=[1]), FrozenDict(a=1), FrozenList([1]), freeze({"a": [{"b": 1}]}),
    nested(32), nested(MAX_DEPTH), nested(MAX_DEPTH + 1), nested(MAX_DEPTH + 1, array=True),
    "x" * (MAX_EVENT_BYTES // 6), "x" * MAX_EVENT_BYTES, "\x00" * (MAX_EVENT_BYTES // 6),
    ["\x00" * 10_000] * 4, ["\x00" * 10_000] * 5, [1.2345678901234567e-300] * 12_000, {"k" * 50_000: 0},
)  # fmt: skip

MEMBERS: dict[str, tuple[Any, ...]] = {
    "id": ("text", None, 1),
    "tenant_id": (str(UUID(int=1)), None),
    "workflow_execution_id": (UUID(int=1), "text", 0),
    "task_execution_id": (UUID(int=1), "text", False),
    "event_type": ("a", "", "a..b", "a.*", "é.b", "a." + "b" * 254, "a\n.b", None, 1, Text.ODD, ["a.b"]),
    "source": ("", "é", "\ud800", None, 1, Text.ODD, "x" * MAX_EVENT_BYTES, "\x00" * 43_500),
    "timestamp_ms": (0, MAX_INTEGER + 1, -MAX_INTEGER - 1, True, 1.0, None, "1"),
    "correlation_id": ("", "c", "é", "\ud800", 1, Text.ODD, "x" * MAX_EVENT_BYTES),
}  # fmt: skip


def event(data: Any = None, **members: Any) -> FlovynEvent:
    made = FlovynEvent.new(UUID(int=1), "workflow.started", "test", data)
    return msgspec.structs.replace(made, **members)


def outcome_of(check: Any, given: FlovynEvent) -> str | None:
    try:
        check(given)
    except StreamingError as error:
        return repr(error)
    return None


def is_frozen(value: Any) -> bool:
    if isinstance(value, dict):
        return type(value) is FrozenDict and all(is_frozen(item) for item in value.values())
    if isinstance(value, list):
        return type(value) is FrozenList and all(is_frozen(item) for item in value)
    return True


def judge_like_the_contract(given: FlovynEvent) -> None:
    expected = outcome_of(lambda event: checked_body(event, FlovynEvent), given)
    assert outcome_of(admitted, given) == expected, given
    if expected is None:
        delivered = admitted(given)
        assert delivered == given
        assert is_frozen(delivered.data)


@pytest.mark.parametrize("value", VALUES, ids=lambda value: f"{value!r:.20}")
def test_data_is_judged_as_the_contract_does(value: Any) -> None:
    for data in (value, [value], {"k": value}, {"k": [0, {"k": value}]}):
        judge_like_the_contract(event(data))


@pytest.mark.parametrize("name", MEMBERS)
def test_every_other_member_is_judged_as_the_contract_does(name: str) -> None:
    for value in MEMBERS[name]:
        judge_like_the_contract(event(**{name: value}))
        judge_like_the_contract(event({"k": [1]}, **{name: value}))


@pytest.mark.parametrize("seed", range(30))
def test_random_data_is_judged_as_the_contract_does(seed: int) -> None:
    chance = random.Random(seed)

    def value(depth: int) -> Any:
        kind = chance.random()
        if depth and kind < 0.3:
            return [value(depth - 1) for _ in range(chance.randrange(4))]
        if depth and kind < 0.6:
            return {f"k{n}": value(depth - 1) for n in range(chance.randrange(4))}
        return chance.choice(VALUES)

    for _ in range(50):
        judge_like_the_contract(event(value(4)))


def test_size_limit_is_exact_whatever_takes_the_room() -> None:
    makers: tuple[Callable[[int], FlovynEvent], ...] = (
        lambda count: event({"k": "x" * count}),
        lambda count: event(source="x" * count),
        lambda count: event([1], correlation_id="x" * count),
        lambda count: event({"x" * count: 1}),
    )
    for make in makers:
        spare = MAX_EVENT_BYTES - len(make(0).to_json())
        assert len(admitted(make(spare)).to_json()) == MAX_EVENT_BYTES
        with pytest.raises(PublishError, match="at most 262144"):
            admitted(make(spare + 1))


def test_the_owners_later_changes_do_not_show() -> None:
    data = {"list": [1, {"inner": [2]}]}
    mine = event(data)
    delivered = admitted(mine)
    data["list"].append(3)
    data["list"][1]["inner"].append(4)  # type: ignore[index]
    assert delivered.data == {"list": [1, {"inner": [2]}]}
    assert mine.data is data


def test_changed_after_it_was_admitted_it_is_checked_again() -> None:
    data: dict[str, Any] = {"k": 1}
    mine = event(data)
    admitted(mine)
    data["k"] = float("nan")
    with pytest.raises(InvalidEvent, match="nan"):
        admitted(mine)


def test_what_was_delivered_is_handed_on_without_a_copy() -> None:
    delivered = admitted(event({"k": [1]}))
    assert admitted(delivered) is delivered
