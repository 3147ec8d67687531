"""The streams, in one table: routes and OpenAPI document are both made from it (SSE-14)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

BASE: Final = "/api/tenants/{tenant}"
EXECUTIONS: Final = BASE + "/workflow-executions"
EXECUTION: Final = EXECUTIONS + "/{id}"


@dataclass(frozen=True)
class Endpoint:
    """One stream."""

    kind: Literal["workflow", "consolidated", "task", "events"]
    path: str
    """Under the tenant's base path."""
    names: str
    """The kind of execution that the id names; empty if the path has no id."""
    carries: str


ENDPOINTS: Final = (
    # The longer path first: an id may be any text until it is refused.
    Endpoint(
        "consolidated",
        "/workflow-executions/{id}/stream/consolidated",
        "workflow execution",
        "The stream events and lifecycle events of a workflow and all its descendants",
    ),
    Endpoint(
        "workflow",
        "/workflow-executions/{id}/stream",
        "workflow execution",
        "The stream events and lifecycle events of a workflow",
    ),
    Endpoint(
        "task",
        "/task-executions/{id}/stream",
        "task execution",
        "The stream events and lifecycle events of a task, standalone or not",
    ),
    Endpoint("events", "/events/stream", "", "All lifecycle events of the tenant"),
)
