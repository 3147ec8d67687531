"""PAT: plays the decision table of the fixtures on the bus, and more."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final
from uuid import UUID, uuid4

import pytest

import eventhook_fixtures
from eventhook_conformance.cases._paced import deliver, runs, side_by_side
from eventhook_conformance.cases._vectors import SUBSCRIPTIONS, play_table
from eventhook_conformance.checker import ViolationKind
from eventhook_conformance.contract import (
    MAX_NAME_BYTES,
    EventPattern,
    FlovynEvent,
    InvalidPattern,
)
from eventhook_conformance.probe import Listener, Probe, Via
from eventhook_conformance.specification import case, needs, via

_WRONG: Final[frozenset[ViolationKind]] = frozenset({"unmatched", "lost", "lost-first"})
"""The breaches that show a pattern to select too much or too little."""


@case("PAT-01", implicates=_WRONG)
async def open_pattern_gets_every_event(probe: Probe) -> None:
    """Plays the vectors of open patterns: each event of the tenant must be selected."""
    await play_table(probe, "PAT-01")


@case("PAT-02", implicates=_WRONG, subscriptions=26)
async def one_token_selects_its_category(probe: Probe) -> None:
    """Plays the vectors of categories: only types whose first token is equal may be selected."""
    await play_table(probe, "PAT-02")


@case("PAT-03", implicates=_WRONG, subscriptions=26)
async def longer_prefix_selects_type_and_descendants(probe: Probe) -> None:
    """Plays the vectors of longer prefixes: the type and its descendants must be selected."""
    await play_table(probe, "PAT-03")


@case("PAT-04", implicates=_WRONG)
async def matching_is_case_sensitive(probe: Probe) -> None:
    """Plays the vectors of letter case, in types, prefixes and sources: case must count."""
    await play_table(probe, "PAT-04")


@case("PAT-05", implicates=_WRONG)
async def workflow_filter_gets_that_workflow_only(probe: Probe) -> None:
    """Plays the vectors of workflow filters: only events of that workflow may be selected."""
    await play_table(probe, "PAT-05")


@case("PAT-06", implicates=_WRONG)
async def task_filter_gets_that_task_only(probe: Probe) -> None:
    """Plays the vectors of task filters: only events of that task may be selected."""
    await play_table(probe, "PAT-06")


@case("PAT-07", implicates=_WRONG, subscriptions=26)
async def source_matches_exactly_and_whole(probe: Probe) -> None:
    """Plays the vectors of sources: only the equal source may be selected."""
    await play_table(probe, "PAT-07")


@case("PAT-08", implicates=_WRONG, subscriptions=26)
async def filters_combine_by_and(probe: Probe) -> None:
    """Plays every subset of the four filters: an event that misses one may not be selected."""
    await play_table(probe, "PAT-08")


@via
@case("PAT-09", implicates=_WRONG | {"leaked"}, subscriptions=SUBSCRIPTIONS)
async def whole_decision_table_holds(probe: Probe, via: Via) -> None:
    """Plays the whole decision table on each client."""
    await play_table(probe, via=via)


@case("PAT-09", implicates=_WRONG | {"leaked"})
async def patterns_side_by_side_keep_their_own(probe: Probe) -> None:
    """Enters several patterns on one client, and leaves some: each must get exactly its own events."""
    tenant, workflow = probe.make.tenant(), uuid4()
    patterns = [
        EventPattern.for_workflow(tenant, workflow),
        EventPattern.by_type(tenant, "order"),
        EventPattern(tenant_id=tenant, source="shop"),
        EventPattern.by_type(tenant, "order.paid"),
    ]
    standing = await probe.at_once(*(probe.subscribe(one) for one in [*patterns, patterns[1]]))
    await _play_side_by_side(probe, tenant, workflow, standing)
    for place in (4, 2, 0):
        await standing.pop(place).leave()
        await _play_side_by_side(probe, tenant, workflow, standing)


async def _play_side_by_side(
    probe: Probe, tenant: UUID, workflow: UUID, standing: list[Listener]
) -> None:
    for event_type in ("order.paid", "order.paid.twice", "task.created"):
        events = [
            probe.make.event(tenant, event_type, workflow=of, source=source)
            for of in (workflow, None)
            for source in ("shop", "suite")
        ]
        await deliver(probe, events, *standing)


@case("PAT-10")
async def malformed_prefix_is_refused(probe: Probe) -> None:
    """Subscribes with malformed prefixes: each must be refused."""
    tenant = probe.make.tenant()
    standing = await probe.subscribe(EventPattern.all(tenant))
    for one in eventhook_fixtures.load("prefixes")["invalid"]:
        await probe.refuse_subscription(EventPattern.by_type(tenant, one["value"]), InvalidPattern)
    await probe.refuse_subscription(
        EventPattern(tenant_id=tenant, workflow_execution_id=uuid4(), event_type_prefix="order."),
        InvalidPattern,
    )
    await probe.fence(standing)


@case("PAT-10", implicates={"lost", "lost-first", "unmatched"}, subscriptions=41)
async def well_formed_prefix_is_accepted(probe: Probe) -> None:
    """Subscribes with unusual but well-formed prefixes: each must be accepted."""
    tenant = probe.make.tenant()
    prefixes = [one["value"] for one in eventhook_fixtures.load("prefixes")["valid"]]
    await side_by_side(probe, (_is_a_prefix(probe, tenant, prefix) for prefix in prefixes))


async def _is_a_prefix(probe: Probe, tenant: UUID, prefix: str) -> None:
    listener = await probe.subscribe(pattern := EventPattern.by_type(tenant, prefix))
    # A longer single token is well formed, but no type of 255 bytes can go on after it.
    selects_any = "." in prefix or len(prefix) <= MAX_NAME_BYTES - 2
    if selects_any and probe.make.carries(probe.make.fence_event(pattern)):
        await probe.fence(listener)
    await listener.leave()


@case("PAT-11", implicates=_WRONG, subscriptions=26)
async def filters_are_data(probe: Probe) -> None:
    """Uses wildcards of other systems as sources: each must match itself only."""
    await play_table(probe, "PAT-11")


@case("PAT-11", implicates={"unmatched"})
async def wildcard_sources_open_nothing(probe: Probe) -> None:
    """Subscribes with wildcards as sources beside other patterns: each must select its own events only."""
    tenant = probe.make.tenant()
    sources = ("*", ">", "a.>")
    listeners = [
        await probe.subscribe(EventPattern(tenant_id=tenant, source=source)) for source in sources
    ]
    others = ("suite", "", "a.b", "**", "*.*", "> ", " *", "a", "worker:1", "a.>.b", "x*")
    events = [probe.make.event(tenant, source=source, workflow=uuid4()) for source in others]
    await deliver(probe, events, *listeners)


_SILENT: Final[dict[str, Callable[[UUID], EventPattern]]] = {
    "workflow": lambda tenant: EventPattern.for_workflow(tenant, uuid4()),
    "task": lambda tenant: EventPattern.for_task(tenant, uuid4()),
    "type": lambda tenant: EventPattern.by_type(tenant, "never.happens"),
    "source": lambda tenant: EventPattern(tenant_id=tenant, source="nobody"),
}


@pytest.mark.parametrize(
    "reader",
    ["reading", pytest.param("unread", marks=needs(overflow_scope="subscription"))],
)
@case("PAT-12", implicates={"unmatched", "lost", "lost-first", "ended"})
async def filter_that_nothing_matches_costs_nothing(probe: Probe, reader: str) -> None:
    """Waits on a filter that nothing matches: nothing may come until a matching event does."""
    tenant = probe.make.tenant()
    quiet = [await probe.subscribe(silent(tenant)) for silent in _SILENT.values()]
    busy = await probe.subscribe(EventPattern.all(tenant))
    if reader == "reading":
        for listener in quiet:
            await listener.wait_reading()
    for _ in range(3):
        events = _filtered_out(probe, tenant, min(probe.capabilities.event_capacity - 2, 32))
        await probe.burst(runs(events))
        await busy.receive(*events)
    await probe.fence(*quiet, busy)


def _filtered_out(probe: Probe, tenant: UUID, count: int) -> list[FlovynEvent]:
    return [probe.make.event(tenant, "task.created") for _ in range(max(1, count))]


@pytest.mark.parametrize("filter_name", ["workflow", "task", "type", "source"])
@case(
    "PAT-13",
    needs={"overflow_scope": ("subscription",)},
    implicates={"lost", "lost-first", "unmatched", "ended"},
)
async def filtered_out_events_evict_nothing(probe: Probe, filter_name: str) -> None:
    """Publishes more filtered-out events than the capacity: no selected event may be lost."""
    tenant = probe.make.tenant()
    pattern = _SILENT[filter_name](tenant)
    rare = await probe.subscribe(pattern)
    capacity = probe.capabilities.event_capacity
    await probe.publish(*(_selected(probe, pattern) for _ in range(2)))
    lanes = 64
    await probe.burst(
        _filtered_out(probe, tenant, (capacity + 7) // lanes + 1) for _ in range(lanes)
    )
    await probe.publish(*(_selected(probe, pattern) for _ in range(2)))
    await probe.fence(rare)


def _selected(probe: Probe, pattern: EventPattern) -> FlovynEvent:
    return probe.make.event(
        pattern.tenant_id,
        pattern.event_type_prefix or "order.created",
        workflow=pattern.workflow_execution_id,
        task=pattern.task_execution_id,
        source=pattern.source or "suite",
    )


@case(
    "PAT-13",
    needs={"overflow_scope": ("tenant",)},
    implicates={"lost", "lost-first", "unmatched", "ended"},
)
async def shared_ring_holds_its_capacity_of_all_events(probe: Probe) -> None:
    """Publishes selected and other events up to the shared capacity: no selected event may be lost."""
    tenant = probe.make.tenant()
    pattern = EventPattern.by_type(tenant, "order.created")
    rare = await probe.subscribe(pattern)
    whole = await probe.subscribe(EventPattern.all(tenant))
    for wanted_first in (True, False):
        unwanted = _filtered_out(probe, tenant, probe.capabilities.event_capacity - 4)
        wanted = [_selected(probe, pattern)]
        await probe.publish(*((wanted + unwanted) if wanted_first else (unwanted + wanted)))
        await rare.receive(*wanted)
        await whole.receive(*wanted, *unwanted)
        await probe.fence(rare, whole)


@case(
    "PAT-13",
    needs={"overflow_scope": ("tenant",), "overflow": ("drop_oldest",)},
    implicates={"lost", "lost-first", "unmatched", "ended"},
)
async def shared_ring_keeps_the_newest_of_all_events(probe: Probe) -> None:
    """Overruns a shared ring by other events: only the oldest selected events may be lost."""
    tenant = probe.make.tenant()
    pattern = EventPattern.by_type(tenant, "order.created")
    rare = await probe.subscribe(pattern)
    capacity = probe.capabilities.event_capacity
    await probe.publish(_selected(probe, pattern))
    await probe.publish(*_filtered_out(probe, tenant, capacity + 7))
    newest = _selected(probe, pattern)
    await probe.publish(newest, *_filtered_out(probe, tenant, capacity - 2))
    await rare.receive(newest)
    await probe.fence(rare)


@case(
    "PAT-13",
    needs={"overflow_scope": ("tenant",), "overflow": ("drop_newest",)},
    implicates={"lost", "lost-first", "unmatched", "ended"},
)
async def shared_ring_keeps_the_oldest_of_all_events(probe: Probe) -> None:
    """Fills a shared ring with other events: only the newest selected events may be lost."""
    tenant = probe.make.tenant()
    pattern = EventPattern.by_type(tenant, "order.created")
    rare = await probe.subscribe(pattern)
    oldest, last = _selected(probe, pattern), _selected(probe, pattern)
    unwanted = _filtered_out(probe, tenant, probe.capabilities.event_capacity - 2)
    await probe.publish(oldest, *unwanted, last)
    await probe.publish(*_filtered_out(probe, tenant, 7), _selected(probe, pattern))
    await rare.receive(oldest, last)
    await probe.fence(rare)
