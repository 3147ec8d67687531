"""NAT-05, -06, -10: checks the subjects subscribed to, the permissions needed, and the rest left over."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import Any, Final
from uuid import UUID, uuid4

import eventhook_fixtures
from eventhook_conformance.cases._nats import asks_for, client_of, own_server
from eventhook_conformance.cases._nats_client import subjects_asked
from eventhook_conformance.cases._steps import LOSS, ConsumerFailed, every_kind, yields
from eventhook_conformance.contract import EventPattern
from eventhook_conformance.probe import NotOffered, Probe, Via
from eventhook_conformance.specification import case

_STEPS: Final = 6


@asynccontextmanager
async def _monitored(probe: Probe) -> AsyncIterator[tuple[Via, str]]:
    """Yields a client and its server's monitoring; starts a server if the target has none with it."""
    if probe.server is not None and probe.server.monitor_url:
        yield None, probe.server.monitor_url
        return
    async with own_server() as server, client_of(probe, server.address) as client:
        yield client, server.monitor_url


@case("NAT-05")
async def subscriptions_ask_for_no_more_than_they_need(probe: Probe) -> None:
    """Subscribes to each pattern of the vectors and a stream: only the needed subjects may be asked for."""
    key, elsewhere = probe.make.key(), Counter[str]()
    async with _monitored(probe) as (via, url):
        for vector in eventhook_fixtures.load("subjects")["subscriptions"]:
            ids: dict[str, UUID] = defaultdict(uuid4)
            pattern = _pattern(vector["pattern"], ids)
            tenant = str(pattern.tenant_id)
            allowed = [[one.format(tenant=tenant) for one in many] for many in vector["allowed"]]
            elsewhere += await _asks_for(
                probe, via, url, pattern, f"flovyn.events.{tenant}", allowed
            )
        subject = f"flovyn.streams.workflow.{key}"
        elsewhere += await _asks_for(probe, via, url, key, subject, [[subject]])
    # Once, it may be somebody else's who uses the server too; again and again, it is ours.
    for subject, count in elsewhere.items():
        probe.expect(
            count < 2,
            "no subscription to ask the server for another tenant's subjects",
            f"{subject} was asked for with {count} of them",
        )


def _pattern(symbols: dict[str, Any], ids: dict[str, UUID]) -> EventPattern:
    return EventPattern(
        tenant_id=ids[symbols["tenant"]],
        workflow_execution_id=ids[symbols["workflow"]] if symbols["workflow"] else None,
        task_execution_id=ids[symbols["task"]] if symbols["task"] else None,
        event_type_prefix=symbols["prefix"],
        source=symbols["source"],
    )


async def _asks_for(
    probe: Probe,
    via: Via,
    url: str,
    selects: EventPattern | str,
    scope: str,
    allowed: list[list[str]],
) -> Counter[str]:
    """Expects that the new subjects in the scope are one of `allowed`; returns those outside."""
    before = await subjects_asked(url)
    listener = await probe.subscribe(selects, via)
    # Not earlier, should entering return before the server was asked (which is PUB-04).
    event = asks_for(probe, listener)
    await probe.publish(event, via=via)
    await listener.receive(event)
    after = await subjects_asked(url) - before
    new = sorted(subject for subject in after.elements() if _reaches(subject, scope))
    if new not in [sorted(alternative) for alternative in allowed]:
        probe.found(
            f"the server to be asked for {' or '.join(' and '.join(one) for one in allowed)}",
            f"it was asked for {' and '.join(map(_explained, new)) or 'nothing of that'}",
            listener.entry,
        )
    await listener.leave()
    return Counter({one for one in after if one.startswith("flovyn.") and one not in new})


def _reaches(subject: str, scope: str) -> bool:
    """Returns whether a subscription to the subject can select anything of the scope."""
    for token, wanted in zip(subject.split("."), scope.split("."), strict=False):
        if token == ">":
            return True
        if token not in ("*", wanted):
            return False
    return True


def _explained(subject: str) -> str:
    forbidden = eventhook_fixtures.load("subjects")["forbidden"]
    why = next((one["why"] for one in forbidden if one["subject"] == subject), None)
    return f"{subject} ({why})" if why else subject


@case("NAT-05", implicates={"reordered", "repeated", "unmatched", *LOSS})
async def a_long_prefix_keeps_publisher_order(probe: Probe) -> None:
    """Publishes a type and its descendants to a long prefix: all must come once, in order."""
    tenant = probe.make.tenant()
    listener = await probe.subscribe(EventPattern.by_type(tenant, "webhook.github"))
    types = (
        "webhook.github",
        "webhook.github.push",
        "webhook.githubx",
        "webhook.github.a.b",
        "webhook.x",
    )
    count = max(1, min(100, probe.capabilities.event_capacity // 2) // len(types))
    for _ in range(2):
        await probe.publish(*(probe.make.event(tenant, one) for _ in range(count) for one in types))
        await probe.fence(listener)


_PERMISSIONS = """
authorization {{
  users: [
    {{
      user: "{user}", password: "{password}",
      permissions: {{
        publish: {{ allow: ["flovyn.events.{tenant}.>", "_INBOX.>"] }}
        subscribe: {{ allow: ["flovyn.events.{tenant}.>", "_INBOX.>"] }}
      }}
    }}
  ]
}}
"""


@case("NAT-06", implicates=LOSS)
async def one_tenants_permissions_suffice(probe: Probe) -> None:
    """Uses a user with permissions for one tenant: subscribing and publishing must work."""
    tenant, password = probe.make.tenant(), uuid4().hex
    config = _PERMISSIONS.format(user="tenant", password=password, tenant=tenant)
    async with own_server(config) as server:
        address = server.address.replace("nats://", f"nats://tenant:{password}@")
        async with client_of(probe, address) as client, client_of(probe, address) as other:
            event = probe.make.event(tenant, "task.created", workflow=uuid4(), task=uuid4())
            listeners = [await probe.subscribe(one, client) for one in every_kind(tenant, event)]
            for publisher in (client, other):
                await probe.reach(*listeners, via=publisher)
                work = [
                    probe.make.event(tenant, name, workflow=uuid4(), task=uuid4())
                    for name in ("task.created", "task.created.again", "workflow.started", "a.b")
                ]
                await probe.publish(event if publisher is client else work[0], via=publisher)
                await probe.publish(*work[1:], via=publisher)
            await probe.fence(*listeners)
            await listeners[0].leave()
            again = await probe.subscribe(EventPattern.all(tenant), client)
            await probe.fence(again)


@case("NAT-10")
async def leaving_takes_back_what_was_asked(probe: Probe) -> None:
    """Ends subscriptions in every way, beside equal ones: none may be left on the server."""
    url = _monitoring(probe)
    tenant, key = probe.make.tenant(), probe.make.key()
    event = probe.make.event(tenant, "task.created", workflow=uuid4(), task=uuid4())
    patterns: list[EventPattern | str] = [
        *every_kind(tenant, event),
        EventPattern.all(tenant),
        key,
        key,
    ]
    for how in ("left", "with something unread", "while a read waits", "by a failing consumer"):
        listeners = [await probe.subscribe(one) for one in patterns]
        if how == "with something unread":
            await probe.publish(event, probe.make.stream_event(key))
            event = probe.make.event(tenant, "task.created", workflow=uuid4(), task=uuid4())
        for listener in listeners:
            if how == "while a read waits":
                await listener.wait_reading()
            await listener.leave(
                ConsumerFailed("on purpose") if how == "by a failing consumer" else None
            )
        await _nothing_is_left(probe, url, {str(tenant), key}, how)


@case("NAT-10", "PUB-23", since="1.1", subscriptions=2 * _STEPS)
async def cancelling_takes_back_what_was_asked(probe: Probe) -> None:
    """Cancels entering and leaving at each step: no subscription may be left on the server."""
    url = _monitoring(probe)
    tenant, key = probe.make.tenant(), probe.make.key()
    for how in ("entering", "leaving"):
        for pause in range(_STEPS):
            for selects in (EventPattern.all(tenant), key):
                guest = await probe.listener(selects)
                if how == "entering":
                    guest.context_task.start()
                    leaving = None
                else:
                    await probe.returns(guest.enter(), "entering")
                    leaving = probe.spawn(guest.context_task.leave())
                await yields(pause)
                if not await guest.context_task.cancel():
                    raise probe.aborted(f"{how} to end when it is cancelled", "it goes on")
                if leaving is not None:
                    await probe.returns(leaving, "leaving that was cancelled")
        await _nothing_is_left(probe, url, {str(tenant), key}, f"cancelled while {how}")


@case("NAT-10")
async def one_of_two_stays_when_the_other_leaves(probe: Probe) -> None:
    """Leaves one of two equal subscriptions, then the other: the server must count one, then none."""
    url = _monitoring(probe)
    tenant = probe.make.tenant()
    first, second = [await probe.subscribe(EventPattern.all(tenant)) for _ in range(2)]
    await first.leave()
    await probe.fence(second)
    await second.leave()
    await _nothing_is_left(probe, url, {str(tenant)}, "left one after the other")


@case("NAT-10", needs={"multi_client": (True,)})
async def closing_takes_back_what_was_asked(probe: Probe) -> None:
    """Closes a client: no subscription of it may be left on the server."""
    url = _monitoring(probe)
    tenant, key, client = probe.make.tenant(), probe.make.key(), await probe.open_client()
    for selects in (EventPattern.all(tenant), EventPattern.by_type(tenant, "task"), key):
        await probe.subscribe(selects, client)
    await probe.close(client)
    await _nothing_is_left(probe, url, {str(tenant), key}, "ended by closing their client")


def _monitoring(probe: Probe) -> str:
    if probe.server is None or not probe.server.monitor_url:
        raise NotOffered("the target's server has no monitoring port (`Server.monitor_url`)")
    return probe.server.monitor_url


async def _nothing_is_left(probe: Probe, url: str, scopes: Collection[str], how: str) -> None:
    """Waits until the server counts no subscription, up to the arrival timeout.

    Raises:
        CaseAborted: it still counts some.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + probe.deadline.current_s
    while True:
        asked = await subjects_asked(url)
        left = [subject for subject in asked if any(scope in subject for scope in scopes)]
        if not left:
            return
        if loop.time() > until:
            raise probe.aborted(
                f"the server to count no subscription of ours after they were {how}",
                f"it counts {', '.join(sorted(left))}",
            )
