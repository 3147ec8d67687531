"""Looks at a driver's protocol alone, and says in words what is wrong.

It judges no bus: one client, a few events, one at a time. Each check has a process that no other check
has broken; it stops at the first thing that is wrong.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from uuid import uuid4

import msgspec

from eventhook_conformance.contract import (
    EventPattern,
    FlovynEvent,
    StreamEvent,
    StreamEventType,
    Unsupported,
)
from eventhook_conformance.contract.errors import StreamingError
from eventhook_conformance.contract.events import now_ms
from eventhook_conformance.driver.messages import (
    CODES,
    RESULTS,
    UNKNOWN_METHOD,
    Channels,
    Empty,
    Nexts,
    Opened,
    Removed,
    Subscribed,
    shown,
)
from eventhook_conformance.driver.process import (
    END_S,
    START_S,
    DriverFailed,
    DriverProcess,
    Refused,
)
from eventhook_conformance.driver.stderr import Outlet
from eventhook_conformance.target.capabilities import Capabilities

ANSWER_S: Final = 5.0
"""How long any answer may take here."""
SHORT_MS: Final = 200
LONG_MS: Final = 20_000
SLACK_S: Final = 0.02
"""Clocks of two processes may differ by so much over a short wait."""

R = TypeVar("R")


class Wrong(Exception):
    """What a driver did against the protocol, in words."""


@dataclass(frozen=True)
class Finding:
    """What one check came to."""

    name: str
    title: str
    wrong: str | None
    """What is wrong; None if nothing is."""


class Session:
    """A driver that is running, as a check speaks to it."""

    def __init__(self, process: DriverProcess, capabilities: Capabilities) -> None:
        self.process = process
        self.capabilities = capabilities

    async def ask(self, method: str, params: Mapping[str, Any] | bytes, kind: type[R]) -> R:
        """A request that must succeed within `ANSWER_S`."""
        try:
            async with asyncio.timeout(ANSWER_S):
                return await self.process.ask(method, _text(params), kind)
        except TimeoutError:
            raise Wrong(f"`{method}` was not answered within {ANSWER_S:g} s") from None
        except (StreamingError, Refused) as error:
            raise Wrong(
                f"`{method}` with {_shown(params)} was answered with the error "
                f"{_code(error, method)} ({error}); right would be {RESULTS.get(method, '{}')}"
            ) from error

    async def refused(
        self, method: str, params: Mapping[str, Any] | bytes, code: int, why: str
    ) -> None:
        """A request that must be answered with that error."""
        asked = f"`{method}` {why}"
        try:
            async with asyncio.timeout(ANSWER_S):
                raw = await self.process.post(method, _text(params))
        except TimeoutError:
            raise Wrong(f"{asked} was not answered within {ANSWER_S:g} s") from None
        except (StreamingError, Refused) as error:
            if (got := _code(error, method)) != code:
                raise Wrong(
                    f"{asked} was answered with the error {got} ({error}); right would be {code}"
                ) from error
        else:
            raise Wrong(
                f"{asked} was answered with {shown(bytes(raw))}; right would be the error {code}"
            )

    async def open(self) -> str:
        """One more client."""
        return (await self.ask("open", {"address": None}, Opened)).client

    async def subscribe(self, client: str, selects: EventPattern | str) -> str:
        """A subscription to a tenant's events, or to a stream."""
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
        """What comes next, after looking that the answer keeps to `max`."""
        params = {"subscription": subscription, "max": most, "timeout_ms": timeout_ms}
        answer = await self.ask("next", params, Nexts)
        if len(answer.events) > most:
            raise Wrong(f"`next` with max {most} answered {len(answer.events)} events")
        return answer

    async def get(self, subscription: str, *events: FlovynEvent | StreamEvent) -> None:
        """Reads until these have come, in that order, each in its wire form."""
        for event in events:
            answer = await self.next(subscription, 1)
            if not answer.events:
                state = "ended" if answer.ended else "no event within 3 s"
                raise Wrong(f"`next` answered {state}, where {_short(event)} was published")
            _expect_wire_form(event, bytes(answer.events[0]))

    def spawn_next(self, subscription: str, timeout_ms: int = LONG_MS) -> asyncio.Future[Any]:
        """A `next` that waits."""
        params = {"subscription": subscription, "max": 10, "timeout_ms": timeout_ms}
        return self.process.post("next", _text(params))

    async def answered(self, waiting: asyncio.Future[Any], what: str) -> Nexts:
        """The answer of a `next` that waited."""
        try:
            async with asyncio.timeout(ANSWER_S):
                raw = await asyncio.shield(waiting)
        except TimeoutError:
            raise Wrong(f"{what}, but the waiting `next` was not answered") from None
        except (StreamingError, Refused) as error:
            raise Wrong(f"{what}, and the waiting `next` was answered with {error}") from error
        return await self.process.read("next", raw, Nexts)


Check = Callable[[Session], Awaitable[None]]
CHECKS: Final[list[tuple[str, str, Check]]] = []


def check(title: str) -> Callable[[Check], Check]:
    """Enters a check; its name is the function's."""

    def enter(function: Check) -> Check:
        name = getattr(function, "__name__", title)
        CHECKS.append((name, title, function))
        return function

    return enter


async def check_driver(
    command: Sequence[str], label: str, outlet: Outlet
) -> AsyncIterator[Finding]:
    """Runs every check; each finding comes as soon as it is known."""
    process: DriverProcess | None = None
    claims = Capabilities()
    try:
        name, title = "starts", "it starts, and `initialize` says who it is"
        process = DriverProcess(command, label, outlet)
        try:
            claims = _claims(await process.start(START_S))
        except (DriverFailed, Wrong) as error:
            yield Finding(name, title, str(error))
            return
        yield Finding(name, title, None)
        for name, title, function in CHECKS:
            if process is None or process.failure is not None or not process.alive:
                process = DriverProcess(command, label, outlet)
                try:
                    await process.start(START_S)
                except DriverFailed as error:
                    yield Finding(name, title, str(error))
                    return
            wrong = None
            try:
                await function(Session(process, claims))
            except (Wrong, DriverFailed) as error:
                wrong = str(error)
                await process.kill()
            yield Finding(name, title, wrong)
    finally:
        if process is not None:
            await process.kill()


def _claims(about: Any) -> Capabilities:
    try:
        claims = Capabilities.from_dict(about.capabilities)
    except (TypeError, ValueError) as error:
        raise Wrong(f"`initialize` claims what cannot be: {error}") from error
    if beyond := sorted(set(claims.profiles) - {"events", "streams"}):
        raise Wrong(f"`initialize` claims {', '.join(beyond)}; right would be events, streams")
    if about.capabilities.get("in_process", False):
        raise Wrong("`initialize` claims in_process; a driver is a process of its own")
    return claims


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


def _short(event: FlovynEvent | StreamEvent) -> str:
    return shown(event.to_json())


def _expect_wire_form(event: FlovynEvent | StreamEvent, text: bytes) -> None:
    try:
        members = json.loads(text)
    except ValueError as error:
        raise Wrong(f"`next` answered an event that is no JSON: {shown(text)} ({error})") from error
    right = json.loads(event.to_json())
    if members == right:
        return
    if not isinstance(members, dict):
        raise Wrong(f"`next` answered {shown(text)} for an event; right would be {_short(event)}")
    if missing := [name for name in right if name not in members]:
        what = f"without {', '.join(missing)}; in the wire form absent optionals are null"
    elif unknown := [name for name in members if name not in right]:
        what = f"with {', '.join(unknown)}, which the wire form has not"
    else:
        name = next(name for name in right if members[name] != right[name])
        what = f"whose {name} is {members[name]!r:.80}; published was {right[name]!r:.80}"
    raise Wrong(f"`next` answered {shown(text)}, {what}")


def an_event(tenant: Any = None, **members: Any) -> FlovynEvent:
    """An event with everything set."""
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
    """A stream event."""
    return StreamEvent(
        task_execution_id="",
        workflow_execution_id=key,
        sequence=0,
        event_type=StreamEventType.TOKEN,
        payload=payload,
        timestamp_ms=now_ms(),
    )


# The checks, in the order in which a driver is written


@check("an unknown method is refused with -32601")
async def unknown_method(session: Session) -> None:
    await session.refused("dance", {}, UNKNOWN_METHOD, "(there is no such method)")


@check("unknown clients and subscriptions are refused with -32602")
async def unknown_names(session: Session) -> None:
    event = json.loads(an_event().to_json())
    for method, extra in (
        ("publish", {"event": event}),
        ("close", {}),
        ("subscribe", {"pattern": {"tenant_id": str(uuid4())}}),
    ):
        await session.refused(method, {"client": "nobody", **extra}, -32602, "of an unknown client")
    none = {"subscription": "nobody"}
    await session.refused(
        "next", {**none, "max": 1, "timeout_ms": 0}, -32602, "of an unknown subscription"
    )
    await session.refused("unsubscribe", none, -32602, "of an unknown subscription")


@check("an event without a subscriber is published")
async def publishes(session: Session) -> None:
    events = "events" in session.capabilities.profiles
    await session.publish(await session.open(), an_event() if events else a_stream_event("k"))


@check("an event arrives, in its wire form")
async def event_arrives(session: Session) -> None:
    if "events" not in session.capabilities.profiles:
        return
    client, full = await session.open(), an_event()
    bare = an_event(
        full.tenant_id,
        workflow_execution_id=None,
        task_execution_id=None,
        correlation_id=None,
        data=None,
    )
    subscription = await session.subscribe(client, EventPattern.all(full.tenant_id))
    await session.publish(client, full, bare)
    await session.get(subscription, full, bare)


@check("a stream event arrives, in its wire form")
async def stream_event_arrives(session: Session) -> None:
    if "streams" not in session.capabilities.profiles:
        return
    client, key = await session.open(), str(uuid4())
    subscription = await session.subscribe(client, key)
    event = a_stream_event(key, ' "é😀"\r\n')
    await session.publish(client, event)
    await session.get(subscription, event)


async def _listening(session: Session) -> tuple[str, str, Callable[[], Any]]:
    """A client, a subscription of it, and what makes an event for that; on a side that is claimed."""
    client = await session.open()
    if "events" in session.capabilities.profiles:
        tenant = uuid4()
        selects: EventPattern | str = EventPattern.all(tenant)
        return client, await session.subscribe(client, selects), lambda: an_event(tenant)
    key = str(uuid4())
    return client, await session.subscribe(client, key), lambda: a_stream_event(key)


@check("`next` answers no events when its time is over, and not before")
async def next_times_out(session: Session) -> None:
    _, subscription, _ = await _listening(session)
    for timeout_ms in (0, SHORT_MS):
        began = time.monotonic()
        answer = await session.next(subscription, 10, timeout_ms)
        took = time.monotonic() - began
        if answer.events or answer.ended:
            raise Wrong(
                f"`next` with nothing to read answered events {len(answer.events)}, ended "
                f"{answer.ended}; right would be no events, and ended false"
            )
        if took < timeout_ms / 1000 - SLACK_S:
            raise Wrong(
                f"`next` with timeout_ms {timeout_ms} answered after {took * 1000:.0f} ms; "
                "it has to wait for an event until its time is over"
            )
        if took > timeout_ms / 1000 + 2:
            raise Wrong(f"`next` with timeout_ms {timeout_ms} answered only after {took:.1f} s")


@check("a waiting `next` holds up nothing, and answers as soon as an event comes")
async def next_waits_aside(session: Session) -> None:
    client, subscription, make = await _listening(session)
    waiting = session.spawn_next(subscription)
    event = make()
    try:
        await session.publish(client, event)
    except Wrong as error:
        raise Wrong(f"while a `next` waits, {error}") from error
    answer = await session.answered(waiting, "an event was published")
    if len(answer.events) != 1 or answer.ended:
        raise Wrong(f"a waiting `next` answered {len(answer.events)} events, ended {answer.ended}")
    _expect_wire_form(event, bytes(answer.events[0]))


@check("`next` answers what is there, at most `max`, in order")
async def next_takes_what_is_there(session: Session) -> None:
    client, subscription, make = await _listening(session)
    events = [make() for _ in range(5)]
    await session.publish(client, *events)
    got: list[bytes] = []
    while len(got) < len(events):
        answer = await session.next(subscription, 2)
        if not answer.events:
            raise Wrong(f"`next` answered {len(got)} of {len(events)} events, then none in 3 s")
        got += [bytes(raw) for raw in answer.events]
    for event, text in zip(events, got, strict=True):
        _expect_wire_form(event, text)


@check("`unsubscribe` ends a waiting `next`, and the name is unknown then")
async def unsubscribe_ends(session: Session) -> None:
    _, subscription, _ = await _listening(session)
    waiting = session.spawn_next(subscription)
    await session.ask("unsubscribe", {"subscription": subscription}, Empty)
    answer = await session.answered(waiting, "the subscription was left")
    if answer.events or not answer.ended:
        raise Wrong(
            "the `next` that waited while its subscription was left answered "
            f"{len(answer.events)} events, ended {answer.ended}; right would be none, and true"
        )
    params = {"subscription": subscription, "max": 1, "timeout_ms": 0}
    await session.refused("next", params, -32602, "of a subscription that was left")


@check("after `close`, what is buffered comes first, then `ended`, every time")
async def close_drains(session: Session) -> None:
    client, subscription, make = await _listening(session)
    events = [make(), make()]
    await session.publish(client, *events)
    await session.ask("close", {"client": client}, Empty)
    await session.get(subscription, *events)
    for _ in range(2):
        began = time.monotonic()
        answer = await session.next(subscription, 10, LONG_MS // 10)
        if answer.events or not answer.ended:
            raise Wrong(
                f"`next` after the end answered {len(answer.events)} events, ended "
                f"{answer.ended}; right would be none, and true"
            )
        if time.monotonic() - began > 1:
            raise Wrong("`next` after the end waited; right would be ended true at once")
    await session.ask("unsubscribe", {"subscription": subscription}, Empty)


@check("`close` ends a waiting `next`")
async def close_ends_waiting(session: Session) -> None:
    client, subscription, _ = await _listening(session)
    waiting = session.spawn_next(subscription)
    await session.ask("close", {"client": client}, Empty)
    answer = await session.answered(waiting, "its client was closed")
    if answer.events or not answer.ended:
        raise Wrong(
            f"the `next` that waited while its client was closed answered {len(answer.events)} "
            f"events, ended {answer.ended}; right would be none, and true"
        )


@check("a closed client refuses everything with -32004, and may be closed again")
async def closed_client(session: Session) -> None:
    client = await session.open()
    await session.ask("close", {"client": client}, Empty)
    await session.ask("close", {"client": client}, Empty)
    broken = {**json.loads(an_event().to_json()), "event_type": "no type"}
    for method, extra in (
        ("publish", {"event": json.loads(an_event().to_json())}),
        ("publish", {"event": broken}),
        ("publish_stream", {"event": json.loads(a_stream_event("k").to_json())}),
        ("subscribe", {"pattern": {"tenant_id": str(uuid4())}}),
        ("subscribe_stream", {"workflow_execution_id": "k"}),
        *([("cleanup", {}), ("channels", {})] if session.capabilities.introspection else []),
    ):
        await session.refused(method, {"client": client, **extra}, -32004, "on a closed client")


@check("what is invalid is refused with -32001 or -32002")
async def invalid_is_refused(session: Session) -> None:
    client = await session.open()
    event = json.loads(an_event().to_json())
    stream = json.loads(a_stream_event("k").to_json())
    without = {name: value for name, value in event.items() if name != "source"}
    refused: list[tuple[str, dict[str, Any], int, str]] = []
    if "events" in session.capabilities.profiles:
        pattern = {"tenant_id": event["tenant_id"]}
        refused += [
            (
                "publish",
                {"event": {**event, "event_type": "one"}},
                -32001,
                "of a type of one token",
            ),
            ("publish", {"event": {**event, "id": 7}}, -32001, "of an event whose id is 7"),
            ("publish", {"event": {**event, "timestamp_ms": 1.5}}, -32001, "at half a millisecond"),
            ("publish", {"event": without}, -32001, "of an event without a source"),
            (
                "subscribe",
                {"pattern": {**pattern, "event_type_prefix": "a.*"}},
                -32002,
                "with the prefix a.*",
            ),
            ("subscribe", {"pattern": {}}, -32002, "without a tenant"),
        ]
    if "streams" in session.capabilities.profiles:
        refused += [
            ("publish_stream", {"event": {**stream, "workflowExecutionId": ""}}, -32001, "no key"),
            ("publish_stream", {"event": {**stream, "type": "token"}}, -32001, "of type 'token'"),
            ("subscribe_stream", {"workflow_execution_id": "*"}, -32002, "to the key *"),
        ]
    for method, params, code, why in refused:
        await session.refused(method, {"client": client, **params}, code, why)


@check("unknown members are ignored, missing optionals are null, UUIDs may be in capitals")
async def lenient_reading(session: Session) -> None:
    if "events" not in session.capabilities.profiles:
        return
    client, tenant = await session.open(), uuid4()
    pattern = {"tenant_id": str(tenant).upper(), "newer": [1]}
    params = {"client": client, "pattern": pattern}
    subscription = (await session.ask("subscribe", params, Subscribed)).subscription
    full, bare = (
        an_event(tenant),
        an_event(tenant, workflow_execution_id=None, task_execution_id=None, correlation_id=None),
    )
    members = json.loads(full.to_json())
    for name in ("id", "tenant_id", "workflow_execution_id"):
        members[name] = members[name].upper()
    written = {k: v for k, v in json.loads(bare.to_json()).items() if v is not None}
    for event in ({**members, "newer": {}}, written):
        await session.ask("publish", {"client": client, "event": event}, Empty)
    await session.get(subscription, full, bare)


@check("lone surrogates are read from their escapes, and refused with -32001")
async def surrogates(session: Session) -> None:
    if not session.capabilities.surrogates or "events" not in session.capabilities.profiles:
        return
    client = await session.open()
    event = {**json.loads(an_event().to_json()), "source": "\ud800"}
    params = {"client": client, "event": event}
    await session.refused("publish", params, -32001, 'of a source "\\ud800", a lone surrogate')


@check("a large event passes in one line")
async def large_event(session: Session) -> None:
    if "events" not in session.capabilities.profiles:
        return
    client, event = await session.open(), an_event()
    room = min(session.capabilities.max_event_bytes, 1024 * 1024) - len(event.to_json()) - 10
    event = msgspec.structs.replace(event, data={"text": "x" * room})
    subscription = await session.subscribe(client, EventPattern.all(event.tenant_id))
    await session.publish(client, event)
    await session.get(subscription, event)


@check("`cleanup` and `channels` answer, or are refused with -32601 where that is claimed")
async def introspection(session: Session) -> None:
    client = await session.open()
    if session.capabilities.introspection:
        await session.ask("cleanup", {"client": client}, Removed)
        await session.ask("channels", {"client": client}, Channels)
        return
    for method in ("cleanup", "channels"):
        await session.refused(method, {"client": client}, UNKNOWN_METHOD, "(introspection: false)")


@check("many requests at once are each answered once")
async def many_at_once(session: Session) -> None:
    client = await session.open()
    event = an_event() if "events" in session.capabilities.profiles else a_stream_event("k")
    await asyncio.gather(*(session.publish(client, event) for _ in range(100)))


@check("`shutdown` is answered, and it exits with 0 within 5 s")
async def shuts_down(session: Session) -> None:
    await _listening(session)
    if problem := await session.process.end():
        raise Wrong(problem)


@check("the end of its input means the same")
async def ends_with_its_input(session: Session) -> None:
    await _listening(session)
    session.process.close_input()
    try:
        async with asyncio.timeout(END_S):
            code = await session.process.wait()
    except TimeoutError:
        raise Wrong(f"it did not exit within {END_S:g} s of the end of its input") from None
    if code != 0:
        raise Wrong(f"it exited with {code} at the end of its input; right would be 0")
