"""RPL: keeps the histories of similar, many or purged channels apart."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from eventhook_conformance.cases._bulk import publish_all, publisher
from eventhook_conformance.cases._ground import Ground
from eventhook_conformance.cases._paced import side_by_side
from eventhook_conformance.cases._replay import LOST, WRONG, ReplayChannel, history_size, sides
from eventhook_conformance.cases._steps import either
from eventhook_conformance.checker import ViolationKind
from eventhook_conformance.contract import LIVE, START, EventPattern
from eventhook_conformance.contract.grammar import MAX_NAME_BYTES
from eventhook_conformance.history import Event, Side
from eventhook_conformance.probe import NotOffered, Probe, Via
from eventhook_conformance.settings import Depth
from eventhook_conformance.specification import case

_APART: Final[frozenset[ViolationKind]] = WRONG | {"leaked", "crossed", "phantom"}
_CURSORS: Final[frozenset[ViolationKind]] = WRONG | {"cursor-malformed", "cursor-reused"}
_MANY: Final[dict[Side, dict[Depth, int]]] = {
    "events": {"quick": 40, "normal": 40, "deep": 200},
    "streams": {"quick": 300, "normal": 300, "deep": 11_000},
}
"""The number of other channels; a tenant may cost much more than a key."""
_STANDING: Final = 12
_BUSY: Final = 8
"""The number of busy channels of each side at a time."""
_BESIDE: Final[dict[Depth, int]] = {"quick": 600, "normal": 5_500, "deep": 41_000}
"""The number of events that are published to these together."""
_LANES: Final = 32
_FEW: Final = 5
_PURGES: Final = 4
_LARGE: Final = 60_000
_LARGE_ONES: Final = 10
"""The number of large events to each of those channels: some megabytes in all."""


def _alike(probe: Probe, side: Side) -> list[ReplayChannel]:
    """Returns channels with similar names."""
    first = ReplayChannel(probe, side)
    if isinstance(first.selects, str):
        key = f"a{first.selects.lower()}"[:40]
        names = (key, f"{key}0", f"{key}-1", f"{key}_", key[:-1], key.upper(), f"-{key}")
        channels = [ReplayChannel(probe, side) for _ in names]
        for channel, name in zip(channels, names, strict=True):
            channel.selects = name
        return channels
    bits = (0, 31, 64, 96, 127)
    tenants = [first.tenant, *(UUID(int=first.tenant.int ^ (1 << bit)) for bit in bits)]
    channels = [ReplayChannel(probe, side) for _ in tenants]
    for channel, tenant in zip(channels, tenants, strict=True):
        channel.tenant, channel.selects = tenant, EventPattern.all(tenant)
    return channels


@sides
@case("RPL-07", implicates=_APART)
async def histories_of_channels_that_are_alike_stay_apart(probe: Probe, side: Side) -> None:
    """Replays channels with similar names: each must give its own history only."""
    channels = _alike(probe, side)
    for count in (1, 2):
        for channel in channels:
            await channel.publish(count)
    readers = [await channel.subscribe(START) for channel in channels]
    for channel, reader in zip(channels, readers, strict=True):
        await reader.receive(*channel.published())
    for channel, reader in zip(channels, readers, strict=True):
        cursor = reader.entry.deliveries[0].cursor
        if isinstance(cursor, str):
            await channel.resume(cursor, *channel.published()[1:])
    await probe.fence(*readers)


@sides
@case("RPL-06", implicates=WRONG)
async def purge_takes_no_channel_that_is_alike(probe: Probe, side: Side) -> None:
    """Purges a channel: those with similar names must keep their history and cursors."""
    channels = _alike(probe, side)
    for channel in channels:
        await channel.publish(3)
    await probe.purge(channels[0].selects)
    for channel in channels[1:]:
        reader = await channel.subscribe(START)
        await reader.receive(*channel.published())
        await reader.leave()


@case(
    "RPL-06",
    needs={"replay": ("events",)},
    implicates=WRONG | {"crossed"},
)
async def purge_of_one_side_leaves_the_other(probe: Probe) -> None:
    """Purges one side where a tenant's id is also a stream's key: the other side must stay."""
    if "streams" not in probe.capabilities.replay:
        raise NotOffered("replay: expected streams beside events")
    for purged in (0, 1):
        events, streams = ReplayChannel(probe, "events"), ReplayChannel(probe, "streams")
        streams.selects = str(events.tenant)
        pair = (events, streams)
        made = [await channel.publish(3) for channel in pair]
        await probe.purge(pair[purged].selects)
        reader = await pair[1 - purged].subscribe(START)
        await reader.receive(*made[1 - purged])
        await reader.leave()


@sides
@either
@case("RPL-02", "RPL-03", implicates=WRONG)
async def history_goes_on_after_a_purge(probe: Probe, side: Side, via: Via) -> None:
    """Purges a channel twice through each client: later events must be kept, with valid cursors."""
    channel = ReplayChannel(probe, side)
    await channel.publish(5)
    for purger in (via, "same"):
        await probe.purge(channel.selects, purger)
        events = await channel.publish(4, via)
        reader = await channel.subscribe(START)
        await reader.receive(*events)
        for place, delivery in enumerate(list(reader.entry.deliveries)):
            if isinstance(delivery.cursor, str):
                rest = await channel.subscribe(delivery.cursor, via)
                await rest.receive(*events[place + 1 :])
                await rest.leave()
        await reader.leave()


@sides
@case("RPL-11", implicates=LOST | {"cursor-refused"})
async def many_other_channels_take_nothing(probe: Probe, side: Side) -> None:
    """Publishes to hundreds of other channels, or thousands: the first ones' histories must stay."""
    quiet = [ReplayChannel(probe, side) for _ in range(2)]
    cursors: list[str] = []
    for channel in quiet:
        reader = await channel.subscribe(START)
        await reader.receive(*(await channel.publish(3))[:1])
        cursors.append(reader.cursor)
        await reader.leave()
    count = probe.distance.fit(_MANY[side][probe.settings.depth], least=40)
    others = [Ground(probe, side) for _ in range(count)]
    await publish_all(probe, await probe.client(), others, _LANES)
    for channel, cursor in zip(quiet, cursors, strict=True):
        events = channel.published()
        start = await channel.subscribe(START)
        await start.receive(*events)
        await start.leave()
        await channel.resume(cursor, *events[1:])


@sides
@case("RPL-11", implicates=LOST | {"cursor-refused"}, since="1.1")
async def many_busy_channels_take_nothing_from_a_quiet_one(probe: Probe, side: Side) -> None:
    """Publishes thousands of events to other channels: a quiet channel's history must stay."""
    quiet = ReplayChannel(probe, side)
    events = await quiet.publish(3)
    reader = await quiet.subscribe(START)
    await reader.receive(*events)
    cursor = reader.entry.deliveries[0].cursor
    await reader.leave()
    claimed: tuple[Side, ...] = ("events", "streams")
    busy = [
        Ground(probe, one)
        for _ in range(_BUSY)
        for one in claimed
        if one in probe.capabilities.replay
    ]
    count = probe.distance.fit(_BESIDE[probe.settings.depth], least=100)
    most = max(1, history_size(probe) // 2) * len(busy)
    rounds = max(1, min(count, most) // len(busy))
    client = await probe.client()
    await publish_all(probe, client, busy * rounds, _LANES)
    # A budget may count bytes.
    large = "x" * min(_LARGE, probe.capabilities.max_event_bytes // 2)
    for ground in busy * min(_LARGE_ONES, max(1, history_size(probe) // 2)):
        publish = publisher(client, ground)
        if isinstance(ground.all, str):
            event: Event = probe.make.stream_event(ground.all, large)
        else:
            event = probe.make.event(ground.all.tenant_id, data=large)
        await probe.returns(publish(event), "publishing a large event")
    start = await quiet.subscribe(START)
    await start.receive(*events)
    if isinstance(cursor, str):
        await quiet.resume(cursor, *events[1:])


@sides
@case("RPL-12", implicates=WRONG, subscriptions=_STANDING + 3)
async def many_replays_that_stand_still_hold_up_nobody(probe: Probe, side: Side) -> None:
    """Leaves many replays unread: other replays and live readers must go on."""
    channels = [ReplayChannel(probe, side) for _ in range(3)]
    size = min(40, history_size(probe) // 2)
    histories = [await channel.publish(size) for channel in channels]
    standing = [await channels[place % 2].subscribe(START) for place in range(_STANDING)]
    for channel, history in zip(channels, histories, strict=True):
        reader = await channel.subscribe(START)
        new = await channel.publish(2)
        await reader.receive(*history, *new)
        await reader.leave()
    # Leaving in the middle of a history takes nothing from the others either.
    for reader in standing[2:]:
        await reader.leave()
    await side_by_side(
        probe, (one.receive(*channels[place].published()) for place, one in enumerate(standing[:2]))
    )


@case("RPL-01", needs={"replay": ("streams",)}, implicates=_CURSORS)
async def cursors_of_any_key_are_well_formed(probe: Probe) -> None:
    """Uses the longest key, and keys with separators: their cursors must be well formed and work."""
    fresh = probe.make.tenant().hex
    for key in (
        f"{fresh}-".ljust(MAX_NAME_BYTES, "k"),
        f"-{fresh}_",
        f"_-0-{fresh}--",
        f"0{fresh}",
    ):
        channel = ReplayChannel(probe, "streams")
        channel.selects = key
        reader = await channel.subscribe(START)
        events = await channel.publish(3)
        await reader.receive(*events)
        cursor = reader.entry.deliveries[0].cursor
        if isinstance(cursor, str):
            await channel.resume(cursor, *events[1:])


@sides
@case("RPL-02", "RPL-06", implicates=WRONG, since="1.1")
async def rest_of_each_length_comes_by_each_filter(probe: Probe, side: Side) -> None:
    """Resumes at each cursor by each filter that selects all: exactly the rest must come."""
    ground = Ground(probe, side)
    await probe.publish(*(events := ground.events(_FEW)))
    reader = await probe.subscribe(ground.all, since=START)
    await reader.receive(*events)
    for place, delivery in enumerate(list(reader.entry.deliveries)):
        if isinstance(delivery.cursor, str):
            for selects in ground.kinds:
                rest = await probe.subscribe(selects, since=delivery.cursor)
                await rest.receive(*events[place + 1 :])
                await rest.leave()


@sides
@case("RPL-03", "RPL-06", implicates=WRONG, since="1.1")
async def purging_again_and_again_forgets_and_deafens_nobody(probe: Probe, side: Side) -> None:
    """Purges a channel again and again: its history must go, and all its readers must go on."""
    channel = ReplayChannel(probe, side)
    readers = [await channel.subscribe(begin) for begin in (START, LIVE)]
    for number in range(_PURGES):
        events = await channel.publish(1 + number)
        for reader in readers:
            await reader.receive(*events)
        await probe.purge(channel.selects)
        gone = channel.published()
        late = [await channel.subscribe(begin) for begin in (START, LIVE)]
        readers += late
        await channel.publish(1)
        for reader in readers:
            await reader.receive(channel.published()[-1])
        for reader in late:
            probe.expect(
                not reader.heard(gone),
                "what was purged to be forgotten",
                f"{reader.entry.name} got some of it",
                reader.entry,
            )


@sides
@either
@case("RPL-06", implicates=WRONG)
async def purge_waits_for_no_reader(probe: Probe, side: Side, via: Via) -> None:
    """Purges a channel whose reader has history unread: later readers must get nothing of it."""
    channel = ReplayChannel(probe, side)
    gone = await channel.publish(6)
    stalled = await channel.subscribe(START)
    await stalled.receive(*gone[:2])
    await probe.purge(channel.selects, via)
    late = await channel.subscribe(START)
    new = await channel.publish(2)
    await late.receive(*new)
    probe.expect(
        not late.heard(gone),
        "what was purged to be forgotten",
        f"{late.entry.name} got some of it",
        late.entry,
    )
