"""The model of a workflow server: it derives the events of the written scenarios."""

from __future__ import annotations

from collections.abc import Mapping
from graphlib import TopologicalSorter
from typing import Any

import pytest

from eventhook_conformance.sequences import covering, exact_scenario, scenarios
from eventhook_conformance.sequences.model import derive

Named = tuple[str, str | None, str | None, int]


def named(raw: Mapping[str, Any]) -> dict[str, Named]:
    """Returns by label the type and the owner of each event, and its number among equal ones."""
    counts: dict[tuple[str, str | None, str | None], int] = {}
    found: dict[str, Named] = {}
    for event in raw["events"]:
        key = (event["type"], event["workflow"], event["task"])
        counts[key] = counts.get(key, 0) + 1
        found[event["label"]] = (*key, counts[key])
    return found


def order(raw: Mapping[str, Any]) -> set[tuple[Named, Named]]:
    """Returns all pairs of which the first comes before the second, through others too."""
    direct = {event["label"]: event["before"] for event in raw["events"]}
    later: dict[str, set[str]] = {}
    for label in TopologicalSorter(direct).static_order():
        later[label] = set(direct[label]).union(*(later[one] for one in direct[label]))
    names = named(raw)
    return {(names[first], names[second]) for first in later for second in later[first]}


def unlike(raw: Mapping[str, Any], derived: Mapping[str, Any]) -> list[str]:
    """Returns the members of events that differ, without those that only derived scenarios hold exactly."""
    labels = {name: label for label, name in named(derived).items()}
    events = {event["label"]: event for event in derived["events"]}
    return [
        f"{label}.{member}"
        for event in raw["events"]
        for label in [event["label"]]
        for member in ("step", "source", "optional")
        if event[member] != events[labels[named(raw)[label]]][member]
    ]


@pytest.mark.parametrize("name", [name for name, one in scenarios().items() if not one.since])
def test_scenarios_of_1_0_follow_from_their_steps(name: str) -> None:
    raw = scenarios()[name].raw
    derived = derive(raw)
    assert set(named(derived).values()) == set(named(raw).values())
    assert order(derived) == order(raw)
    assert unlike(raw, derived) == []
    assert derived["status"] == raw["status"]
    assert named(derived)[derived["terminal"]] == named(raw)[raw["terminal"]]


@pytest.mark.parametrize("name", [name for name, one in scenarios().items() if one.since])
def test_newer_scenarios_are_written_as_they_are_derived(name: str) -> None:
    raw = scenarios()[name].raw
    assert exact_scenario(raw).raw == raw


def test_a_changed_step_changes_what_is_derived() -> None:
    raw = scenarios()["task-succeeds"].raw
    steps = [step for step in raw["steps"] if step["name"] != "wait"]
    types = [event["type"] for event in derive({**raw, "steps": steps})["events"]]
    assert "workflow.suspended" not in types
    assert "workflow.resumed" not in types


def test_few_scenarios_cover_all_types_and_steps() -> None:
    assert len(covering()) < len(scenarios()) * 2 / 3
    types = {event.type for name in covering() for event in scenarios()[name].events}
    assert len(types) == 30
