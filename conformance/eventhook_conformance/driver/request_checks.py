"""Checks of a driver: values are read and refused, claims hold, the process ends."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Final
from uuid import uuid4

import msgspec

from eventhook_conformance.contract import EventPattern, Unsupported
from eventhook_conformance.driver.check_list import CheckList, listening
from eventhook_conformance.driver.checked_driver import (
    CheckedDriver,
    Wrong,
    a_stream_event,
    an_event,
)
from eventhook_conformance.driver.messages import (
    UNKNOWN_METHOD,
    Channels,
    Empty,
    Removed,
    Subscribed,
)
from eventhook_conformance.driver.process import END_S

CHECKS: Final = CheckList()


@CHECKS.add("what is invalid is refused with -32001 or -32002")
async def invalid_is_refused(driver: CheckedDriver) -> None:
    client = await driver.open()
    event = json.loads(an_event().to_json())
    stream = json.loads(a_stream_event("k").to_json())
    without = {name: value for name, value in event.items() if name != "source"}
    refused: list[tuple[str, dict[str, Any], int, str]] = []
    if "events" in driver.capabilities.profiles:
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
    if "streams" in driver.capabilities.profiles:
        refused += [
            ("publish_stream", {"event": {**stream, "workflowExecutionId": ""}}, -32001, "no key"),
            ("publish_stream", {"event": {**stream, "type": "token"}}, -32001, "of type 'token'"),
            ("subscribe_stream", {"workflow_execution_id": "*"}, -32002, "to the key *"),
        ]
    for method, params, code, why in refused:
        await driver.refused(method, {"client": client, **params}, code, why)


@CHECKS.add("unknown members are ignored, missing optionals are null, UUIDs may be in capitals")
async def lenient_reading(driver: CheckedDriver) -> None:
    if "events" not in driver.capabilities.profiles:
        return
    client, tenant = await driver.open(), uuid4()
    pattern = {"tenant_id": str(tenant).upper(), "newer": [1]}
    params = {"client": client, "pattern": pattern}
    subscription = (await driver.ask("subscribe", params, Subscribed)).subscription
    full, bare = (
        an_event(tenant),
        an_event(tenant, workflow_execution_id=None, task_execution_id=None, correlation_id=None),
    )
    members = json.loads(full.to_json())
    for name in ("id", "tenant_id", "workflow_execution_id"):
        members[name] = members[name].upper()
    written = {k: v for k, v in json.loads(bare.to_json()).items() if v is not None}
    for event in ({**members, "newer": {}}, written):
        await driver.ask("publish", {"client": client, "event": event}, Empty)
    await driver.get(subscription, full, bare)


@CHECKS.add("lone surrogates are read from their escapes, and refused with -32001")
async def surrogates(driver: CheckedDriver) -> None:
    if not driver.capabilities.surrogates or "events" not in driver.capabilities.profiles:
        return
    client = await driver.open()
    event = {**json.loads(an_event().to_json()), "source": "\ud800"}
    params = {"client": client, "event": event}
    await driver.refused("publish", params, -32001, 'of a source "\\ud800", a lone surrogate')


@CHECKS.add("a large event passes in one line")
async def large_event(driver: CheckedDriver) -> None:
    if "events" not in driver.capabilities.profiles:
        return
    client, event = await driver.open(), an_event()
    room = min(driver.capabilities.max_event_bytes, 1024 * 1024) - len(event.to_json()) - 10
    event = msgspec.structs.replace(event, data={"text": "x" * room})
    subscription = await driver.subscribe(client, EventPattern.all(event.tenant_id))
    await driver.publish(client, event)
    await driver.get(subscription, event)


@CHECKS.add("`cleanup` and `channels` answer, or are refused with -32601 where that is claimed")
async def introspection(driver: CheckedDriver) -> None:
    client = await driver.open()
    if driver.capabilities.introspection:
        await driver.ask("cleanup", {"client": client}, Removed)
        await driver.ask("channels", {"client": client}, Channels)
        return
    for method in ("cleanup", "channels"):
        await driver.refused(method, {"client": client}, UNKNOWN_METHOD, "(introspection: false)")


@CHECKS.add(
    "where replay is claimed, `since` begins in the past, `next` has cursors, and `purge` answers"
)
async def replays(driver: CheckedDriver) -> None:
    if "streams" not in driver.capabilities.replay:
        return
    client, key = await driver.open(), str(uuid4())
    first, second = a_stream_event(key, "1"), a_stream_event(key, "2")
    await driver.publish(client, first, second)
    params = {"client": client, "workflow_execution_id": key}
    asked: dict[str, Any] = {**params, "since": "start"}
    start = (await driver.ask("subscribe_stream", asked, Subscribed)).subscription
    answer = await driver.next(start, 1)
    if not answer.cursors or len(answer.cursors) != 1:
        raise Wrong(f"`next` answered the cursors {answer.cursors}; expected one for each event")
    asked = {**params, "since": {"cursor": answer.cursors[0]}}
    rest = (await driver.ask("subscribe_stream", asked, Subscribed)).subscription
    await driver.get(rest, second)
    asked = {**params, "since": {"cursor": "no cursor"}}
    await driver.refused("subscribe_stream", asked, -32007, "since a cursor with a blank")
    try:
        await driver.process.ask("purge", json.dumps(params).encode(), Empty)
    except Unsupported:
        return  # a bus need not offer it


@CHECKS.add("many requests at once are each answered once")
async def many_at_once(driver: CheckedDriver) -> None:
    client = await driver.open()
    event = an_event() if "events" in driver.capabilities.profiles else a_stream_event("k")
    await asyncio.gather(*(driver.publish(client, event) for _ in range(100)))


@CHECKS.add("`shutdown` is answered, and it exits with 0 within 5 s")
async def shuts_down(driver: CheckedDriver) -> None:
    await listening(driver)
    if problem := await driver.process.end():
        raise Wrong(problem)


@CHECKS.add("at the end of its input it exits as after `shutdown`")
async def ends_with_its_input(driver: CheckedDriver) -> None:
    await listening(driver)
    driver.process.close_input()
    try:
        async with asyncio.timeout(END_S):
            code = await driver.process.wait()
    except TimeoutError:
        raise Wrong(f"it did not exit within {END_S:g} s of the end of its input") from None
    if code != 0:
        raise Wrong(f"it exited with {code} at the end of its input; expected 0")
