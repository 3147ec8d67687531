"""Redis pub/sub under faults: a server that the suite kills, and a client that subscribes again.

    pip install redis
    eventhook-conformance run redis_recovery:target --profile recovery

It always starts a server of its own: nobody else's may be killed.
"""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from importlib.metadata import version
from typing import Self

from redis import exceptions
from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from eventhook_conformance import Capabilities, Server, Target
from eventhook_conformance.kit import Adapter, Kind, ServerUnavailable, Sink, pump

CLAIMS = Capabilities(
    profiles={"events", "streams", "recovery"},
    total_order=True,
    causal_order=True,
    introspection=False,
    max_subscriptions=400,
)
SILENCE_S = 2.0
"""How long a connection may say nothing before the client takes it for dead."""
START_TIMEOUT_S = 10.0
END_TIMEOUT_S = 10.0
LOST = (exceptions.ConnectionError, exceptions.TimeoutError, OSError)
"""How redis-py says that a connection is no more."""


class RedisServer(Server):
    """A Redis on one port for the whole run."""

    async def __aenter__(self) -> Self:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            self.port = taken.getsockname()[1]
        self.address = f"redis://127.0.0.1:{self.port}"
        self.folder = tempfile.TemporaryDirectory(prefix="eventhook-redis-")
        self.process: subprocess.Popen[bytes] | None = None
        try:
            await self.restart()
        except BaseException:  # because: a cancelled start must leave nothing behind either
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.kill()
        self.folder.cleanup()

    async def kill(self) -> None:
        """Ends it as kill -9 does, even if it is paused."""
        if self.process is not None:
            process, self.process = self.process, None
            process.kill()
            # In a thread: what waits for it in the event loop holds up every client.
            await asyncio.to_thread(process.wait, END_TIMEOUT_S)

    async def restart(self) -> None:
        """Starts it on its port, and waits for it to answer."""
        await self.kill()
        program = shutil.which("redis-server")
        if program is None:
            raise ServerUnavailable(
                "there is no redis-server to start; apt-get install redis-server"
            )
        where = ["--bind", "127.0.0.1", "--port", str(self.port), "--dir", self.folder.name]
        self.process = subprocess.Popen(  # noqa: ASYNC220  # because: it returns at once
            [program, *where, "--save", ""],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                while not await self.answers():  # noqa: ASYNC110  # because: nothing announces it
                    await asyncio.sleep(0.01)
        except TimeoutError:
            raise ServerUnavailable("redis-server did not answer in time") from None

    async def answers(self) -> bool:
        try:
            async with Redis.from_url(self.address) as redis:
                return bool(await redis.ping())
        except exceptions.ConnectionError:
            return False

    async def pause(self) -> None:
        """Stops it, and waits until it has stopped."""
        if self.process is not None:
            self.process.send_signal(signal.SIGSTOP)
            how = os.WSTOPPED | os.WEXITED | os.WNOWAIT
            await asyncio.to_thread(os.waitid, os.P_PID, self.process.pid, how)

    async def resume(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGCONT)


class RecoveringBus(Adapter):
    """One client: a connection to publish, and one for each subscription."""

    def __init__(self, url: str) -> None:
        super().__init__(CLAIMS)
        limits = {"socket_timeout": SILENCE_S, "socket_connect_timeout": SILENCE_S}
        # Nothing is repeated by the library: a second try of a publish might deliver it twice.
        once = Retry(NoBackoff(), 0)
        self.redis = Redis.from_url(url, max_connections=500, retry=once, **limits)
        self.sender = Redis.from_url(url, single_connection_client=True, retry=once, **limits)
        self.sending = asyncio.Lock()

    async def connect(self) -> None:
        # At once: the suite looks that a client goes through the proxy that stands before it.
        await self.sender.ping()

    async def send(self, kind: Kind, key: str, body: bytes) -> None:
        """Publishes on a connection that has just answered; a ping may be repeated, a publish not."""
        async with asyncio.timeout(CLAIMS.publish_timeout_s * 0.8), self.sending:
            try:
                try:
                    await self.sender.ping()
                except LOST:
                    await self.hang_up()
                    await self.sender.ping()
                await self.sender.publish(f"{kind}:{key}", body)
            except BaseException:  # because: the answer may still come, and is not the next one's
                await self.hang_up()
                raise

    async def hang_up(self) -> None:
        if self.sender.connection is not None:
            await self.sender.connection.disconnect(nowait=True)

    @asynccontextmanager
    async def attach(self, kind: Kind, key: str, sink: Sink) -> AsyncIterator[None]:
        topic = f"{kind}:{key}"
        held = [await self.subscribed(topic)]
        try:
            async with pump(self.read(held, topic, sink), sink):
                yield
        finally:
            await self.give_back(held)

    async def give_back(self, held: list[PubSub]) -> None:
        while held:
            with suppress(exceptions.RedisError, OSError):
                await held.pop().aclose()

    async def subscribed(self, topic: str) -> PubSub:
        """Returns a subscription that the server has confirmed."""
        channel = self.redis.pubsub()
        try:
            await channel.subscribe(topic)
            await channel.parse_response()
        except BaseException:  # because: its connection goes back to the pool, whatever happened
            await channel.aclose()
            raise
        return channel

    async def read(self, held: list[PubSub], topic: str, sink: Sink) -> None:
        """Hands on what comes; subscribes again when the connection breaks or falls silent."""
        while True:
            with suppress(*LOST):
                await self.read_until_it_breaks(held[0], sink)
            await self.give_back(held)
            while not held:
                try:
                    held.append(await self.subscribed(topic))
                except LOST:
                    await asyncio.sleep(0.05)

    async def read_until_it_breaks(self, channel: PubSub, sink: Sink) -> None:
        """Pings when nothing came for a while: the answer shows that the connection lives."""
        asked = False
        while True:
            message = await channel.get_message(timeout=SILENCE_S / 2)
            if message is not None:
                asked = False
                if message["type"] == "message":
                    await sink(message["data"])
            elif asked:
                raise exceptions.ConnectionError("the ping was not answered")
            else:
                await channel.ping()
                asked = True

    async def disconnect(self) -> None:
        await self.sender.aclose()
        await self.redis.aclose()


target = Target(
    "redis-recovery",
    server=RedisServer,
    connect=RecoveringBus,
    capabilities=CLAIMS,
    about=f"redis-py {version('redis')}",
)
