"""The scenarios of the specification, loaded: what happens, and what must be seen of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any
from uuid import UUID

from eventhook_conformance.sequences.model import derive
from eventhook_fixtures import load


@dataclass(frozen=True, kw_only=True)
class ExpectedEvent:
    """One event that must be seen once."""

    label: str
    type: str
    step: str
    """The step that causes it; `prepare` is the creation of the root."""
    workflow: str | None
    task: str | None
    source: str
    """`system`, `worker` (any), or `any` of the two."""
    optional: bool
    """It may have been published before the first subscription."""
    snapshot: Mapping[str, Any]
    """Matchers by member."""
    before: tuple[str, ...]
    """The labels of the events that it must come before."""
    worker: str | None = None
    """Whom the source must name where it names a worker; judged in exact scenarios alone."""

    @property
    def category(self) -> str:
        """The category of its type, such as `child_workflow`."""
        return self.type.partition(".")[0]

    @property
    def place(self) -> str:
        """The labels of the workflow and the task that own the event."""
        return "/".join(label for label in (self.workflow, self.task) if label is not None)


@dataclass(frozen=True, kw_only=True)
class Output:
    """One piece of a task's output."""

    task: str
    type: str
    payload: str
    step: str = ""
    """The step that causes it: of the run, not of a branch."""


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One run."""

    name: str
    status: str
    terminal: str
    events: tuple[ExpectedEvent, ...]
    outputs: tuple[Output, ...]
    workflows: Mapping[str, Mapping[str, Any]]
    tasks: Mapping[str, Mapping[str, Any]]
    steps: tuple[str, ...]
    """The names of its steps, in order."""
    raw: Mapping[str, Any]
    """As a target's `prepare` is given it."""
    exact: bool = False
    """True if snapshots hold the expected members and no other that the specification knows."""

    @property
    def root(self) -> str | None:
        """The label of its root workflow; None for a standalone task."""
        label: str | None = self.raw["root"].get("workflow")
        return label

    @property
    def since(self) -> str | None:
        """The version of the specification that added it; None for the first version."""
        version: str | None = self.raw.get("since")
        return version

    @cached_property
    def required(self) -> tuple[ExpectedEvent, ...]:
        """The events that must be seen."""
        return tuple(event for event in self.events if not event.optional)

    @cached_property
    def _labels(self) -> Mapping[str, ExpectedEvent]:
        return {event.label: event for event in self.events}

    def by_label(self, label: str) -> ExpectedEvent:
        """Returns the expected event of that label."""
        return self._labels[label]

    def edges(self) -> Iterator[tuple[ExpectedEvent, ExpectedEvent]]:
        """Returns every pair of which the first must come before the second."""
        for event in self.events:
            for later in event.before:
                yield event, self.by_label(later)

    def has(self, prefix: str) -> bool:
        """Returns True if an event of that type, or category with its dot, is expected."""
        return any(event.type.startswith(prefix) for event in self.events)

    @property
    def errors(self) -> Iterator[str]:
        """The errors of its tasks and promises."""
        for step in _flat(self.raw["steps"]):
            if step["do"] in ("fail-task", "reject-promise"):
                yield step["error"]

    @property
    def retries(self) -> bool:
        """True if a task of it has retries."""
        return any(task["maxRetries"] for task in self.tasks.values())


@dataclass(frozen=True)
class Ids:
    """The ids of one run by the scenario's labels."""

    tenant: UUID
    workflows: Mapping[str, UUID] = field(default_factory=dict)
    tasks: Mapping[str, UUID] = field(default_factory=dict)


@cache
def scenarios() -> Mapping[str, Scenario]:
    """Returns all scenarios by name, in the order of the specification."""
    return {raw["name"]: scenario_of(raw) for raw in load("scenarios")["scenarios"]}


@cache
def covering() -> tuple[str, ...]:
    """Returns few scenarios that together have everything at least once.

    Everything is: each step, and each event type of a root, of a child and of a standalone task, with each
    status and reason for suspension.
    """
    left = {name: _happens(one) for name, one in scenarios().items()}
    chosen: list[str] = []
    while any(left.values()):
        best = max(left, key=lambda name: len(left[name]))
        covered = left.pop(best)
        left = {name: what - covered for name, what in left.items()}
        chosen.append(best)
    return tuple(name for name in scenarios() if name in chosen)


def _happens(scenario: Scenario) -> frozenset[tuple[Any, ...]]:
    steps = {("step", step["do"]) for step in _flat(scenario.raw["steps"])}
    events = {
        (
            event.type,
            event.workflow is None or scenario.workflows[event.workflow]["parent"] is None,
            event.workflow is None,
            json.dumps([event.snapshot.get(member) for member in ("status", "suspendType")]),
        )
        for event in exact_scenario(scenario.raw).events
    }
    return frozenset(steps | events)


@cache
def snapshot_members() -> Mapping[str, tuple[frozenset[str], frozenset[str]]]:
    """Returns, by category, the members that a snapshot must have, and those that it may have."""
    return {
        category: (frozenset(members["required"]), frozenset(members["optional"]))
        for category, members in load("scenarios")["snapshots"].items()
    }


@cache
def types_by_older_name() -> Mapping[str, frozenset[str]]:
    """Returns the event types that an older name may stand for: two for RETRY_REQUESTED, else one."""
    found: dict[str, frozenset[str]] = {}
    for row in load("lifecycle_names")["names"]:
        found[row["older"]] = found.get(row["older"], frozenset()) | {row["event_type"]}
    return found


def exact_scenario(raw: Mapping[str, Any]) -> Scenario:
    """Returns the scenario with its events derived from its steps, to be held exactly.

    Args:
        raw: its JSON form; the events in it are not looked at.
    """
    return scenario_of({**raw, **derive(raw)}, exact=True)


def scenario_of(raw: Mapping[str, Any], *, exact: bool = False) -> Scenario:
    """Reads the JSON form of a scenario."""
    return Scenario(
        name=raw["name"],
        status=raw["status"],
        terminal=raw["terminal"],
        events=tuple(
            ExpectedEvent(**{**event, "before": tuple(event["before"])}) for event in raw["events"]
        ),
        outputs=tuple(
            Output(
                task=step["task"], type=step["type"], payload=step["payload"], step=outer["name"]
            )
            for outer in raw["steps"]
            for step in _flat([outer])
            if step["do"] == "stream"
        ),
        workflows=raw["workflows"],
        tasks=raw["tasks"],
        steps=tuple(step["name"] for step in raw["steps"]),
        raw=raw,
        exact=exact,
    )


def _flat(steps: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for step in steps:
        if step["do"] == "together":
            for branch in step["branches"]:
                yield from _flat(branch)
        else:
            yield step
