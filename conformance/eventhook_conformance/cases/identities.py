"""EVT, PAT, TEN, STR: uses ids and keys that are similar, nil, or of other versions."""

from __future__ import annotations

from itertools import islice
from typing import Final
from uuid import UUID

from eventhook_conformance.cases._ground import Ground
from eventhook_conformance.cases._paced import deliver, room, side_by_side
from eventhook_conformance.cases._steps import LOSS
from eventhook_conformance.checker import ViolationKind
from eventhook_conformance.contract import EventPattern
from eventhook_conformance.probe import Probe, Via
from eventhook_conformance.specification import case, via

_NIL: Final = UUID(int=0)
_HALF: Final = (1 << 64) - 1
_WRONG: Final[frozenset[ViolationKind]] = LOSS | {"unmatched", "altered", "repeated"}
_OTHERS: Final[frozenset[ViolationKind]] = LOSS | {"leaked", "crossed"}

_WORDS: Final = (
    *("constructor", "__proto__", "prototype", "toString", "hasOwnProperty", "valueOf", "length"),
    *("null", "undefined", "None", "nil", "true", "false", "NaN", "0", "00", "-1", "1e3", "-", "_"),
    *("id", "data", "workflow", "streams", "flovyn", "default", "all", "ALL", "con", "nul"),
)
"""Keys that are valid, and mean something to a language, a store or a file system."""


_SAME_HASH: Final = ("yolrhmnb", "8bx30gkf", "AaAa", "BBBB", "ab", "bA")
"""Pairs with the same CRC-32, the same hash of Java, or the same hash of Bernstein, after any prefix."""


def alike(identifier: UUID) -> list[UUID]:
    """Returns ids that share a part with this one: digits at either end, a half, all but the version."""
    number = identifier.int
    return [
        UUID(int=number ^ _HALF),
        UUID(int=number ^ (_HALF << 64)),
        UUID(int=number ^ ((1 << 96) - 1)),
        UUID(int=number ^ (((1 << 80) - 1) << 48)),
        UUID(int=number ^ 1),
        UUID(int=number ^ (1 << 127)),
        UUID(int=number ^ (1 << 64)),
        # The version and the variant are a part of the id like any other.
        UUID(int=number ^ (0b0101 << 76)),
        UUID(int=number ^ (0b0011 << 76)),
        UUID(int=number ^ (0b11 << 62)),
        UUID(bytes=identifier.bytes[::-1]),
        UUID(bytes_le=identifier.bytes),
    ]


@via
@case("EVT-09", "EVT-01", implicates=_WRONG)
async def ids_that_are_alike_are_other_events(probe: Probe, via: Via) -> None:
    """Publishes events with similar ids of any version, and the nil id: each must come, unchanged."""
    tenant, identifier = probe.make.tenant(), probe.make.tenant()
    listener = await probe.subscribe(EventPattern.all(tenant))
    ids = [identifier, *alike(identifier), _NIL, tenant]
    await deliver(probe, [probe.make.event(tenant, id=one) for one in ids], listener, via=via)


@via
@case("EVT-01", implicates=_WRONG)
async def workflows_and_tasks_keep_their_ids(probe: Probe, via: Via) -> None:
    """Publishes workflow and task ids of any version, nil, or equal to others: each must come unchanged."""
    tenant, identifier = probe.make.tenant(), probe.make.tenant()
    listener = await probe.subscribe(EventPattern.all(tenant))
    ids = [identifier, *alike(identifier), _NIL, tenant]
    events = [probe.make.event(tenant, workflow=one) for one in ids]
    events += [probe.make.event(tenant, task=one) for one in ids]
    events += [probe.make.event(tenant, workflow=one, task=one) for one in ids]
    await deliver(probe, events, listener, via=via)


@case("PAT-05", implicates=_WRONG, subscriptions=14)
async def workflows_that_are_alike_stay_apart(probe: Probe) -> None:
    """Subscribes to workflows with similar ids: each subscription must get its own events only."""
    await _stay_apart(probe, "workflow_execution_id")


@case("PAT-06", implicates=_WRONG, subscriptions=14)
async def tasks_that_are_alike_stay_apart(probe: Probe) -> None:
    """Subscribes to tasks with similar ids: each subscription must get its own events only."""
    await _stay_apart(probe, "task_execution_id")


async def _stay_apart(probe: Probe, member: str) -> None:
    tenant, identifier = probe.make.tenant(), probe.make.tenant()
    some = [identifier, *islice(alike(identifier), max(0, room(probe, 12) - 3)), _NIL]
    by_workflow = member == "workflow_execution_id"
    pattern = EventPattern.for_workflow if by_workflow else EventPattern.for_task
    listeners = await probe.at_once(*(probe.subscribe(pattern(tenant, one)) for one in some))
    events = [
        probe.make.event(tenant, workflow=one)
        if by_workflow
        else probe.make.event(tenant, task=one)
        for one in (*some, *alike(identifier), None, tenant)
    ]
    await deliver(probe, events, *listeners)


@case("TEN-01", implicates={"leaked", "lost", "lost-first"}, exclusive="cleans")
async def nil_tenant_is_a_tenant_like_any_other(probe: Probe) -> None:
    """Uses the nil tenant beside others: each must get its own events only."""
    tenant = probe.make.tenant()
    nil = await probe.subscribe(EventPattern.all(_NIL))
    narrow = await probe.subscribe(EventPattern.by_type(_NIL, "task"))
    other = await probe.subscribe(EventPattern.all(tenant))
    events = [probe.make.event(one, workflow=_NIL) for one in (tenant, _NIL, tenant, _NIL)]
    await deliver(probe, events, nil, narrow, other)
    for listener in (nil, narrow):
        await listener.leave()


@case("STR-02", implicates=_OTHERS, subscriptions=24)
async def keys_that_are_alike_stay_apart(probe: Probe) -> None:
    """Uses stream keys that are similar or collide in hashes: each reader must get its own events only."""
    key = f"{probe.random.getrandbits(60):020d}"
    text = f"k-{key}_A"
    keys = [
        *(key, key.lstrip("0"), f"0{key}", f"-{key}", f"{key}0", f"{key}e0"),
        *(text, text.swapcase(), text.replace("-", "_"), text.replace("-", ""), text[::-1]),
        *(f"{text}-{number}" for number in range(3)),
        *(f"{number}-{text}" for number in range(3)),
        *(f"{text}-{twin}" for twin in _SAME_HASH),
    ]
    some = list(dict.fromkeys(keys))[: room(probe, 24)]
    readers = await probe.at_once(*(probe.subscribe(one) for one in some))
    await probe.burst([[probe.make.stream_event(one)] for one in some])
    await probe.fence(*readers)


@case("STR-02", implicates=_OTHERS, subscriptions=200)
async def hundreds_of_streams_stay_apart(probe: Probe) -> None:
    """Uses hundreds of streams, so that short hashes collide: each reader gets its own events only."""
    await _hundreds(probe, "streams")


@case("TEN-03", implicates=_OTHERS, subscriptions=200)
async def hundreds_of_tenants_stay_apart(probe: Probe) -> None:
    """Uses hundreds of tenants, so that short hashes collide: each reader gets its own events only."""
    await _hundreds(probe, "events")


async def _hundreds(probe: Probe, side: str) -> None:
    grounds = [Ground(probe, "streams" if side == "streams" else "events") for _ in range(200)]
    some = grounds[: room(probe, len(grounds))]
    readers = await probe.at_once(*(ground.subscribe() for ground in some))
    events = [ground.event() for ground in grounds]
    await probe.burst(events[start::20] for start in range(20))
    for reader, event in zip(readers, events, strict=False):
        await reader.receive(event)
    await probe.at_once(*(reader.leave() for reader in readers[1::2]))
    again = [ground.event() for ground in some]
    await probe.burst(again[start::20] for start in range(20))
    for reader, event in zip(readers[::2], again[::2], strict=True):
        await reader.receive(event)


@case("STR-01", implicates=_OTHERS | {"repeated"}, subscriptions=len(_WORDS), self_contained=True)
async def words_are_keys_like_any_other(probe: Probe) -> None:
    """Uses words with a meaning in languages, stores or file systems as keys: each must work."""
    await side_by_side(probe, (_is_a_key(probe, word) for word in _WORDS))


async def _is_a_key(probe: Probe, key: str) -> None:
    listener = await probe.subscribe(key)
    await probe.publish(probe.make.stream_event(key, task=key))
    await probe.fence(listener)
    await listener.leave()
