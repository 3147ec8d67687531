"""TEN-01, PAT, STR-02: uses ids, keys, types and sources that have the same hash."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from eventhook_conformance.cases._paced import deliver, room
from eventhook_conformance.cases._steps import LOSS
from eventhook_conformance.checker import ViolationKind
from eventhook_conformance.contract import EventPattern
from eventhook_conformance.probe import Probe
from eventhook_conformance.specification import case

_OTHERS: Final[frozenset[ViolationKind]] = LOSS | {"leaked", "unmatched", "crossed"}
_HALF: Final = (1 << 64) - 1
_PRIME_OF_PYTHON: Final = (1 << 61) - 1
_OCTAL: Final = int("7" * 32, 16)
_CRC_OF_BYTES: Final = 0x80000000000000000000010905E6
"""Changes an id, but not the CRC-32 of its bytes."""
_CRC_OF_TEXT: Final = 0x300010204254
"""Changes an id whose digits are 0 to 7, but not the CRC-32 of its text."""

_TWINS: Final = (
    ("yolrhmnb", "8bx30gkf"),
    ("AaAa", "BBBB"),
    ("ab", "bA"),
    ("aca", "bab"),
    ("abc", "acb"),
)
"""Pairs with one CRC-32, one hash of Java's, one of Bernstein's, one Adler-32, and one sum: behind any
equal beginning, and before any equal end."""


def same_hash(identifier: UUID) -> list[UUID]:
    """Returns ids that share a common hash, sum or checksum with one whose digits are 0 to 7."""
    number = identifier.int
    bytes_ = identifier.bytes
    swapped = bytes_[1::-1] + bytes_[2:]
    return [
        UUID(int=number ^ (1 << 64 | 1)),  # one exclusive or of its halves
        UUID(int=number ^ (1 << 32 | 1)),  # one of its words
        UUID(int=number >> 64 | (number & _HALF) << 64),  # one sum of its halves
        UUID(int=(number + _PRIME_OF_PYTHON) % (1 << 128)),
        UUID(int=number ^ _CRC_OF_BYTES),
        UUID(int=number ^ _CRC_OF_TEXT),
        UUID(bytes=swapped),  # one sum of its bytes
    ]


def _identifier(probe: Probe) -> UUID:
    return UUID(int=probe.make.tenant().int & _OCTAL | 1 << 120)


@case("TEN-01", implicates=_OTHERS, subscriptions=8, since="1.1")
async def tenants_with_one_hash_stay_apart(probe: Probe) -> None:
    """Publishes for tenants with one hash, of bytes or texts: each must get its own events only."""
    tenant = _identifier(probe)
    tenants = list(dict.fromkeys([tenant, *same_hash(tenant)]))
    listeners = [await probe.subscribe(EventPattern.all(one)) for one in tenants[: room(probe, 8)]]
    await deliver(probe, [probe.make.event(one) for one in tenants], *listeners)


@case("PAT-05", "PAT-06", implicates=_OTHERS, subscriptions=3, since="1.1")
async def workflows_and_tasks_with_one_hash_stay_apart(probe: Probe) -> None:
    """Filters by workflows and tasks with one hash: each subscription must get its own events only."""
    tenant, wanted = probe.make.tenant(), _identifier(probe)
    listeners = [
        await probe.subscribe(pattern)
        for pattern in (
            EventPattern.for_workflow(tenant, wanted),
            EventPattern.for_task(tenant, wanted),
            EventPattern(tenant_id=tenant, workflow_execution_id=wanted, task_execution_id=wanted),
        )
    ]
    events = [
        probe.make.event(tenant, workflow=workflow, task=task)
        for one in (wanted, *same_hash(wanted))
        for workflow, task in ((one, None), (None, one), (one, wanted), (wanted, one))
    ]
    await deliver(probe, events, *listeners)


@case("PAT-07", "PAT-03", "PAT-02", implicates=_OTHERS, subscriptions=16, since="1.1")
async def names_with_one_hash_stay_apart(probe: Probe) -> None:
    """Filters by sources, categories and types with one hash: each must select its own events only."""
    tenant = probe.make.tenant()
    stem = f"n{probe.random.getrandbits(32)}"
    pairs = [(f"{stem}{one}", f"{stem}{other}") for one, other in _TWINS]
    patterns = [
        pattern
        for wanted, _ in pairs
        for pattern in (
            EventPattern(tenant_id=tenant, source=wanted),
            EventPattern.by_type(tenant, wanted),
            EventPattern.by_type(tenant, f"order.{wanted}"),
        )
    ]
    listeners = [await probe.subscribe(one) for one in patterns[: room(probe, 16)]]
    events = [
        event
        for pair in pairs
        for name in pair
        for event in (
            probe.make.event(tenant, source=name),
            probe.make.event(tenant, f"{name}.created"),
            probe.make.event(tenant, f"order.{name}"),
            probe.make.event(tenant, f"order.{name}.created"),
        )
    ]
    await deliver(probe, events, *listeners)


@case("STR-02", implicates=_OTHERS, subscriptions=18, since="1.1")
async def keys_with_one_hash_stay_apart(probe: Probe) -> None:
    """Uses stream keys with one hash, tokens and texts of ids: each reader gets its own events only."""
    identifier = _identifier(probe)
    stem = probe.make.tenant().hex
    keys = [str(one) for one in (identifier, *same_hash(identifier))]
    keys += [f"{stem}{name}" for pair in _TWINS for name in pair]
    some = list(dict.fromkeys(keys))[: room(probe, 18)]
    readers = await probe.at_once(*(probe.subscribe(one) for one in some))
    await probe.burst([probe.make.stream_event(one)] for one in some)
    await probe.fence(*readers)
