"""The paths of the endpoints, below a tenant's base path."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

StreamKind: TypeAlias = Literal["workflow", "consolidated", "task", "tenant"]
PATHS: Final[Mapping[StreamKind, str]] = {
    "workflow": "/workflow-executions/{id}/stream",
    "consolidated": "/workflow-executions/{id}/stream/consolidated",
    "task": "/task-executions/{id}/stream",
    "tenant": "/events/stream",
}
