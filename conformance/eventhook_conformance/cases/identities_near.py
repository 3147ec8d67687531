"""TEN-01, PAT, STR-02: uses ids, keys and types that differ in one place only."""

from __future__ import annotations

import base64
from typing import Final
from uuid import UUID

from eventhook_conformance.cases._paced import deliver, room
from eventhook_conformance.cases._steps import LOSS
from eventhook_conformance.checker import ViolationKind
from eventhook_conformance.contract import EventPattern
from eventhook_conformance.probe import Probe
from eventhook_conformance.specification import case

_OTHERS: Final[frozenset[ViolationKind]] = LOSS | {"leaked", "unmatched", "crossed"}
_DIGITS: Final = 32
_NIL: Final = UUID(int=0)
_ALL_ONES: Final = UUID(int=(1 << 128) - 1)


def near(identifier: UUID) -> list[UUID]:
    """Yields the ids that differ from this one in a single hexadecimal digit, one for each place."""
    return [UUID(int=identifier.int ^ (1 << 4 * place)) for place in range(_DIGITS)]


@case("TEN-01", implicates=_OTHERS, subscriptions=8)
async def tenants_that_differ_in_one_digit_stay_apart(probe: Probe) -> None:
    """Publishes for tenants that differ in one digit: each subscription gets its own events only."""
    tenant, workflow = probe.make.tenant(), probe.make.tenant()
    others = near(tenant)
    listeners = [
        await probe.subscribe(pattern)
        for pattern in (
            EventPattern.all(tenant),
            EventPattern.by_type(tenant, "task"),
            EventPattern.for_workflow(tenant, workflow),
            EventPattern(tenant_id=tenant, source="suite"),
            EventPattern.all(others[0]),
            EventPattern.all(others[-1]),
        )
    ]
    events = [probe.make.event(one, workflow=workflow) for one in (*others, tenant, *others)]
    await deliver(probe, events, *listeners)


def _written_alike(identifier: UUID) -> list[UUID]:
    """Returns ids that are equal by another byte order, or without the parts that a reader may ignore."""
    number, text = identifier.int, base64.b64encode(identifier.bytes)
    return [
        UUID(bytes=identifier.bytes_le),
        UUID(bytes=identifier.bytes[::-1]),
        UUID(int=number >> 64 | (number & ((1 << 64) - 1)) << 64),
        UUID(int=number ^ (0b11 << 62)),
        UUID(int=number ^ (0b1111 << 76)),
        UUID(bytes=base64.b64decode(text[:21].swapcase() + text[21:])),
        UUID(int=number ^ (1 << 127)),
        UUID(int=number ^ 1),
    ]


@case("TEN-01", implicates=_OTHERS, subscriptions=12)
async def tenants_that_are_written_alike_stay_apart(probe: Probe) -> None:
    """Publishes for tenants whose ids are equal under a careless reading: each gets its own events only."""
    tenant = probe.make.tenant()
    alike = list(dict.fromkeys([tenant, *_written_alike(tenant)]))[: room(probe, 12)]
    listeners = [await probe.subscribe(EventPattern.all(one)) for one in alike]
    await deliver(probe, [probe.make.event(one, data=str(one)) for one in alike], *listeners)


@case("STR-02", implicates=_OTHERS, subscriptions=14)
async def keys_that_are_written_alike_stay_apart(probe: Probe) -> None:
    """Uses keys that differ in hyphens, underscores or leading zeros: each gets its own events only."""
    stem = f"{probe.make.tenant().hex}1"
    keys = [f"{stem}{end}" for end in ("a-b", "a--b", "a---b", "a_b", "a__b", "a-_b", "ab", "a-b-")]
    keys += [f"-{stem}a-b", f"--{stem}a-b", f"_{stem}a-b", f"0{stem}a-b", f"00{stem}a-b"]
    some = keys[: room(probe, len(keys))]
    readers = await probe.at_once(*(probe.subscribe(one) for one in some))
    await probe.burst([[probe.make.stream_event(one)] for one in some])
    await probe.fence(*readers)


@case("PAT-05", "PAT-06", implicates=_OTHERS, subscriptions=6)
async def workflows_and_tasks_that_differ_in_one_digit_stay_apart(probe: Probe) -> None:
    """Filters by workflow and task ids that differ in one digit: each gets its own events only."""
    tenant, wanted = probe.make.tenant(), probe.make.tenant()
    listeners = [
        await probe.subscribe(pattern)
        for pattern in (
            EventPattern.for_workflow(tenant, wanted),
            EventPattern.for_task(tenant, wanted),
            EventPattern(tenant_id=tenant, workflow_execution_id=wanted, task_execution_id=wanted),
        )
    ]
    ids = [*near(wanted), wanted, _NIL, _ALL_ONES]
    events = [probe.make.event(tenant, workflow=one, task=None) for one in ids]
    events += [probe.make.event(tenant, workflow=None, task=one) for one in ids]
    events += [probe.make.event(tenant, workflow=one, task=wanted) for one in ids]
    events += [probe.make.event(tenant, workflow=wanted, task=one) for one in ids]
    await deliver(probe, events, *listeners)


@case("TEN-01", implicates=_OTHERS, exclusive="cleans", subscriptions=4)
async def the_last_of_all_ids_is_one_like_any_other(probe: Probe) -> None:
    """Uses the id of all ones as tenant, workflow and task: it must select its own events only."""
    tenant = probe.make.tenant()
    listeners = [
        await probe.subscribe(pattern)
        for pattern in (
            EventPattern.all(_ALL_ONES),
            EventPattern.for_workflow(tenant, _ALL_ONES),
            EventPattern.for_task(tenant, _ALL_ONES),
            EventPattern.all(tenant),
        )
    ]
    ids = (_ALL_ONES, tenant, None)
    events = [
        probe.make.event(one, workflow=workflow, task=task)
        for one in (tenant, _ALL_ONES)
        for workflow in ids
        for task in ids
    ]
    await deliver(probe, events, *listeners)
    for listener in listeners:
        await listener.leave()


@case("STR-02", implicates=_OTHERS, subscriptions=24)
async def long_keys_that_differ_in_one_place_stay_apart(probe: Probe) -> None:
    """Uses long keys that differ in one place: each reader gets its own events only."""
    stem = probe.make.tenant().hex * 8
    keys = [str(probe.make.tenant())]
    keys += [str(one) for one in near(UUID(keys[0]))[::6]]
    for size in (37, 65, 129, 255):
        for place in (0, size // 2, size - 1):
            keys.append(stem[:place] + "_" + stem[place + 1 : size])
    events = probe.make.fitting(probe.make.stream_event(one) for one in keys)[: room(probe, 24)]
    readers = await probe.at_once(*(probe.subscribe(one.workflow_execution_id) for one in events))
    await probe.burst([event] for event in events)
    await probe.fence(*readers)


@case("PAT-03", implicates=_OTHERS, subscriptions=16)
async def deep_types_that_differ_in_one_token_stay_apart(probe: Probe) -> None:
    """Uses types of three to twenty tokens that differ in one: each prefix selects its own only."""
    tenant = probe.make.tenant()
    kinds: list[str] = []
    prefixes: list[str] = []
    for count in (3, 5, 9, 17, 20):
        tokens = [f"t{place}" for place in range(count)]
        wanted = ".".join(tokens)
        prefixes += [wanted, wanted.replace("t1", "01", 1)]
        kinds += [wanted, f"{wanted}.more", f"{wanted}.more.still", f"{wanted}x", wanted[:-1]]
        kinds += [".".join(tokens[:-1]), f"x.{wanted}", wanted.replace("t1", "1", 1)]
        kinds += [".".join([*tokens[:place], "x", *tokens[place + 1 :]]) for place in (0, 1, -1)]
        kinds += [wanted.replace("t1", "01", 1), wanted.upper(), wanted.replace(".t", "-t")]
    listeners = [
        await probe.subscribe(EventPattern.by_type(tenant, one))
        for one in prefixes[: room(probe, 12)]
    ]
    sound = [kind for kind in dict.fromkeys(kinds) if "." in kind and ".." not in kind]
    await deliver(probe, [probe.make.event(tenant, kind) for kind in sound], *listeners)
