"""Traits that lost events have in common."""

from __future__ import annotations

from uuid import uuid4

from eventhook_conformance.checker.traits import common_trait
from eventhook_conformance.contract import FlovynEvent

TENANT = uuid4()


def events(*data: str, event_type: str = "a.b") -> list[FlovynEvent]:
    return [
        FlovynEvent(
            id=uuid4(),
            tenant_id=TENANT,
            workflow_execution_id=None,
            task_execution_id=None,
            event_type=event_type,
            source="test",
            data=one,
            timestamp_ms=1_000_000 + place,
            correlation_id=None,
        )
        for place, one in enumerate(data)
    ]


def padded(size: int) -> FlovynEvent:
    (empty,) = events("")
    (full,) = events("x" * (size - len(empty.to_json())))
    assert len(full.to_json()) == size
    return full


def test_sizes_that_are_multiples_are_named() -> None:
    missing = [padded(3 * 128), padded(5 * 128), padded(7 * 128)]
    assert common_trait(missing, events("x", "yy")) == "a size that is a multiple of 128 bytes"


def test_one_type_is_named() -> None:
    missing = events("a", "b", "c", event_type="task.created")
    assert common_trait(missing, events("a", "b", "c")) == "event_type 'task.created'"


def test_large_ones_are_named() -> None:
    missing = events("x" * 5001, "x" * 6001, "x" * 7002)
    assert "more than" in (common_trait(missing, events("x", "y")) or "")


def test_nothing_is_named_that_others_have_too_or_that_few_have() -> None:
    assert common_trait(events("a", "b", "c"), events("a", "b", "c")) is None
    assert common_trait(events("a", "b", event_type="x.y"), events("a")) is None
    assert common_trait(events("a", "b", "c", event_type="x.y"), []) is None
