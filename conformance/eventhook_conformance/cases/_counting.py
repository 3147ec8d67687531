"""Counts channels, cleans them up, and compares the counts with earlier ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeAlias

from eventhook_conformance.cases._paced import side_by_side
from eventhook_conformance.contract import ChannelCounts, EventPattern
from eventhook_conformance.history import Event
from eventhook_conformance.probe import Client, Listener, Probe, Via

Selects: TypeAlias = EventPattern | str

_ROUND_TRIPS: Final = 50


def idle(probe: Probe, count: int) -> list[Selects]:
    """Makes so many fresh tenants and, where streams are claimed, as many fresh keys."""
    tenants: list[Selects] = [EventPattern.all(probe.make.tenant()) for _ in range(count)]
    if "streams" not in probe.capabilities.profiles:
        return tenants
    return [*tenants, *(probe.make.key() for _ in range(count))]


async def publish_to(probe: Probe, selects: Selects, via: Via = None) -> Event:
    """Publishes one event for that tenant or key; returns it."""
    event: Event
    if isinstance(selects, EventPattern):
        event = probe.make.event(selects.tenant_id)
    else:
        event = probe.make.stream_event(selects)
    await probe.publish(event, via=via)
    return event


async def use(probe: Probe, all_of_them: Sequence[Selects], via: Via = None) -> None:
    """Subscribes to each, publishes to every other one, and leaves."""
    calls = (
        _use(probe, one, via, publish=bool(place % 2)) for place, one in enumerate(all_of_them)
    )
    await side_by_side(probe, calls)


async def _use(probe: Probe, selects: Selects, via: Via, *, publish: bool) -> None:
    listener = await probe.subscribe(selects, via)
    if publish:
        await publish_to(probe, selects, via)
    await listener.leave()


async def cleanup(probe: Probe, client: Client) -> int:
    """Returns the result of `cleanup_inactive_channels`."""
    return await probe.returns(client.cleanup(probe.history), "cleanup_inactive_channels")


async def sweep(probe: Probe, client: Client, times: int) -> None:
    """Cleans up so many times in a row."""
    for _ in range(times):
        await cleanup(probe, client)


async def channels(probe: Probe, client: Client) -> ChannelCounts:
    """Returns the result of `active_channels`."""
    return await probe.returns(client.channels(probe.history), "active_channels")


async def swept(probe: Probe, client: Client) -> ChannelCounts:
    """Returns the channels that are left after a cleanup."""
    await cleanup(probe, client)
    return await channels(probe, client)


def total(counts: ChannelCounts) -> int:
    """Returns the number of channels on both sides."""
    return counts.events + counts.streams


def grown(now: ChannelCounts, since: ChannelCounts) -> bool:
    """Returns whether either side has more channels than before."""
    return now.events > since.events or now.streams > since.streams


async def expect_back(
    probe: Probe,
    client: Client,
    start: ChannelCounts,
    what: str,
    meanwhile: Listener | None = None,
) -> None:
    """Expects that after a cleanup no more channels are left than there were at the start.

    Args:
        probe, client: of the case.
        start: the counts after an earlier cleanup.
        what: was done before, in words.
        meanwhile: cancelling may take a bus a moment; while round trips of this one are made, it
            has that moment.
    """
    now = await swept(probe, client)
    for _ in range(_ROUND_TRIPS if meanwhile is not None else 0):
        if not grown(now, start) or meanwhile is None:
            break
        await probe.fence(meanwhile)
        now = await swept(probe, client)
    probe.expect(
        not grown(now, start),
        f"no more channels after {what} and a cleanup than before: {_shown(start)}",
        _shown(now),
        *probe.history.remarks[-1:],
    )


def _shown(counts: ChannelCounts) -> str:
    return f"events={counts.events} streams={counts.streams}"
