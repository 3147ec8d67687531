"""REC-07, -09, -10: checks that faults leave nothing behind, and that clients work again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final
from uuid import uuid4

import pytest

from eventhook_conformance.cases._load import GRACE_S, hung
from eventhook_conformance.cases._nats import asks_for, client_of, own_server
from eventhook_conformance.cases._nats_client import subjects_asked
from eventhook_conformance.cases._recovery import Scene, scene_of
from eventhook_conformance.cases._steps import LOSS
from eventhook_conformance.contract import EventPattern
from eventhook_conformance.history import FaultWindow
from eventhook_conformance.probe import Listener, NotOffered, Probe
from eventhook_conformance.specification import case

_FAULTS: Final = 50
_SLACK: Final = 5
"""The growth allowed by chance; a leak at each fault is ten times that."""
_LOOK_EVERY_S: Final = 0.02
_OPEN_FILES: Final = Path("/dev/fd")


@case("REC-07", implicates={"repeated", "lost", "lost-first", "ended"}, last=True)
async def fifty_faults_leave_nothing_behind(probe: Probe) -> None:
    """Resets connections fifty times: tasks, open files and subscriptions must not grow."""
    async with scene_of(probe) as scene:
        await scene.traffic()
        await _reset(scene)
        looks = _looks(scene)
        before = {what: await look() for what, look in looks.items()}
        for _ in range(_FAULTS):
            await _reset(scene)
        for what, look in looks.items():
            most = before[what] + _SLACK
            now = await _at_most(probe, look, most)
            probe.expect(
                now <= most,
                f"as many {what} after {_FAULTS} faults as after one: {before[what]}",
                f"there are {now}",
            )
        await probe.fence(*scene.listeners)


async def _reset(scene: Scene) -> None:
    async with scene.broken("reset") as window:
        pass
    await scene.recover(window)


def _looks(scene: Scene) -> dict[str, Callable[[], Awaitable[int]]]:
    """Returns the counts of the target, from outside or from within its process."""
    server, probe = scene.server, scene.probe

    async def connections() -> int:
        return sum(proxy.open for proxy in scene.proxies)

    async def tasks() -> int:
        return len(asyncio.all_tasks())

    async def files() -> int:
        return sum(1 for _ in _OPEN_FILES.iterdir())

    async def subscriptions() -> int:
        return (await subjects_asked(server.monitor_url or "")).total()

    looks: dict[str, Callable[[], Awaitable[int]]] = {"connections": connections}
    if probe.capabilities.in_process:
        looks |= {"tasks": tasks}
        if _OPEN_FILES.is_dir():
            looks |= {"open files": files}
    if server.monitor_url:
        looks |= {"subscriptions on the server": subscriptions}
    return looks


async def _at_most(probe: Probe, look: Callable[[], Awaitable[int]], most: int) -> int:
    """Returns the count once it is at most that, or after the limit."""
    loop = asyncio.get_running_loop()
    until = loop.time() + probe.deadline.current_s
    # because: nobody tells when the last of something is gone
    while (now := await look()) > most and loop.time() < until:  # noqa: ASYNC110  # because: nothing announces it, so it is looked at again and again
        await asyncio.sleep(_LOOK_EVERY_S)
    return now


@case("REC-09", implicates=LOSS, last=True)
async def a_client_works_on_after_a_call_that_timed_out(probe: Probe) -> None:
    """Stops the server until publishing and entering time out: afterwards the client must work."""
    limit_s = probe.capabilities.publish_timeout_s + GRACE_S
    async with scene_of(probe) as scene:
        _, client = await scene.pair()
        tenant, key = probe.make.tenant(), probe.make.key()
        selects = EventPattern.all(tenant) if scene.events else key
        await scene.subscribe(selects, client)
        late = await probe.listener(selects, client)
        async with scene.broken("paused") as window:
            event = probe.make.event(tenant) if scene.events else probe.make.stream_event(key)
            publishing = probe.spawn(probe.attempt(event, client))
            entering = probe.spawn(_entered(late, limit_s))
            if not await probe.deadline.wait(publishing, timeout_s=limit_s):
                raise hung(probe, [], limit_s)
            # Entering may also wait until the server goes on.
            await asyncio.wait({entering}, timeout=GRACE_S)
        await scene.recover(window)
        await entering
        again = await scene.subscribe(selects, client)
        await scene.hear([again], window, ())
        await probe.fence(*scene.listeners)


async def _entered(listener: Listener, limit_s: float) -> None:
    """Enters, and ignores a refusal, which REC-06 judges."""
    try:
        await listener.enter(limit_s)
    except Exception:  # because: it stands in the history, and is not what is looked at here
        return
    listener.drain()


@case("REC-10", last=True)
async def a_subscription_delivers_again_or_says_that_it_is_lost(probe: Probe) -> None:
    """Kills and restarts the server: each subscription must deliver again or raise SubscriptionLost."""
    async with scene_of(probe) as scene:
        await scene.traffic()
        async with scene.broken("killed") as window:
            pass
        await scene.recover(window, charge=(), or_lost=True)


_USER: Final = """
authorization {{ users: [ {{
    user: "{user}", password: "{password}",
    permissions: {{ publish: ">", subscribe: {{ deny: [{denied}], allow: ">" }} }}
}} ] }}
"""


@case("REC-10", last=True)
@pytest.mark.parametrize("refused", ["user", "subscription"])
async def what_the_server_refuses_for_good_is_lost(probe: Probe, refused: str) -> None:
    """Takes a user or its rights away while a NATS server is down: subscriptions must be lost."""
    if probe.server is None or not probe.server.address.startswith("nats://"):
        raise NotOffered("the suite knows no other server than NATS's to take rights away")
    password, tenant, key = uuid4().hex, probe.make.tenant(), probe.make.key()
    profiles = probe.target.capabilities.profiles
    before = _USER.format(user="reader", password=password, denied="")
    after = (
        _USER.format(user="writer", password=password, denied="")
        if refused == "user"
        else _USER.format(user="reader", password=password, denied='"flovyn.>"')
    )
    async with own_server(before, jetstream="replay" in profiles) as server:
        address = server.address.replace("nats://", f"nats://reader:{password}@")
        async with client_of(probe, address) as client:
            listeners = [
                await probe.subscribe(selects, client)
                for selects, profile in ((EventPattern.all(tenant), "events"), (key, "streams"))
                if profile in profiles
            ]
            # Published by the client itself, it shows that all is in order now.
            await probe.publish(*(asks_for(probe, one) for one in listeners), via=client)
            await probe.fence(*listeners)
            for listener in listeners:
                listener.entry.end_awaited = True
                listener.drain()
            window = FaultWindow(f"the {refused} refused", probe.history.clock.now())
            probe.history.faults.append(window)
            server.configure(after)
            await server.restart()
            await asyncio.gather(*(_is_lost(probe, listener) for listener in listeners))


async def _is_lost(probe: Probe, listener: Listener) -> None:
    """Expects that its reader gets SubscriptionLost within the time of recovery."""
    limit_s = probe.capabilities.recovery_s
    reading = listener.start_reading()
    ended = await probe.deadline.wait(reading, timeout_s=limit_s + GRACE_S)
    if not ended or listener.entry.end != "lost":
        probe.found(
            f"{listener.entry.name} to raise SubscriptionLost, since it can never deliver again",
            f"its reader still waits after {limit_s:g} s"
            if not ended
            else f"it {listener.entry.end} ({listener.entry.end_error or 'StopAsyncIteration'})",
            listener.entry,
        )
