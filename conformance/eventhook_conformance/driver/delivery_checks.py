"""Checks of a driver: calls are answered, events arrive, waits end, clients close."""

from __future__ import annotations

import json
import time
from typing import Final
from uuid import uuid4

from eventhook_conformance.contract import EventPattern, FlovynEvent, StreamEvent
from eventhook_conformance.driver.check_list import CheckList, listening
from eventhook_conformance.driver.checked_driver import (
    LONG_MS,
    SHORT_MS,
    SLACK_S,
    CheckedDriver,
    Wrong,
    a_stream_event,
    an_event,
    expect_wire_form,
    take_one,
)
from eventhook_conformance.driver.messages import (
    UNKNOWN_METHOD,
    Channels,
    Empty,
    Removed,
)

CHECKS: Final = CheckList()


@CHECKS.add("an unknown method is refused with -32601")
async def unknown_method(driver: CheckedDriver) -> None:
    await driver.refused("dance", {}, UNKNOWN_METHOD, "(there is no such method)")


@CHECKS.add("unknown clients and subscriptions are refused with -32602")
async def unknown_names(driver: CheckedDriver) -> None:
    event = json.loads(an_event().to_json())
    for method, extra in (
        ("publish", {"event": event}),
        ("close", {}),
        ("subscribe", {"pattern": {"tenant_id": str(uuid4())}}),
    ):
        await driver.refused(method, {"client": "nobody", **extra}, -32602, "of an unknown client")
    none = {"subscription": "nobody"}
    await driver.refused(
        "next", {**none, "max": 1, "timeout_ms": 0}, -32602, "of an unknown subscription"
    )
    await driver.refused("unsubscribe", none, -32602, "of an unknown subscription")


@CHECKS.add("an event without a subscriber is published")
async def publishes(driver: CheckedDriver) -> None:
    events = "events" in driver.capabilities.profiles
    await driver.publish(await driver.open(), an_event() if events else a_stream_event("k"))


@CHECKS.add("an event arrives, in its wire form")
async def event_arrives(driver: CheckedDriver) -> None:
    if "events" not in driver.capabilities.profiles:
        return
    client, full = await driver.open(), an_event()
    bare = an_event(
        full.tenant_id,
        workflow_execution_id=None,
        task_execution_id=None,
        correlation_id=None,
        data=None,
    )
    subscription = await driver.subscribe(client, EventPattern.all(full.tenant_id))
    await driver.publish(client, full, bare)
    await driver.get(subscription, full, bare)


@CHECKS.add("a stream event arrives, in its wire form")
async def stream_event_arrives(driver: CheckedDriver) -> None:
    if "streams" not in driver.capabilities.profiles:
        return
    client, key = await driver.open(), str(uuid4())
    subscription = await driver.subscribe(client, key)
    event = a_stream_event(key, ' "é😀"\r\n')
    await driver.publish(client, event)
    await driver.get(subscription, event)


@CHECKS.add("`next` answers no events when its time is over, and not before")
async def next_times_out(driver: CheckedDriver) -> None:
    _, subscription, _ = await listening(driver)
    for timeout_ms in (0, SHORT_MS):
        began = time.monotonic()
        answer = await driver.next(subscription, 10, timeout_ms)
        took = time.monotonic() - began
        if answer.events or answer.ended:
            raise Wrong(
                f"`next` with nothing to read answered events {len(answer.events)}, ended "
                f"{answer.ended}; expected no events, and ended false"
            )
        if took < timeout_ms / 1000 - SLACK_S:
            raise Wrong(
                f"`next` with timeout_ms {timeout_ms} answered after {took * 1000:.0f} ms; "
                "it has to wait for an event until its time is over"
            )
        if took > timeout_ms / 1000 + 2:
            raise Wrong(f"`next` with timeout_ms {timeout_ms} answered only after {took:.1f} s")


@CHECKS.add("a waiting `next` holds up nothing, and answers as soon as an event comes")
async def next_waits_aside(driver: CheckedDriver) -> None:
    client, subscription, make = await listening(driver)
    waiting = driver.spawn_next(subscription)
    event = make()
    try:
        await driver.publish(client, event)
    except Wrong as error:
        raise Wrong(f"while a `next` waits, {error}") from error
    answer = await driver.answered(waiting, "an event was published")
    if len(answer.events) != 1 or answer.ended:
        raise Wrong(f"a waiting `next` answered {len(answer.events)} events, ended {answer.ended}")
    expect_wire_form(event, bytes(answer.events[0]))


@CHECKS.add("while a `next` waits, every other call is answered")
async def next_holds_up_no_call(driver: CheckedDriver) -> None:
    client, subscription, _ = await listening(driver)
    waiting = driver.spawn_next(subscription)
    try:
        for side in ("events", "streams"):
            if side in driver.capabilities.profiles:
                events = side == "events"
                await driver.publish(client, an_event() if events else a_stream_event("k"))
                another = EventPattern.all(uuid4()) if events else str(uuid4())
                left = await driver.subscribe(client, another)
                await driver.ask("unsubscribe", {"subscription": left}, Empty)
        several = driver.capabilities.multi_client
        other, beside, make = await listening(driver, None if several else client)
        await driver.publish(other, make())
        await driver.next(beside, 1)
        await driver.ask("unsubscribe", {"subscription": beside}, Empty)
        if driver.capabilities.introspection:
            await driver.ask("cleanup", {"client": client}, Removed)
            await driver.ask("channels", {"client": client}, Channels)
        if several:
            await driver.ask("close", {"client": other}, Empty)
    except Wrong as error:
        raise Wrong(f"while a `next` waits, {error}") from error
    await driver.ask("unsubscribe", {"subscription": subscription}, Empty)
    await driver.answered(waiting, "the subscription was left")


@CHECKS.add("`next` answers what is there, at most `max`")
async def next_takes_what_is_there(driver: CheckedDriver) -> None:
    client, subscription, make = await listening(driver)
    events = [make() for _ in range(5)]
    await driver.publish(client, *events)
    missing = [*events]
    while missing:
        answer = await driver.next(subscription, 2)
        if not answer.events:
            came = len(events) - len(missing)
            raise Wrong(f"`next` answered {came} of {len(events)} events, then none in 3 s")
        for raw in answer.events:
            take_one(missing, bytes(raw))


@CHECKS.add("`unsubscribe` ends a waiting `next`, and the name is unknown then")
async def unsubscribe_ends(driver: CheckedDriver) -> None:
    _, subscription, _ = await listening(driver)
    waiting = driver.spawn_next(subscription)
    await driver.ask("unsubscribe", {"subscription": subscription}, Empty)
    answer = await driver.answered(waiting, "the subscription was left")
    if answer.events or not answer.ended:
        raise Wrong(
            "the `next` that waited while its subscription was left answered "
            f"{len(answer.events)} events, ended {answer.ended}; expected none, and true"
        )
    params = {"subscription": subscription, "max": 1, "timeout_ms": 0}
    await driver.refused("next", params, -32602, "of a subscription that was left")


async def _settle(driver: CheckedDriver, client: str) -> None:
    """Waits until published events are in the buffers: a bus may deliver after `publish` returned."""
    _, witness, make = await listening(driver, client)
    for _ in range(3):
        event = make()
        await driver.publish(client, event)
        await driver.get(witness, event)


@CHECKS.add("after `close`, what is buffered comes first, then `ended`, every time")
async def close_drains(driver: CheckedDriver) -> None:
    client, subscription, make = await listening(driver)
    events = [make(), make()]
    await driver.publish(client, *events)
    await _settle(driver, client)
    await driver.ask("close", {"client": client}, Empty)
    await driver.get(subscription, *events)
    for most in (10, 10, 1, 1, 100):
        began = time.monotonic()
        answer = await driver.next(subscription, most, LONG_MS // 10)
        if answer.events or not answer.ended:
            raise Wrong(
                f"`next` after the end answered {len(answer.events)} events, ended "
                f"{answer.ended}; expected none, and true"
            )
        if time.monotonic() - began > 1:
            raise Wrong("`next` after the end waited; expected ended true at once")
    await driver.ask("unsubscribe", {"subscription": subscription}, Empty)


@CHECKS.add("`close` ends a waiting `next`")
async def close_ends_waiting(driver: CheckedDriver) -> None:
    client, subscription, _ = await listening(driver)
    waiting = driver.spawn_next(subscription)
    await driver.ask("close", {"client": client}, Empty)
    answer = await driver.answered(waiting, "its client was closed")
    if answer.events or not answer.ended:
        raise Wrong(
            f"the `next` that waited while its client was closed answered {len(answer.events)} "
            f"events, ended {answer.ended}; expected none, and true"
        )


@CHECKS.add("`close` leaves the other clients alone, on both sides")
async def close_leaves_others(driver: CheckedDriver) -> None:
    if not driver.capabilities.multi_client:
        return
    first, second = await driver.open(), await driver.open()
    tenant, key = uuid4(), str(uuid4())
    sides: list[tuple[EventPattern | str, FlovynEvent | StreamEvent]] = []
    if "events" in driver.capabilities.profiles:
        sides.append((EventPattern.all(tenant), an_event(tenant)))
    if "streams" in driver.capabilities.profiles:
        sides.append((key, a_stream_event(key)))
    for selects, _ in sides:
        await driver.subscribe(first, selects)
    subscriptions = [await driver.subscribe(second, selects) for selects, _ in sides]
    await driver.ask("close", {"client": first}, Empty)
    for subscription, (_, event) in zip(subscriptions, sides, strict=True):
        await driver.publish(second, event)
        await driver.get(subscription, event)


@CHECKS.add("a closed client refuses everything with -32004, and may be closed again")
async def closed_client(driver: CheckedDriver) -> None:
    client = await driver.open()
    await driver.ask("close", {"client": client}, Empty)
    await driver.ask("close", {"client": client}, Empty)
    broken = {**json.loads(an_event().to_json()), "event_type": "no type"}
    for method, extra in (
        ("publish", {"event": json.loads(an_event().to_json())}),
        ("publish", {"event": broken}),
        ("publish_stream", {"event": json.loads(a_stream_event("k").to_json())}),
        ("subscribe", {"pattern": {"tenant_id": str(uuid4())}}),
        ("subscribe_stream", {"workflow_execution_id": "k"}),
        *([("cleanup", {}), ("channels", {})] if driver.capabilities.introspection else []),
    ):
        await driver.refused(method, {"client": client, **extra}, -32004, "on a closed client")
