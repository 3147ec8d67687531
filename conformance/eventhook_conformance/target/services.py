"""Services over a bus: a workflow server to be driven, and its HTTP endpoints."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias
from uuid import UUID

from eventhook_conformance.contract import Unsupported

AsgiApp: TypeAlias = Callable[[Any, Any, Any], Awaitable[None]]
"""An application as ASGI has it: scope, receive, send."""


class Execution(ABC):
    """One run of a scenario."""

    workflow_execution_id: UUID | None
    """The root's; None for a standalone task."""
    workflow_execution_ids: dict[str, UUID]
    """By the scenario's labels, as they come to be."""
    task_execution_ids: dict[str, UUID]
    """By the scenario's labels, as they come to be."""
    status: str
    """After `proceed` to the end: COMPLETED, FAILED or CANCELLED."""
    publish_failures: int
    """Events that could not be published; none of them fails the workflow (LIF-10)."""

    @abstractmethod
    async def proceed(self, until: str | None = None) -> None:
        """Runs to the end, or to the named step; returns when all its publishes have returned."""


class WorkflowService(ABC):
    """A workflow server that can play the scenarios of the specification."""

    @abstractmethod
    async def prepare(self, scenario: Mapping[str, Any], tenant_id: UUID) -> Execution:
        """Makes the execution exist, PENDING; at most the root's `*.created` is out.

        Raises:
            Unsupported: the scenario is generated, and the service plays only those that it knows.
        """

    async def restart(self) -> None:
        """Ends all that runs behind the service, and starts it again from its stored state.

        Called between two steps. Executions go on with the next `proceed`: nothing is published twice,
        and nothing is lost (LIF-16).

        Raises:
            Unsupported: the service offers no restart; that is the default.
        """
        raise Unsupported(f"{type(self).__name__} has no restart")


@dataclass(frozen=True)
class Tenant:
    """One tenant as the HTTP side knows it."""

    id: UUID
    base_path: str
    """Such as `/api/tenants/acme`."""
    headers: Mapping[str, str]
    """Authenticates it."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "base_path", self.base_path.rstrip("/"))


@dataclass(frozen=True)
class HttpTarget:
    """A server with the SSE endpoints, anywhere."""

    base_url: str
    tenants: Sequence[Tenant]
    """Two tenants."""
    keep_alive_s: float = 15.0
    """Seconds between keep-alive comments on an idle stream, at most."""
    provision: (
        Callable[[Tenant, Literal["workflow", "task", "child"], UUID | None], Awaitable[UUID]]
        | None
    ) = None
    """Makes something to look at; may be left out where the target gives `workflows`."""
    asgi: AsgiApp | None = None
    """The application behind it, where it lives in this process: it is then fuzzed without a socket
    as well (SSE-14). It is called in the loop that entered the target."""
    replicas: Sequence[str] = ()
    """Base URLs of further servers over the same bus, for the same tenants (SSE-26 to SSE-28).

    `provision` makes at `base_url`. Each of these has to know the things made there.
    """
    kill_replica: Callable[[str], Awaitable[None]] | None = None
    """Ends the server at that base URL at once, as kill -9 does; left out where nobody may."""
    http2: bool = False
    """The server speaks HTTP/2 beside HTTP/1.1: where the URL is https it is negotiated, else it is begun
    with prior knowledge. The suite's own reader then uses it; the other readers know HTTP/1.1 alone."""
    replay: Literal["live", "start"] | None = None
    """The beginning of a stream whose reader brings no `Last-Event-ID`: with what comes, or with all that
    is retained. None: the server replays nothing, and ignores that header (RPL-16 to RPL-19)."""

    def __post_init__(self) -> None:
        # Paths are put behind it.
        object.__setattr__(self, "base_url", self.base_url.rstrip("/"))
