"""The maker: its events are within the claimed size, unless a case sets their data."""

from __future__ import annotations

import math
from random import Random
from uuid import uuid4

import pytest

from eventhook_conformance.probe import NotOffered
from eventhook_conformance.probe.maker import LEAST_EVENT_BYTES, Maker

COUNT = 500


def small() -> Maker:
    return Maker(Random("seed"), LEAST_EVENT_BYTES)


def test_drawn_parts_are_left_out_where_they_would_be_too_much() -> None:
    tenant, make = uuid4(), small()
    events = [make.event(tenant) for _ in range(COUNT)]
    assert [one for one in events if len(one.to_json()) > LEAST_EVENT_BYTES] == []
    assert any(one.data for one in events)
    assert any(one.workflow_execution_id and one.task_execution_id for one in events)


def test_some_that_are_drawn_for_a_larger_claim_would_be_too_much() -> None:
    tenant, make = uuid4(), Maker(Random("seed"))
    assert any(len(make.event(tenant).to_json()) > LEAST_EVENT_BYTES for _ in range(COUNT))


def test_given_parts_stay_as_they_are() -> None:
    event = small().event(uuid4(), data="x" * 500, workflow=uuid4(), correlation_id="c")
    assert (event.data, event.correlation_id) == ("x" * 500, "c")
    assert event.workflow_execution_id is not None


def test_an_event_with_everything_given_short_is_carried() -> None:
    make = small()
    event = make.event(uuid4(), "task.created", workflow=uuid4(), task=uuid4(), data={"n": 1})
    assert make.carries(event)


def test_a_stream_event_of_the_longest_key_is_carried() -> None:
    make = small()
    assert all(make.carries(make.fence_event("k" * 255)) for _ in range(COUNT))


def test_larger_events_are_left_out() -> None:
    tenant, make = uuid4(), small()
    events = [make.event(tenant, data="x" * size) for size in (1, 500, 2)]
    assert make.fitting(events) == [events[0], events[2]]


def test_an_event_without_a_wire_form_is_left_to_the_target() -> None:
    tenant, make = uuid4(), small()
    assert len(make.fitting([make.event(tenant, data=math.nan)])) == 1


def test_where_all_are_larger_the_case_is_not_offered() -> None:
    with pytest.raises(NotOffered, match=r"needs max_event_bytes=[78]\d\d or more"):
        small().fitting([small().event(uuid4(), data="x" * 500)])
