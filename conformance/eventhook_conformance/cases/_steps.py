"""Steps that several cases share."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, TypeAlias
from uuid import UUID

import pytest

from eventhook_conformance.cases._ground import capacity_of
from eventhook_conformance.checker import ViolationKind
from eventhook_conformance.contract import EventPattern, FlovynEvent
from eventhook_conformance.history import Event
from eventhook_conformance.probe import Listener, Probe, Via
from eventhook_conformance.specification import needs

LOSS: Final[frozenset[ViolationKind]] = frozenset({"lost", "lost-first", "ended"})
"""The breaches that show that a subscription missed owed events."""
DISTURBANCE: Final[frozenset[ViolationKind]] = LOSS | {"repeated", "reordered", "altered"}
"""The breaches that show on a subscription what others did beside it."""

_CLIENTS: Final = 2

either: Final = pytest.mark.parametrize(
    "via", ["same", pytest.param("other", marks=needs(multi_client=True))]
)
"""Like `via`, for cases that need no first event of another client, or wait for it (`reach`)."""

Chains: TypeAlias = Mapping[Via, Sequence[Sequence[Event]]]


class ConsumerFailed(Exception):
    """Raised by the body of a subscription if a case wants its consumer to fail."""


async def yields(times: int) -> None:
    """Lets other tasks run for so many turns of the event loop."""
    for _ in range(times):
        await asyncio.sleep(0)


def every_kind(tenant: UUID, event: FlovynEvent) -> list[EventPattern]:
    """Returns one pattern for each filter; each matches the event."""
    return [
        EventPattern.all(tenant),
        EventPattern.by_type(tenant, event.event_type.partition(".")[0]),
        EventPattern.by_type(tenant, event.event_type),
        EventPattern(tenant_id=tenant, workflow_execution_id=event.workflow_execution_id),
        EventPattern(tenant_id=tenant, task_execution_id=event.task_execution_id),
        EventPattern(tenant_id=tenant, source=event.source),
    ]


async def publish_and_read(probe: Probe, chains: Chains, *listeners: Listener) -> None:
    """Publishes all chains concurrently, each as one publisher, and reads them on every listener.

    It goes on in windows, so that never more is unread than the target claims to hold.

    Args:
        probe: the case's.
        chains: for each client, the events of each of its publishers.
        listeners: that read; each gets the events that it selects.
    """
    capacity = capacity_of(probe, listeners[0].entry.side)
    shared = probe.capabilities.overflow_scope == "tenant"
    if shared:
        # Filtered-out events may take room too until they are read past; fences come last.
        capacity = max(1, capacity - 2 * _CLIENTS * len(listeners))
    publishers = [(via, chain) for via, its in chains.items() for chain in its]
    for first in range(0, len(publishers), capacity):
        group = publishers[first : first + capacity]
        for window in _windows(group, max(1, capacity // len(group))):
            await probe.at_once(*(probe.burst(parts, via=via) for via, parts in window.items()))
            events = [event for parts in window.values() for part in parts for event in part]
            for listener in listeners:
                await listener.receive(*(e for e in events if listener.entry.matches(e)))
            if shared:
                await probe.fence(*listeners)


def _windows(
    publishers: Sequence[tuple[Via, Sequence[Event]]], share: int
) -> Iterator[dict[Via, list[Sequence[Event]]]]:
    for start in range(0, max(len(chain) for _, chain in publishers), share):
        window: dict[Via, list[Sequence[Event]]] = {}
        for via, chain in publishers:
            window.setdefault(via, []).append(chain[start : start + share])
        yield window


async def end(guest: Listener, how: str) -> None:
    """Ends a subscription: `left`, `cancelled`, `cancelled-read` (its waiting read first), or `raised`."""
    if how == "cancelled-read":
        await guest.cancel_read()
    if how.startswith("cancelled"):
        await guest.context_task.cancel()
    await guest.leave(ConsumerFailed("the consumer failed on purpose") if how == "raised" else None)
