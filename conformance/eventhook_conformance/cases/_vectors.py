"""The decision table of pattern matching, played on a real bus."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, Final
from uuid import UUID, uuid4

import eventhook_fixtures
from eventhook_conformance.cases._paced import deliver, room
from eventhook_conformance.contract import EventPattern, FlovynEvent
from eventhook_conformance.probe import Listener, Probe, Via

SUBSCRIPTIONS: Final = 20
"""How many patterns of the table are subscribed to at a time."""


async def play_table(probe: Probe, requirement: str | None = None, via: Via = None) -> None:
    """Subscribes to each pattern of the table, and publishes all the events it is tried with.

    Args:
        requirement: only the vectors of that one; None: the whole table.
    """
    groups, size = _carried(probe, _by_pattern(requirement)), room(probe, SUBSCRIPTIONS)
    for first in range(0, len(groups), size):
        some = groups[first : first + size]
        standing = await probe.at_once(*(_play(probe, vectors, via) for vectors in some))
        if first + size < len(groups):
            await probe.at_once(*(listener.leave() for listener in standing))


def _carried(
    probe: Probe, groups: Sequence[list[dict[str, Any]]]
) -> Sequence[list[dict[str, Any]]]:
    """Returns the vectors whose pattern selects an event within the claimed size."""
    ids: dict[str, UUID] = defaultdict(uuid4)
    make = probe.make
    return [
        one for one in groups if make.carries(make.fence_event(_pattern(one[0]["pattern"], ids)))
    ]


async def _play(probe: Probe, vectors: Sequence[dict[str, Any]], via: Via) -> Listener:
    """Tries one pattern with its events; its subscription stays open."""
    ids: dict[str, UUID] = defaultdict(uuid4)
    listener = await probe.subscribe(_pattern(vectors[0]["pattern"], ids))
    # A surely selected event comes first, so that a lost vector is not the first event.
    await probe.fence(listener)
    await deliver(probe, [_event(probe, one["event"], ids) for one in vectors], listener, via=via)
    return listener


def _by_pattern(requirement: str | None) -> list[list[dict[str, Any]]]:
    groups: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for vector in eventhook_fixtures.load("patterns")["vectors"]:
        if requirement in (None, vector["requirement"]):
            groups[json.dumps(vector["pattern"])].append(vector)
    return list(groups.values())


def _pattern(symbols: dict[str, str | None], ids: dict[str, UUID]) -> EventPattern:
    return EventPattern(
        tenant_id=ids["own"],
        workflow_execution_id=_id(symbols["workflow"], ids),
        task_execution_id=_id(symbols["task"], ids),
        event_type_prefix=symbols["prefix"],
        source=symbols["source"],
    )


def _event(probe: Probe, symbols: dict[str, str], ids: dict[str, UUID]) -> FlovynEvent:
    return probe.make.event(
        ids[symbols["tenant"]],
        symbols["type"],
        source=symbols["source"],
        workflow=_id(symbols["workflow"], ids),
        task=_id(symbols["task"], ids),
    )


def _id(symbol: str | None, ids: dict[str, UUID]) -> UUID | None:
    return None if symbol is None else ids[symbol]


def replayed_tables(
    probe: Probe, size: int
) -> Iterator[tuple[list[EventPattern], list[FlovynEvent]]]:
    """Yields the patterns of the table with the events that they are tried with, for a tenant each time.

    Args:
        probe: makes the events.
        size: the most events at a time, with two fences for each pattern.
    """
    groups = [
        own
        for group in _by_pattern(None)
        if (own := [one for one in group if one["event"]["tenant"] == "own"])
    ]
    while groups:
        ids: dict[str, UUID] = defaultdict(probe.make.tenant)
        patterns: list[EventPattern] = []
        events: dict[str, FlovynEvent] = {}
        while groups:
            new = {json.dumps(one["event"]): one["event"] for one in groups[0]}
            # Each of them is fenced twice.
            if events and len(events.keys() | new.keys()) + 2 * (len(patterns) + 1) > size:
                break
            patterns.append(_pattern(groups.pop(0)[0]["pattern"], ids))
            for name, event in new.items():
                events.setdefault(name, _event(probe, event, ids))
        yield patterns, list(events.values())
