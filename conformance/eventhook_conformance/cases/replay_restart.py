"""RPL-13: uses a cursor after the server was killed and started again. These cases run last."""

from __future__ import annotations

from typing import Final

from eventhook_conformance.cases._load import Load
from eventhook_conformance.cases._recovery import Scene, scene_of
from eventhook_conformance.cases._replay import WRONG, ReplayChannel, sides
from eventhook_conformance.contract import START, CursorExpired, InvalidCursor
from eventhook_conformance.history import Event, Side
from eventhook_conformance.probe import Client, Listener, Probe
from eventhook_conformance.probe.failure import describe
from eventhook_conformance.specification import case

_BEFORE: Final = 6
_AFTER: Final = 4


@sides
@case("RPL-13", implicates=WRONG | {"cursor-reused"}, last=True, profile="recovery")
async def cursor_after_a_restart_continues_or_is_refused(probe: Probe, side: Side) -> None:
    """Restarts the server, and resumes at an old cursor: the rest must come, or it must be refused."""
    async with scene_of(probe) as scene:
        client = await scene.client()
        channel = ReplayChannel(probe, side)
        before = await channel.publish(_BEFORE, client)
        reader = await channel.subscribe(START, client)
        await reader.receive(*before)
        cursors = [one.cursor for one in reader.entry.deliveries]
        await reader.leave()
        await _restart(scene)
        fresh = await scene.direct_client()
        after = await channel.publish(_AFTER, fresh)
        for place in (0, _BEFORE // 2, _BEFORE - 1):
            cursor = cursors[place]
            if isinstance(cursor, str):
                listener = await probe.listener(channel.selects, fresh, since=cursor)
                await _judge(probe, listener, [*before[place + 1 :], *after], after)
        await _hears(probe, channel, fresh)


async def _restart(scene: Scene) -> None:
    """Kills and restarts the server; waits until an older client's events come again."""
    load: Load = await scene.traffic()
    load.start()
    await load.lap(1)
    async with scene.broken("killed") as window:
        pass
    await scene.recover(window, load=load)


async def _judge(probe: Probe, listener: Listener, owed: list[Event], after: list[Event]) -> None:
    """Compares what comes since an old cursor with the claim `replay_survives`."""
    survives = probe.capabilities.replay_survives == "server"
    try:
        await listener.enter()
    except (InvalidCursor, CursorExpired) as error:
        probe.expect(
            not survives,
            "a cursor to outlive a restart, as replay_survives=server claims",
            f"entering since it raised {type(error).__name__}",
            listener.entry,
        )
        return
    except Exception as error:  # because: whatever the target raises is a finding
        raise probe.aborted(
            "entering since an old cursor to raise InvalidCursor or CursorExpired, or to succeed",
            f"it raised {describe(error)}",
            listener.entry,
        ) from error
    with listener.reading_on():
        await listener.receive(*(owed if survives else after))
    await listener.leave()


async def _hears(probe: Probe, channel: ReplayChannel, client: Client) -> None:
    """Expects that a reader of the history goes on with live events."""
    reader = await channel.subscribe(START, client)
    with reader.reading_on():
        await reader.receive(*await channel.publish(1, client))
