"""The checks of a driver's protocol, in the order in which a driver is written."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final
from uuid import uuid4

import msgspec

from eventhook_conformance.contract import EventPattern, Unsupported
from eventhook_conformance.driver.messages import (
    UNKNOWN_METHOD,
    Channels,
    Empty,
    Removed,
    Subscribed,
)
from eventhook_conformance.driver.process import (
    END_S,
)
from eventhook_conformance.driver.session import (
    LONG_MS,
    SHORT_MS,
    SLACK_S,
    Session,
    Wrong,
    a_stream_event,
    an_event,
    expect_wire_form,
    take_one,
)

Check = Callable[[Session], Awaitable[None]]
CHECKS: Final[list[tuple[str, str, Check]]] = []


def check(title: str) -> Callable[[Check], Check]:
    """Enters a check; its name is the function's."""

    def enter(function: Check) -> Check:
        name = getattr(function, "__name__", title)
        CHECKS.append((name, title, function))
        return function

    return enter


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


async def _listening(
    session: Session, client: str | None = None
) -> tuple[str, str, Callable[[], Any]]:
    """A client, a subscription of it, and what makes an event for that; on a side that is claimed."""
    if client is None:
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
    expect_wire_form(event, bytes(answer.events[0]))


@check("`next` answers what is there, at most `max`")
async def next_takes_what_is_there(session: Session) -> None:
    client, subscription, make = await _listening(session)
    events = [make() for _ in range(5)]
    await session.publish(client, *events)
    missing = [*events]
    while missing:
        answer = await session.next(subscription, 2)
        if not answer.events:
            came = len(events) - len(missing)
            raise Wrong(f"`next` answered {came} of {len(events)} events, then none in 3 s")
        for raw in answer.events:
            take_one(missing, bytes(raw))


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


async def _settle(session: Session, client: str) -> None:
    """Lets what was published reach the buffers: a bus may hand over after `publish` returned."""
    _, witness, make = await _listening(session, client)
    for _ in range(3):
        event = make()
        await session.publish(client, event)
        await session.get(witness, event)


@check("after `close`, what is buffered comes first, then `ended`, every time")
async def close_drains(session: Session) -> None:
    client, subscription, make = await _listening(session)
    events = [make(), make()]
    await session.publish(client, *events)
    await _settle(session, client)
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


@check(
    "where replay is claimed, `since` begins in the past, `next` has cursors, and `purge` answers"
)
async def replays(session: Session) -> None:
    if "streams" not in session.capabilities.replay:
        return
    client, key = await session.open(), str(uuid4())
    first, second = a_stream_event(key, "1"), a_stream_event(key, "2")
    await session.publish(client, first, second)
    params = {"client": client, "workflow_execution_id": key}
    asked: dict[str, Any] = {**params, "since": "start"}
    start = (await session.ask("subscribe_stream", asked, Subscribed)).subscription
    answer = await session.next(start, 1)
    if not answer.cursors or len(answer.cursors) != 1:
        raise Wrong(f"`next` answered the cursors {answer.cursors}; expected one for each event")
    asked = {**params, "since": {"cursor": answer.cursors[0]}}
    rest = (await session.ask("subscribe_stream", asked, Subscribed)).subscription
    await session.get(rest, second)
    asked = {**params, "since": {"cursor": "no cursor"}}
    await session.refused("subscribe_stream", asked, -32007, "since a cursor with a blank")
    try:
        await session.process.ask("purge", json.dumps(params).encode(), Empty)
    except Unsupported:
        return  # a bus need not offer it


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
