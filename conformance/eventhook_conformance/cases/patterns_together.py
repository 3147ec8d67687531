"""PAT: enters and leaves patterns that share a part, in every order."""

from __future__ import annotations

from itertools import permutations
from typing import Any, Final
from uuid import UUID

import pytest

from eventhook_conformance.cases._paced import deliver, side_by_side
from eventhook_conformance.cases._steps import LOSS
from eventhook_conformance.checker import ViolationKind
from eventhook_conformance.contract import EventPattern, FlovynEvent
from eventhook_conformance.probe import Probe
from eventhook_conformance.specification import case

_WRONG: Final[frozenset[ViolationKind]] = LOSS | {"unmatched", "repeated"}
_MEMBERS: Final = (
    "workflow_execution_id",
    "task_execution_id",
    "event_type_prefix",
    "source",
)


@pytest.mark.parametrize("shared", _MEMBERS)
@case("PAT-08", "PAT-09", implicates=_WRONG, subscriptions=12)
async def patterns_that_share_a_filter_keep_their_own(probe: Probe, shared: str) -> None:
    """Enters patterns that share one filter, in either order: each must get its own events only."""
    tenants = [probe.make.tenant(), probe.make.tenant()]
    await side_by_side(
        probe,
        (_share(probe, tenant, shared, backwards=bool(n)) for n, tenant in enumerate(tenants)),
        each=6,
    )


async def _share(probe: Probe, tenant: UUID, shared: str, *, backwards: bool) -> None:
    values: dict[str, list[Any]] = {
        "workflow_execution_id": [probe.make.tenant(), probe.make.tenant()],
        "task_execution_id": [probe.make.tenant(), probe.make.tenant()],
        "event_type_prefix": ["order.paid", "order.sent"],
        "source": ["shop", "store"],
    }
    common: dict[str, Any] = {"tenant_id": tenant, shared: values[shared][0]}
    others = [member for member in _MEMBERS if member != shared]
    patterns = [
        EventPattern(**common, **{others[0]: values[others[0]][0]}),
        EventPattern(**common, **{others[0]: values[others[0]][1]}),
        EventPattern(**common, **{others[1]: values[others[1]][0]}),
        EventPattern(**common, **{others[2]: values[others[2]][1]}),
        EventPattern(**common),
    ]
    if backwards:
        patterns.reverse()
    listeners = [await probe.subscribe(pattern) for pattern in patterns]
    await deliver(probe, _mixed(probe, tenant, values), *listeners)
    await listeners.pop(0).leave()
    await deliver(probe, _mixed(probe, tenant, values), *listeners)


def _mixed(probe: Probe, tenant: UUID, values: dict[str, list[Any]]) -> list[FlovynEvent]:
    """Makes events with each combination of the values, and those that one filter alone tells apart."""
    return [
        probe.make.event(
            tenant,
            values["event_type_prefix"][number & 1],
            workflow=values["workflow_execution_id"][number >> 1 & 1],
            task=values["task_execution_id"][number >> 2 & 1],
            source=values["source"][number >> 3 & 1],
        )
        for number in range(16)
    ]


@case("PAT-09", implicates=_WRONG, subscriptions=18)
async def ancestors_and_descendants_keep_their_own(probe: Probe) -> None:
    """Enters and leaves prefixes and their descendants in every order: each must get its own events."""
    lanes = (_enter_and_leave(probe, order) for order in permutations(range(3)))
    await side_by_side(probe, lanes, each=4)


async def _enter_and_leave(probe: Probe, order: tuple[int, ...]) -> None:
    tenant = probe.make.tenant()
    prefixes = ("order", "order.paid", "order.paid.twice")
    standing = [await probe.subscribe(EventPattern.by_type(tenant, prefixes[n])) for n in order]
    types = ("order.paid.twice", "order.paid", "order.sent", "orders.paid", "order.paid.twice.more")
    while standing:
        await deliver(probe, [probe.make.event(tenant, one) for one in types], *standing)
        await standing.pop(0).leave()


@case("PUB-01", "PAT-01", "PAT-09", implicates=_WRONG)
async def a_hundred_types_are_as_good_as_one(probe: Probe) -> None:
    """Uses more than a hundred types, categories, sources and workflows: each must get its own events."""
    tenant = probe.make.tenant()
    everything = await probe.subscribe(EventPattern.all(tenant))
    last = await probe.subscribe(EventPattern.by_type(tenant, "c-129.type-129"))
    events = [
        probe.make.event(
            tenant,
            f"c-{number}.type-{number}",
            source=f"source {number}",
            workflow=probe.make.tenant(),
            task=probe.make.tenant(),
        )
        for number in range(130)
    ]
    await deliver(probe, events, everything, last)
    await deliver(
        probe, [probe.make.event(tenant, one.event_type) for one in events[::13]], everything
    )


@case("PAT-04", "PAT-07", implicates=_WRONG, subscriptions=8, self_contained=True)
async def patterns_that_are_written_alike_keep_their_own(probe: Probe) -> None:
    """Uses prefixes and sources that differ in case or a blank: each must get its own events."""
    tenant = probe.make.tenant()
    prefixes, sources = ("task", "Task", "order.paid", "Order.paid"), ("shop", "Shop", "shop ")
    patterns = [EventPattern.by_type(tenant, prefix) for prefix in prefixes]
    patterns += [EventPattern(tenant_id=tenant, source=source) for source in sources]
    listeners = [await probe.subscribe(pattern) for pattern in patterns]
    kinds = ("task.created", "Task.created", "order.paid", "Order.paid")
    events = [probe.make.event(tenant, kind, source=one) for kind in kinds for one in sources]
    await deliver(probe, events, *listeners)
    for listener in listeners:
        await listener.leave()
