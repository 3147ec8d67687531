"""A server to try by hand, as `serve` starts it: registered in the entry-point group
`eventhook_conformance.servers`, under the name of the bus behind it."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from eventhook_conformance.target.services import HttpTarget


@dataclass(frozen=True)
class Served:
    """A server that runs."""

    http: HttpTarget
    nats_url: str | None = None
    """Of the NATS server behind it, None where there is none."""
    nats_monitor_url: str | None = None
    """Where that one can be asked what it holds, None where it cannot."""


class ServerFactory(Protocol):
    """Makes the server; a package registers this."""

    def __call__(self, *, host: str, port: int, play: bool) -> AbstractAsyncContextManager[Served]:
        """Runs a server as long as the context is open.

        Args:
            host: where to listen.
            port: 0 takes a free one.
            play: whether workflows run in it by themselves.

        Raises, on entering:
            OSError: the address is not available.
        """
