"""Speaks to a driver for a check: bounds and examines every answer, and reports its errors."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any, Final, TypeVar
from uuid import uuid4

from eventhook_conformance.contract import (
    EventPattern,
    FlovynEvent,
    StreamEvent,
    StreamEventType,
    Unsupported,
)
from eventhook_conformance.contract.errors import StreamingError
from eventhook_conformance.contract.events import now_ms
from eventhook_conformance.driver.errors import Refused
from eventhook_conformance.driver.messages import (
    CODES,
    RESULTS,
    UNKNOWN_METHOD,
    Empty,
    Nexts,
    Opened,
    Subscribed,
    shown,
)
from eventhook_conformance.driver.process import DriverProcess
from eventhook_conformance.target.capabilities import Capabilities

ANSWER_S: Final = 5.0
"""How long any answer may take here."""
SHORT_MS: Final = 200
LONG_MS: Final = 20_000
SLACK_S: Final = 0.02
"""Clocks of two processes may differ by so much over a short wait."""

R = TypeVar("R")


class Wrong(Exception):
    """A driver broke the protocol; the message says how."""


class CheckedDriver:
    """A running driver, as a check speaks to it."""

    def __init__(self, process: DriverProcess, capabilities: Capabilities) -> None:
        self.process = process
        self.capabilities = capabilities

    async def ask(self, method: str, params: Mapping[str, Any] | bytes, kind: type[R]) -> R:
        """Makes a request that must succeed within `ANSWER_S`; returns its result."""
        try:
            async with asyncio.timeout(ANSWER_S):
                return await self.process.ask(method, _text(params), kind)
        except TimeoutError:
            raise Wrong(f"`{method}` was not answered within {ANSWER_S:g} s") from None
        except (StreamingError, Refused) as error:
            raise Wrong(
                f"`{method}` with {_shown(params)} was answered with the error "
                f"{_code(error, method)} ({error}); expected {RESULTS.get(method, '{}')}"
            ) from error

    async def refused(
        self, method: str, params: Mapping[str, Any] | bytes, code: int, why: str
    ) -> None:
        """Makes a request that must be answered with that error."""
        asked = f"`{method}` {why}"
        try:
            async with asyncio.timeout(ANSWER_S):
                raw = await self.process.post(method, _text(params))
        except TimeoutError:
            raise Wrong(f"{asked} was not answered within {ANSWER_S:g} s") from None
        except (StreamingError, Refused) as error:
            if (got := _code(error, method)) != code:
                raise Wrong(
                    f"{asked} was answered with the error {got} ({error}); expected {code}"
                ) from error
        else:
            raise Wrong(f"{asked} was answered with {shown(bytes(raw))}; expected the error {code}")

    async def open(self) -> str:
        """Opens one more client; returns its name."""
        return (await self.ask("open", {"address": None}, Opened)).client

    async def subscribe(self, client: str, selects: EventPattern | str) -> str:
        """Subscribes to a tenant's events or to a stream; returns the subscription's name."""
        if isinstance(selects, str):
            params = {"client": client, "workflow_execution_id": selects}
            return (await self.ask("subscribe_stream", params, Subscribed)).subscription
        params = {"client": client, "pattern": json.loads(selects.to_json())}
        return (await self.ask("subscribe", params, Subscribed)).subscription

    async def publish(self, client: str, *events: FlovynEvent | StreamEvent) -> None:
        """Publishes one after the other."""
        for event in events:
            method = "publish" if isinstance(event, FlovynEvent) else "publish_stream"
            await self.ask(method, {"client": client, "event": json.loads(event.to_json())}, Empty)

    async def next(self, subscription: str, most: int = 10, timeout_ms: int = 3000) -> Nexts:
        """Returns the next events, after checking that they are no more than `max`."""
        params = {"subscription": subscription, "max": most, "timeout_ms": timeout_ms}
        answer = await self.ask("next", params, Nexts)
        if len(answer.events) > most:
            raise Wrong(f"`next` with max {most} answered {len(answer.events)} events")
        if answer.events and answer.ended:
            raise Wrong("`next` answered events beside ended true; expected that after them, alone")
        return answer

    async def get(self, subscription: str, *events: FlovynEvent | StreamEvent) -> None:
        """Reads until these have come, in any order, each in its wire form."""
        missing = list(events)
        while missing:
            answer = await self.next(subscription, 1)
            if not answer.events:
                state = "ended" if answer.ended else "no event within 3 s"
                raise Wrong(f"`next` answered {state}, where {short(missing[0])} was published")
            take_one(missing, bytes(answer.events[0]))

    def spawn_next(self, subscription: str, timeout_ms: int = LONG_MS) -> asyncio.Future[Any]:
        """Returns a `next` that waits."""
        params = {"subscription": subscription, "max": 10, "timeout_ms": timeout_ms}
        return self.process.post("next", _text(params))

    async def answered(self, waiting: asyncio.Future[Any], what: str) -> Nexts:
        """Returns the answer of a `next` that waited."""
        try:
            async with asyncio.timeout(ANSWER_S):
                raw = await asyncio.shield(waiting)
        except TimeoutError:
            raise Wrong(f"{what}, but the waiting `next` was not answered") from None
        except (StreamingError, Refused) as error:
            raise Wrong(f"{what}, and the waiting `next` was answered with {error}") from error
        return await self.process.read("next", raw, Nexts)


def _text(params: Mapping[str, Any] | bytes) -> bytes:
    return params if isinstance(params, bytes) else json.dumps(params).encode()


def _shown(params: Mapping[str, Any] | bytes) -> str:
    return shown(_text(params))


def _code(error: Exception, method: str) -> int:
    if isinstance(error, Refused):
        return error.code
    if isinstance(error, Unsupported):
        return UNKNOWN_METHOD
    return next(code for kind, code in CODES.items() if isinstance(error, kind))


def short(event: FlovynEvent | StreamEvent) -> str:
    return shown(event.to_json())


def expect_wire_form(event: FlovynEvent | StreamEvent, text: bytes) -> None:
    members = _parsed(text)
    right = json.loads(event.to_json())
    if members == right:
        return
    if not isinstance(members, dict):
        raise Wrong(f"`next` answered {shown(text)} for an event; expected {short(event)}")
    if missing := [name for name in right if name not in members]:
        what = f"without {', '.join(missing)}; in the wire form absent optionals are null"
    elif unknown := [name for name in members if name not in right]:
        what = f"with {', '.join(unknown)}, which the wire form does not have"
    else:
        name = next(name for name in right if members[name] != right[name])
        what = f"whose {name} is {members[name]!r:.80}; published was {right[name]!r:.80}"
    raise Wrong(f"`next` answered {shown(text)}, {what}")


def take_one(missing: list[FlovynEvent | StreamEvent], text: bytes) -> None:
    """Removes the event that matches; the order in which a bus delivers is not the driver's matter."""
    if not missing:
        raise Wrong(f"`next` answered {shown(text)}, after all that was published had come")
    came = _parsed(text)
    wire = [json.loads(event.to_json()) for event in missing]
    alike = [one == came for one in wire]
    if True not in alike and isinstance(came, dict):
        alike = ["id" in one and one["id"] == came.get("id") for one in wire]
    place = alike.index(True) if True in alike else 0
    expect_wire_form(missing.pop(place), text)


def _parsed(text: bytes) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise Wrong(f"`next` answered an event that is no JSON: {shown(text)} ({error})") from error


def an_event(tenant: Any = None, **members: Any) -> FlovynEvent:
    """Returns an event with everything set."""
    given = {
        "id": uuid4(),
        "tenant_id": tenant or uuid4(),
        "workflow_execution_id": uuid4(),
        "task_execution_id": uuid4(),
        "event_type": "task.created",
        "source": "driver-check",
        "data": {"text": "é😀\u2028", "numbers": [0, -1.5, 2**53 - 1], "none": None},
        "timestamp_ms": now_ms(),
        "correlation_id": "c-1",
    }
    return FlovynEvent(**{**given, **members})


def a_stream_event(key: str, payload: str = "token") -> StreamEvent:
    """Returns a stream event."""
    return StreamEvent(
        task_execution_id="",
        workflow_execution_id=key,
        sequence=0,
        event_type=StreamEventType.TOKEN,
        payload=payload,
        timestamp_ms=now_ms(),
    )
