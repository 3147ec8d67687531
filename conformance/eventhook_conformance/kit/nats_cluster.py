"""Several NATS servers as one cluster, for a test run."""

from __future__ import annotations

import asyncio
import json
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlsplit
from urllib.request import urlopen

from eventhook_conformance.kit.nats_server import NatsServer, ServerUnavailable
from eventhook_conformance.target import Server

JOIN_TIMEOUT_S: Final = 30.0
"""Seconds within which every node must have its routes to the others, and what its JetStream missed."""

_LOOK_EVERY_S: Final = 0.01
_NOBODY: Final = "nats://127.0.0.1:1"
"""The first node's route: JetStream starts in a cluster only with one."""

# Nodes are not advertised: each client stays with the one that it was sent to, as long as it lives.
_CONFIG: Final = """
server_name: "{name}"
cluster {{
  name: "eventhook", listen: "127.0.0.1:{port}", no_advertise: true, routes: [{routes}]
}}
"""


class NatsCluster(Server, AbstractAsyncContextManager["NatsCluster"]):
    """Nodes on 127.0.0.1, joined on entering and gone after leaving.

    Each reading of `address` gives the next node's, so that clients are spread over all. A fault of
    the server is made to one node: the one whose address was given last, and which so has a client.

    Args:
        size: how many nodes.
        jetstream: run JetStream too, with a leader by the time that it was entered.
    """

    monitor_url: str | None = None
    """None, since each node counts its own subscriptions only."""

    def __init__(self, size: int = 3, *, jetstream: bool = False) -> None:
        self._size = size
        self._jetstream = jetstream
        self._turn = -1
        self._stack = AsyncExitStack()
        self.nodes: list[NatsServer] = []

    @property
    def address(self) -> str:  # type: ignore[override]  # because: read anew for every client
        """The address of the next node, in turn."""
        self._turn += 1
        return self._node.address

    @property
    def _node(self) -> NatsServer:
        return self.nodes[self._turn % self._size]

    async def __aenter__(self) -> Self:
        """Starts the nodes and waits until they are joined.

        Raises:
            ServerUnavailable: a node does not start, or they do not join.
        """
        try:
            for number in range(self._size):
                routes = [n.route_address for n in self.nodes]
                if self._jetstream:
                    routes = routes or [_NOBODY]
                started = _Node(self, _config(number, -1, routes), jetstream=self._jetstream)
                await self._stack.enter_async_context(started)
                self.nodes.append(started)
            for number, node in enumerate(self.nodes):
                # From now on each can find the others again by itself, on the ports that they have.
                others = [n.route_address for n in self.nodes if n is not node]
                port = urlsplit(node.route_address or "").port
                node.configure(_config(number, port, others))
            await self.joined()
        except BaseException:  # because: a cancelled start must leave nothing behind either
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._stack.aclose()

    async def kill(self) -> None:
        """Ends the node at once."""
        await self._node.kill()

    async def restart(self) -> None:
        """Starts the node again, and waits until all are joined.

        Raises:
            ServerUnavailable: it does not start, or does not find the others.
        """
        await self._node.restart()

    async def pause(self) -> None:
        """Freezes the node."""
        await self._node.pause()

    async def resume(self) -> None:
        """Lets the node go on, and waits until all are joined.

        Raises:
            ServerUnavailable: it does not find the others.
        """
        await self._node.resume()

    async def joined(self) -> None:
        """Waits until every node has routes to all others, and JetStream has a leader and all copies.

        Raises:
            ServerUnavailable: they do not join in time.
        """
        try:
            async with asyncio.timeout(JOIN_TIMEOUT_S):
                # because: a server tells nobody when it is joined
                while not await self._are_joined():  # noqa: ASYNC110  # because: nothing announces it, so it is looked at again and again
                    await asyncio.sleep(_LOOK_EVERY_S)
        except TimeoutError:
            raise ServerUnavailable(
                f"the {self._size} nodes did not join within {JOIN_TIMEOUT_S:g} s"
            ) from None

    async def _are_joined(self) -> bool:
        names = await asyncio.gather(*(_neighbours(node) for node in self.nodes))
        if any(len(one) < self._size - 1 for one in names):
            return False
        return not self._jetstream or all(
            await asyncio.gather(
                *(_has_leader(node, self._size) for node in self.nodes),
                *(_is_current(node) for node in self.nodes),
            )
        )


class _Node(NatsServer):
    def __init__(self, cluster: NatsCluster, config: str, *, jetstream: bool) -> None:
        super().__init__(config, jetstream=jetstream)
        self._cluster = cluster

    async def restart(self) -> None:
        """Starts it again, and waits until all are joined."""
        await super().restart()
        await self._cluster.joined()

    async def resume(self) -> None:
        """Resumes the node, and waits until all are joined: the others may have dropped it."""
        await super().resume()
        await self._cluster.joined()


def _config(number: int, port: int | None, routes: list[str | None]) -> str:
    listed = ", ".join(f'"{route}"' for route in routes)
    return _CONFIG.format(name=f"node-{number + 1}", port=port, routes=listed)


async def _neighbours(node: NatsServer) -> set[str]:
    """Returns the names of the nodes to which that node has routes."""
    routes = (await _monitored(node, "routez")).get("routes") or []
    return {str(route.get("remote_name")) for route in routes}


async def _has_leader(node: NatsServer, size: int) -> bool:
    """Returns whether that node knows the leader of all nodes' JetStream."""
    group = (await _monitored(node, "jsz")).get("meta_cluster") or {}
    return bool(group.get("leader")) and group.get("cluster_size") == size


async def _is_current(node: NatsServer) -> bool:
    """Returns whether that node has all messages of its streams."""
    return (await _monitored(node, "healthz")).get("status") == "ok"


async def _monitored(node: NatsServer, what: str) -> dict[str, Any]:
    """Returns what that node's monitoring answers; nothing where it does not."""

    def ask() -> dict[str, Any]:
        url = f"{node.monitor_url}/{what}"
        with urlopen(url, timeout=JOIN_TIMEOUT_S) as answer:  # noqa: S310  # because: our own
            return dict(json.load(answer))

    try:
        return await asyncio.to_thread(ask)
    except (OSError, ValueError):
        return {}
