"""Defines a target: how to open clients of one bus, and its claims."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Final

from eventhook_conformance.contract import StreamingBackend, Unsupported
from eventhook_conformance.target.capabilities import Capabilities
from eventhook_conformance.target.services import HttpTarget, WorkflowService


class Server:
    """The server behind a bus, for profiles that look at it or do something to it.

    `kill`, `restart`, `pause`, `resume` raise `Unsupported` unless a subclass offers them.
    """

    address: str
    """The argument of `Target.connect`, such as `nats://host:port`."""
    monitor_url: str | None = None
    """The root of NATS's HTTP monitoring, None where there is none."""
    nodes: Sequence[Server] = ()
    """The servers of a cluster, each of which can be killed; `Target.connect` then takes several of their
    addresses too, joined by commas."""

    async def take_fault(self) -> str | None:
        """Returns what broke between the suite and the bus since this was asked last; None as a rule.

        Such as a driver that died: the case is undecided then, and clients are opened anew.
        """
        return None

    async def kill(self) -> None:
        """Ends the server at once, as kill -9 does."""
        raise Unsupported("this server cannot be killed by the suite")

    async def restart(self) -> None:
        """Starts the server again after `kill`, on the same address."""
        raise Unsupported("this server cannot be restarted by the suite")

    async def pause(self) -> None:
        """Freezes the server, as SIGSTOP does."""
        raise Unsupported("this server cannot be paused by the suite")

    async def resume(self) -> None:
        """Lets the server go on after `pause`."""
        raise Unsupported("this server cannot be resumed by the suite")


_LONE: Final = frozenset(map(chr, range(0xD800, 0xE000)))
"""Halves of pairs of UTF-16: no report can be written with one."""


@dataclass(frozen=True)
class Target:
    """An implementation to be judged.

    Args:
        name: how reports call it.
        open: gives an async context manager of one more client of the same bus.
        connect: given instead of `open`, with `server`: one more client of the bus at an address.
        server: gives an async context manager of the `Server`, entered once a run.
        capabilities: the claims.
        workflows: over one client's bus, a `WorkflowService` (profile `lifecycle`).
        http: over one client's bus, an `HttpTarget` (profile `sse`).
        about: its version, language and the like, in one line for reports.
        found_as: the name by which a second process finds it.

    Raises:
        ValueError: there is no way to open a client, or two; or a member is of another type.
    """

    name: str
    open: Callable[[], AbstractAsyncContextManager[StreamingBackend]] | None = None
    connect: Callable[[str], AbstractAsyncContextManager[StreamingBackend]] | None = None
    server: Callable[[], AbstractAsyncContextManager[Server]] | None = None
    capabilities: Capabilities = field(default_factory=Capabilities)
    workflows: Callable[[StreamingBackend], AbstractAsyncContextManager[WorkflowService]] | None = (
        None
    )
    http: Callable[[StreamingBackend], AbstractAsyncContextManager[HttpTarget]] | None = None
    about: str = ""
    found_as: str | None = None
    """The name by which a second process finds it, `module:attribute`; None: as the user named it."""

    def __post_init__(self) -> None:
        if type(self.name) is not str or not self.name or not self.name.isprintable():
            raise ValueError(
                f"expected a target's name in printable letters, got {self.name!r:.80}"
            )
        if type(self.about) is not str or not _LONE.isdisjoint(self.about):
            raise ValueError(
                f"target {self.name!r}: expected `about` as text, got {self.about!r:.80}"
            )
        if not isinstance(self.capabilities, Capabilities):
            raise ValueError(
                f"target {self.name!r}: expected Capabilities, got {self.capabilities!r:.80}"
            )
        by_server = self.server is not None and self.connect is not None
        if (self.open is None) is not by_server or (self.server is None) is not (
            self.connect is None
        ):
            raise ValueError(
                f"target {self.name!r}: give either open, or server and connect together"
            )
        for profile in ("nats-wire", "recovery"):
            if profile in self.capabilities.profiles and not by_server:
                raise ValueError(
                    f"target {self.name!r} claims {profile!r}, which needs server and connect"
                )
