"""Litestar's channels over their memory backend, as targets: the plugin with each of its backlogs.

pip install litestar
eventhook-conformance run litestar_channels:target
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Literal

from litestar.channels import ChannelsPlugin
from litestar.channels.backends.memory import MemoryChannelsBackend
from litestar.channels.subscriber import Subscriber

from eventhook_conformance import Capabilities, Server, Target
from eventhook_conformance.kit import Kind, PulledAdapter

BACKLOG = 1024
Strategy = Literal["backoff", "dropleft"]


def claims(overflow: Literal["unbounded", "drop_newest", "drop_oldest"]) -> Capabilities:
    # A reader filters what it has taken out of its backlog, so that all of the tenant's events fill it.
    return Capabilities(
        stream_capacity=BACKLOG,
        overflow=overflow,
        overflow_scope="tenant",
        total_order=True,
        causal_order=True,
        introspection=False,
    )


class Backlog:
    """The plugin's state for one subscriber."""

    def __init__(self, subscriber: Subscriber) -> None:
        self.subscriber = subscriber
        self.events = subscriber.iter_events()

    async def take(self) -> bytes:
        return await anext(self.events)

    async def rest(self) -> Sequence[bytes]:
        bodies: list[bytes] = []
        self.events = self.subscriber.iter_events()
        while self.subscriber.qsize:
            bodies.append(await anext(self.events))
        return bodies


class LitestarBus(PulledAdapter):
    """One client: a part of the application."""

    def __init__(self, plugin: ChannelsPlugin, capabilities: Capabilities) -> None:
        super().__init__(capabilities)
        self.plugin = plugin

    async def send(self, kind: Kind, key: str, body: bytes) -> None:
        await self.plugin.wait_published(body, f"{kind}:{key}")

    @asynccontextmanager
    async def attach(self, kind: Kind, key: str) -> AsyncIterator[Backlog]:
        async with self.plugin.start_subscription(f"{kind}:{key}") as subscriber:
            yield Backlog(subscriber)

    async def disconnect(self) -> None:
        """Does nothing: other parts of the application still use the plugin."""


class Application:
    """The one plugin of a process, which all its parts share."""

    plugin: ChannelsPlugin

    def __init__(
        self, capabilities: Capabilities, backlog: int | None = None, strategy: Strategy = "backoff"
    ) -> None:
        self.capabilities, self.backlog, self.strategy = capabilities, backlog, strategy

    @asynccontextmanager
    async def run(self) -> AsyncIterator[Server]:
        self.plugin = ChannelsPlugin(
            MemoryChannelsBackend(),
            arbitrary_channels_allowed=True,
            subscriber_max_backlog=self.backlog,
            subscriber_backlog_strategy=self.strategy,
        )
        running = Server()
        running.address = "memory://"
        async with self.plugin:
            yield running

    def connect(self, address: str) -> LitestarBus:
        return LitestarBus(self.plugin, self.capabilities)

    def target(self, name: str) -> Target:
        return Target(
            name,
            server=self.run,
            connect=self.connect,
            capabilities=self.capabilities,
            about=f"litestar {version('litestar')}, memory",
        )


target = Application(claims("unbounded")).target("litestar-channels")
backoff = Application(claims("drop_newest"), BACKLOG).target("litestar-channels-backoff")
dropleft = Application(claims("drop_oldest"), BACKLOG, "dropleft").target(
    "litestar-channels-dropleft"
)
