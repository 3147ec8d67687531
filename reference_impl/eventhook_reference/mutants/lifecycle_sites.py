"""One mutant for each place where the engine publishes and each thing that can be wrong there.

None of them is a class of its own: an announcer knows one site and one flaw, and is right everywhere
else. A site takes what it gets wrong from another run that is under way at the same time, as code does
that reads it from a variable, cache or record that runs share.

Over 300 lines: one table of sites and flaws, beside the code that makes mutants of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final
from uuid import UUID

import msgspec

from eventhook_conformance.contract import FlovynEvent, StreamEvent, StreamingBackend
from eventhook_conformance.target import Mutant, Target
from eventhook_fixtures import load
from eventhook_reference.lifecycle.announcer import Announcer, twin_of
from eventhook_reference.lifecycle.clock import MovableClock
from eventhook_reference.lifecycle.engine import Engine
from eventhook_reference.lifecycle.registry import ENDED, Registry
from eventhook_reference.lifecycle.target import with_lifecycle
from eventhook_reference.mutants.base import pliable_target

CHILD_CREATED: Final = "workflow.created of a child"
"""The one type that is published in two places."""


def site_of(event: FlovynEvent) -> str:
    """Returns the place that published it: its type as a rule."""
    child = isinstance(event.data, dict) and "parentWorkflowExecutionId" in event.data
    return CHILD_CREATED if event.event_type == "workflow.created" and child else event.event_type


@dataclass
class Runs:
    """Keeps the latest event of each site for runs that are under way together, and the latest run."""

    latest: UUID | None = None
    """The tenant of the run that began last."""
    passed: dict[UUID, dict[str, FlovynEvent]] = field(default_factory=dict)
    over: set[UUID] = field(default_factory=set)

    def note(self, event: FlovynEvent) -> None:
        """Enters an event after it was published."""
        tenant, data = event.tenant_id, event.data
        root = "parentWorkflowExecutionId" not in data
        own_end = event.event_type.startswith("workflow.") or event.workflow_execution_id is None
        if root and own_end and data.get("status") in ENDED:
            self.over.add(tenant)
        self.passed.setdefault(tenant, {})[site_of(event)] = event

    def begins(self, event: FlovynEvent) -> None:
        """Enters the tenant of a run that begins with this event."""
        if event.event_type.endswith(".created") and event.tenant_id not in self.passed:
            self.latest = event.tenant_id
            if self.over >= self.passed.keys():
                self.passed.clear()

    def other(self, event: FlovynEvent) -> FlovynEvent | None:
        """Returns the event that another tenant's run published last at the site of this one."""
        found = [
            events[site_of(event)]
            for tenant, events in self.passed.items()
            if tenant != event.tenant_id and site_of(event) in events
        ]
        return found[-1] if found else None


Flaw = Callable[[FlovynEvent, StreamEvent, FlovynEvent | None, Runs], tuple[FlovynEvent, Any]]
"""Both forms as they should be, what another run published there, and the runs; both as they go out."""


def _with(event: FlovynEvent, twin: StreamEvent, **members: Any) -> tuple[FlovynEvent, StreamEvent]:
    """Returns both forms with these members of the event changed."""
    changed = msgspec.structs.replace(event, **members)
    payload = {**msgspec.json.decode(twin.payload), "data": changed.data}
    task = "" if changed.task_execution_id is None else str(changed.task_execution_id)
    return changed, msgspec.structs.replace(
        twin,
        payload=msgspec.json.encode(payload).decode(),
        task_execution_id=task,
        workflow_execution_id=str(changed.workflow_execution_id or task),
    )


def _tenant(
    event: FlovynEvent, twin: StreamEvent, other: FlovynEvent | None, runs: Runs
) -> tuple[FlovynEvent, Any]:
    return msgspec.structs.replace(event, tenant_id=runs.latest or event.tenant_id), twin


def _member(
    name: str, event: FlovynEvent, twin: StreamEvent, other: FlovynEvent | None, runs: Runs
) -> tuple[FlovynEvent, Any]:
    return (event, twin) if other is None else _with(event, twin, **{name: getattr(other, name)})


def _worker(
    event: FlovynEvent, twin: StreamEvent, other: FlovynEvent | None, runs: Runs
) -> tuple[FlovynEvent, Any]:
    told = None if other is None else other.data.get("workerId")
    return (
        (event, twin) if told is None else _with(event, twin, data=event.data | {"workerId": told})
    )


def _no_twin(
    event: FlovynEvent, twin: StreamEvent, other: FlovynEvent | None, runs: Runs
) -> tuple[FlovynEvent, Any]:
    return event, None


def _twin_elsewhere(
    event: FlovynEvent, twin: StreamEvent, other: FlovynEvent | None, runs: Runs
) -> tuple[FlovynEvent, Any]:
    if other is None:
        return event, twin
    key = str(other.workflow_execution_id or other.task_execution_id)
    return event, msgspec.structs.replace(twin, workflow_execution_id=key)


def _twin_later(
    event: FlovynEvent, twin: StreamEvent, other: FlovynEvent | None, runs: Runs
) -> tuple[FlovynEvent, Any]:
    later = event.timestamp_ms + 1
    payload = {**msgspec.json.decode(twin.payload), "timestampMs": later}
    text = msgspec.json.encode(payload).decode()
    return event, msgspec.structs.replace(twin, payload=text, timestamp_ms=later)


def _by_the_system(site: str) -> bool:
    """Returns True if the engine names no worker there; all runs have the same source then."""
    return site in _SYSTEM or (site.endswith("_requested") and not site.startswith("child"))


_SYSTEM: Final = (
    "workflow.created",
    CHILD_CREATED,
    "workflow.cancelled",
    "task.created",
    "task.cancelled",
    "timer.fired",
    "promise.resolved",
    "promise.rejected",
    "child_workflow.started",
    "child_workflow.completed",
    "child_workflow.failed",
)
_TELL_WORKERS: Final = (
    *(f"workflow.{verb}" for verb in ("started", "completed", "failed", "suspended", "resumed")),
    *("workflow.cancelled", "workflow.cancellation_requested", "workflow.retry_requested"),
    *(
        f"task.{verb}"
        for verb in ("started", "completed", "failed", "cancelled", "retry_requested")
    ),
)


@dataclass(frozen=True)
class Kind:
    """One kind of flaw, and how it is told."""

    name: str
    bug: str
    """Its line, with `{site}` for the event."""
    flaw: Flaw
    caught_by: str
    seen: str
    applies: Callable[[str], bool] = lambda site: True


KINDS: Final = (
    Kind(
        "tenant",
        "Publishes {site} under the tenant of the run that began last.",
        _tenant,
        "LIF-11",
        "but for its own tenant",
        lambda site: site != "workflow.created",
    ),
    Kind(
        "workflow",
        "Publishes {site} with the workflow of another run.",
        partial(_member, "workflow_execution_id"),
        "LIF-03",
        "with workflow",
    ),
    Kind(
        "task",
        "Publishes {site} with the task of another run.",
        partial(_member, "task_execution_id"),
        "LIF-03",
        "and task",
        lambda site: site.startswith("task."),
    ),
    Kind(
        "snapshot",
        "Publishes {site} with the snapshot of another run.",
        partial(_member, "data"),
        "LIF-03",
        "data.",
    ),
    Kind(
        "source",
        "Publishes {site} with the source of another run.",
        partial(_member, "source"),
        "LIF-03",
        "from `",
        lambda site: not _by_the_system(site),
    ),
    Kind(
        "worker",
        "Publishes {site} with the worker of another run in its snapshot.",
        _worker,
        "LIF-13",
        "data.workerId",
        lambda site: site in _TELL_WORKERS,
    ),
    Kind(
        "no-twin", "Publishes {site} without its older form.", _no_twin, "LIF-04", "it never came"
    ),
    Kind(
        "twin-key",
        "Publishes the older form of {site} on the stream of another run.",
        _twin_elsewhere,
        "LIF-04",
        "the older form",
    ),
    Kind(
        "twin-time",
        "Stamps the older form of {site} when it is written, a millisecond later.",
        _twin_later,
        "LIF-04",
        "timestamp",
    ),
)


class SiteAnnouncer(Announcer):
    """An announcer that is wrong in one way at one site.

    Args:
        backend: through which it publishes.
        clock: stamps the events.
        site: where it is wrong.
        flaw: in what way.
        runs: what the runs of one target have published so far.
    """

    def __init__(
        self, backend: StreamingBackend, clock: MovableClock, *, site: str, flaw: Flaw, runs: Runs
    ) -> None:
        super().__init__(backend, clock)
        self._site = site
        self._flaw = flaw
        self._runs = runs

    async def send(self, event: FlovynEvent, older: str) -> None:
        self._runs.begins(event)
        told, twin = event, twin_of(event, older)
        if site_of(event) == self._site:
            told, twin = self._flaw(event, twin, self._runs.other(event), self._runs)
        self._runs.note(event)
        await self.attempt(self.backend.events.publish(told))
        if twin is not None:
            await self.attempt(self.backend.streams.publish(twin))


def _target(name: str, site: str, flaw: Flaw) -> Target:
    runs = Runs()
    announcer: Any = partial(SiteAnnouncer, site=site, flaw=flaw, runs=runs)

    def engine(registry: Registry, backend: StreamingBackend, clock: MovableClock) -> Engine:
        return Engine(registry, backend, clock, announcer=announcer)

    return with_lifecycle(pliable_target(name), engine=engine)


def _mutant(site: str, kind: Kind) -> Mutant:
    created = site in (CHILD_CREATED, "workflow.created")
    # The twins of creations are asked for by a requirement of their own, as are those of children.
    later = created and (kind.name in ("no-twin", "twin-key") or site == CHILD_CREATED)
    caught_by = "LIF-19" if later and "twin" in kind.name else kind.caught_by
    name = f"site-{kind.name}-{site.replace(' ', '-').replace('.', '-').replace('_', '-')}"
    return Mutant(
        name=name,
        bug=kind.bug.format(site=site),
        caught_by=(caught_by,),
        seen=kind.seen,
        target=partial(_target, name, site, kind.flaw),
    )


SITES: Final[Mapping[str, str]] = {
    **{row["event_type"]: row["publisher"] for row in load("lifecycle_names")["names"]},
    CHILD_CREATED: "dispatch",
}
"""Every place that publishes, with the part of the engine that it is in."""

LIFECYCLE_SITES: Final = [
    _mutant(site, kind) for site in SITES for kind in KINDS if kind.applies(site)
]
