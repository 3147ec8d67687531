"""Errors, the grammar, JSON values, and the defaults of a backend."""

from __future__ import annotations

import copy
import pickle
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

import eventhook_conformance
import eventhook_fixtures
from eventhook_conformance import contract, target
from eventhook_conformance.contract import (
    LIVE,
    MAX_NAME_BYTES,
    BusClosed,
    ChannelCounts,
    CursorExpired,
    EventBus,
    EventPattern,
    FlovynEvent,
    InvalidCursor,
    InvalidEvent,
    InvalidPattern,
    PublishError,
    Since,
    StreamBus,
    StreamEvent,
    StreamingBackend,
    StreamingError,
    SubscribeError,
    Subscription,
    SubscriptionLost,
    Unsupported,
    check_event_type,
    check_prefix,
    check_stream_key,
    json_equal,
)

ERRORS = (
    InvalidEvent,
    InvalidPattern,
    InvalidCursor,
    CursorExpired,
    PublishError,
    SubscribeError,
    SubscriptionLost,
    BusClosed,
    Unsupported,
)


# Delivered values


def test_the_top_of_the_package_hands_on_what_vendors_write_against() -> None:
    words = {
        *("FlovynEvent", "StreamEvent", "StreamEventType", "EventPattern", "ChannelCounts"),
        *("EventBus", "StreamBus", "Subscription", "StreamingBackend", "StreamingError"),
        *(kind.__name__ for kind in ERRORS),
        *("LIVE", "START", "Since", "Cursor"),
    }
    targets = {
        *("Target", "Capabilities", "Server", "WorkflowService", "Execution"),
        *("HttpTarget", "Tenant"),
    }
    assert words <= set(contract.__all__)
    assert targets <= set(target.__all__)
    assert words | targets <= set(eventhook_conformance.__all__)
    for name in words:
        assert getattr(eventhook_conformance, name) is getattr(contract, name)
    for name in targets:
        assert getattr(eventhook_conformance, name) is getattr(target, name)


# Errors


@pytest.mark.parametrize("kind", ERRORS)
def test_every_error_is_a_streaming_error_with_one_message(kind: type[StreamingError]) -> None:
    error = kind("what was wrong", field="x", value=[1])
    assert isinstance(error, StreamingError)
    assert str(error) == "what was wrong"
    assert error.args == ("what was wrong",)
    assert error.fields == {"field": "x", "value": [1]}
    assert kind("only this").fields == {}


@pytest.mark.parametrize("kind", ERRORS)
def test_those_about_a_value_are_value_errors(kind: type[StreamingError]) -> None:
    assert issubclass(kind, ValueError) is (kind in (InvalidEvent, InvalidPattern, InvalidCursor))


@pytest.mark.parametrize("kind", ERRORS)
def test_other_fields_go_by_keyword(kind: Any) -> None:
    with pytest.raises(TypeError):
        kind("message", "field")


@pytest.mark.parametrize("kind", ERRORS)
def test_errors_can_be_copied_and_pickled(kind: type[StreamingError]) -> None:
    error = kind("what was wrong", value=5)
    for again in (
        copy.copy(error),
        copy.deepcopy(error),
        pickle.loads(pickle.dumps(error)),  # because: our own
    ):
        assert type(again) is kind
        assert (str(again), again.message, again.fields) == (
            "what was wrong",
            "what was wrong",
            {"value": 5},
        )


# The grammar


@pytest.mark.parametrize(
    ("check", "vectors"),
    [
        (check_event_type, "event_types"),
        (check_prefix, "prefixes"),
        (check_stream_key, "stream_keys"),
    ],
)
def test_the_vectors(check: Any, vectors: str) -> None:
    table = eventhook_fixtures.load(vectors)
    assert [check(vector["value"]) for vector in table["valid"]] == [None] * len(table["valid"])
    for vector in table["invalid"]:
        problem = check(vector["value"])
        assert problem, vector
        assert "; " in problem or "bytes" in problem


@pytest.mark.parametrize("check", [check_event_type, check_prefix, check_stream_key])
@pytest.mark.parametrize("value", [None, 5, b"a.b", ["a"], True])
def test_what_is_no_text_is_no_name(check: Any, value: object) -> None:
    assert "not text; expected" in check(value)


def test_the_longest_name() -> None:
    longest = "a." + "b" * (MAX_NAME_BYTES - 2)
    assert check_event_type(longest) is None
    assert check_event_type(longest + "b") == "has 256 bytes; at most 255 are allowed"
    assert check_stream_key("k" * MAX_NAME_BYTES) is None
    assert check_stream_key("k" * (MAX_NAME_BYTES + 1)) is not None


def test_a_trailing_line_end_is_no_name() -> None:
    assert check_event_type("a.b\n") is not None
    assert check_stream_key("a\n") is not None


# JSON values


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, 1.0),
        (0, -0.0),
        (None, None),
        (True, True),
        ("é", "é"),
        ([], []),
        ({}, {}),
        ({"a": 1, "b": [None]}, {"b": [None], "a": 1.0}),
        (1.2345678901234566e17, 123456789012345660),
        (-1.7976931348623157e20, -179769313486231570000),
        (1e30, 10**30),
    ],
)
def test_the_same_json_value(one: Any, other: Any) -> None:
    assert json_equal(one, other)
    assert json_equal(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, True),
        (0, False),
        (1.0, True),
        (None, False),
        (None, 0),
        ("", None),
        ("1", 1),
        ("é", "e\u0301"),
        ([], {}),
        ([1], [1, 2]),
        ([1, 2], [2, 1]),
        ({"a": 1}, {"a": 1, "b": 1}),
        ({"a": None}, {}),
        ({"a": 1}, {"a": True}),
        ((1,), [1]),
        (float("nan"), float("nan")),
        (2**53, 2**53 + 1),
        (float(2**53), 2**53 + 1),
        (1.2345678901234566e17, 123456789012345661),
        (float("inf"), 10**400),
        (object(), object()),
    ],
)
def test_another_json_value(one: Any, other: Any) -> None:
    assert not json_equal(one, other)
    assert not json_equal(other, one)


def test_what_is_no_json_equals_nothing() -> None:
    thing = object()
    assert not json_equal(thing, thing)


# The bus


class Endless(Subscription[FlovynEvent]):
    async def __anext__(self) -> FlovynEvent:
        raise StopAsyncIteration


class Events(EventBus):
    async def publish(self, event: FlovynEvent) -> None: ...

    def subscribe(
        self, pattern: EventPattern, *, since: Since = LIVE
    ) -> AbstractAsyncContextManager[Subscription[FlovynEvent]]:
        raise NotImplementedError


class Streams(StreamBus):
    async def publish(self, event: StreamEvent) -> None: ...

    def subscribe(
        self, workflow_execution_id: str, *, since: Since = LIVE
    ) -> AbstractAsyncContextManager[Subscription[StreamEvent]]:
        raise NotImplementedError


class Plain(StreamingBackend):
    events = Events()
    streams = Streams()

    async def aclose(self) -> None: ...


@pytest.mark.asyncio
async def test_introspection_is_unsupported_by_default() -> None:
    backend = Plain()
    with pytest.raises(Unsupported, match="Plain has no cleanup_inactive_channels"):
        await backend.cleanup_inactive_channels()
    with pytest.raises(Unsupported, match="claim introspection=False"):
        await backend.active_channels()


@pytest.mark.asyncio
async def test_a_subscription_is_an_iterator_that_knows_no_losses() -> None:
    subscription = Endless()
    assert subscription.dropped is None
    assert isinstance(subscription, AsyncIterator)
    assert aiter(subscription) is subscription
    assert [event async for event in subscription] == []


@pytest.mark.parametrize("kind", [EventBus, StreamBus, StreamingBackend, Subscription])
def test_what_must_be_written_cannot_be_left_out(kind: Any) -> None:
    with pytest.raises(TypeError, match="abstract"):
        kind()


def test_channel_counts_are_built_by_keyword() -> None:
    counts = ChannelCounts(events=1, streams=2)
    assert (counts.events, counts.streams) == (1, 2)
    assert counts == ChannelCounts(events=1, streams=2)
    with pytest.raises(TypeError):
        ChannelCounts(1, 2)  # type: ignore[call-arg]
    with pytest.raises(AttributeError):
        counts.events = 3  # type: ignore[misc]
