"""ZeroMQ as a target: PUSH to a forwarder in a thread, which publishes to SUB sockets, all in one process.

pip install pyzmq
eventhook-conformance run zeromq_forwarder:target
"""

import asyncio
import threading
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import zmq
import zmq.asyncio

from eventhook_conformance import Capabilities, Server, Target
from eventhook_conformance.kit import Kind, PulledAdapter

INTO, OUT, STEER = "inproc://into", "inproc://out", "inproc://steer"
# A pipe holds what both ends allow, by default 1000 each, and its writer learns of what was read when half
# of that is free. What a reader does not want fills it too.
CLAIMS = Capabilities(
    event_capacity=1000,
    stream_capacity=1000,
    overflow="drop_newest",
    overflow_scope="tenant",
    total_order=True,
    introspection=False,
    max_subscriptions=400,
)


class Subscriber:
    """A SUB socket, and the way to the forwarder."""

    def __init__(self, socket: zmq.asyncio.Socket, into: zmq.asyncio.Socket) -> None:
        self.socket, self.into = socket, into

    async def take(self) -> bytes:
        _, body = await self.socket.recv_multipart()
        return bytes(body)

    async def rest(self) -> Sequence[bytes]:
        """Returns what came before its own message, which also shows that it is subscribed."""
        bodies, mark = [], uuid.uuid4().bytes
        self.socket.subscribe(mark)
        while True:
            await self.into.send_multipart([mark, b""])
            while await self.socket.poll(10):
                topic, body = await self.socket.recv_multipart()
                if topic == mark:
                    self.socket.unsubscribe(mark)
                    return bodies
                bodies.append(body)


class ZeroMqBus(PulledAdapter):
    """One client: a socket to push, and one more for each subscription."""

    def __init__(self, context: zmq.asyncio.Context) -> None:
        super().__init__(CLAIMS)
        self.context = context
        self.into = context.socket(zmq.PUSH)
        self.into.connect(INTO)

    async def send(self, kind: Kind, key: str, body: bytes) -> None:
        await self.into.send_multipart([f"{kind}:{key};".encode(), body])

    @asynccontextmanager
    async def attach(self, kind: Kind, key: str) -> AsyncIterator[Subscriber]:
        with self.context.socket(zmq.SUB) as socket:
            socket.connect(OUT)
            # A topic is a prefix; the semicolon, which is in no key, ends it.
            socket.subscribe(f"{kind}:{key};")
            subscriber = Subscriber(socket, self.into)
            await subscriber.rest()
            yield subscriber

    async def disconnect(self) -> None:
        self.into.close()


class Application:
    """The forwarder of a process, which all its parts share."""

    context: zmq.asyncio.Context

    @asynccontextmanager
    async def run(self) -> AsyncIterator[Server]:
        threads = zmq.Context()
        threads.max_sockets = 4 * CLAIMS.max_subscriptions
        into, out, told = (threads.socket(kind) for kind in (zmq.PULL, zmq.PUB, zmq.PAIR))
        into.bind(INTO)
        out.bind(OUT)
        told.bind(STEER)
        forwarder = threading.Thread(target=self.forward, args=(into, out, told))
        forwarder.start()
        self.context = zmq.asyncio.Context(threads)
        running = Server()
        running.address = OUT
        try:
            yield running
        finally:
            with threads.socket(zmq.PAIR) as steering:
                steering.connect(STEER)
                steering.send(b"TERMINATE")
                await asyncio.to_thread(forwarder.join)
            threads.destroy(linger=0)

    def forward(self, *sockets: zmq.Socket[bytes]) -> None:
        into, out, told = sockets
        with into, out, told:
            zmq.proxy_steerable(into, out, None, told)

    def connect(self, address: str) -> ZeroMqBus:
        return ZeroMqBus(self.context)


application = Application()
target = Target(
    "zeromq",
    server=application.run,
    connect=application.connect,
    capabilities=CLAIMS,
    about=f"pyzmq {zmq.pyzmq_version()}, libzmq {zmq.zmq_version()}",
)
