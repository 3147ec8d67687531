"""A driver in Python: serves any target over the protocol, on standard input and output."""

from __future__ import annotations

import asyncio
import platform
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AsyncExitStack
from typing import Any, Final

import msgspec

from eventhook_conformance.contract import (
    BusClosed,
    FlovynEvent,
    InvalidPattern,
    StreamEvent,
    StreamingBackend,
    Unsupported,
)
from eventhook_conformance.driver.handles import HeldClient, HeldSubscription
from eventhook_conformance.driver.messages import PROTOCOL, PROTOCOLS
from eventhook_conformance.driver.requests import (
    UnknownName,
    WrongRequest,
    encode_error,
    event_of,
    parse_request,
    pattern_of,
    since_of,
    uuid_of,
)
from eventhook_conformance.driver.standard_streams import ProtocolOutput, read_lines
from eventhook_conformance.event_loop import run_in_loop
from eventhook_conformance.target import Server, Target

_PROFILES: Final = frozenset({"events", "streams", "replay"})
_GRACE_S: Final = 0.5


class DriverServer:
    """Answers the requests about one target.

    Args:
        target: the served one.
        version: the version that it says.
        write: takes each answer, a line.
    """

    def __init__(self, target: Target, version: str, write: Callable[[bytes], None]) -> None:
        self.done = asyncio.Event()
        """Set when it was told to shut down."""
        self._target = target
        self._version = version
        self._write = write
        self._server: Server | None = None
        self._stack = AsyncExitStack()
        self._clients: dict[str, HeldClient] = {}
        self._subscriptions: dict[str, HeldSubscription] = {}
        self._names = 0
        self._protocol = PROTOCOL
        self._tasks: set[asyncio.Task[None]] = set()
        self._starting = asyncio.Lock()
        self._methods: dict[str, Callable[[dict[str, Any]], Awaitable[bytes]]] = {
            "initialize": self._initialize,
            "open": self._open,
            "close": self._close,
            "publish": self._publish,
            "publish_stream": self._publish_stream,
            "subscribe": self._subscribe,
            "subscribe_stream": self._subscribe_stream,
            "next": self._next,
            "unsubscribe": self._unsubscribe,
            "cleanup": self._cleanup,
            "channels": self._channels,
            "purge": self._purge,
            "shutdown": self._shutdown,
        }

    def take(self, line: bytes) -> None:
        """Begins a request; it is answered whenever it is done."""
        if line.strip():
            task = asyncio.get_running_loop().create_task(self._answer(line))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def aclose(self) -> None:
        """Leaves all that is open; still answers earlier requests, if that takes no time."""
        await _leave(self._subscriptions.values())
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=_GRACE_S)
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await _leave([*self._subscriptions.values(), *self._clients.values()])
        await self._stack.aclose()

    # One request

    async def _answer(self, line: bytes) -> None:
        number: int | None = None
        try:
            number, method, params = parse_request(line)
            answer = b'"result":' + await method_of(self._methods, method)(params)
        except Exception as error:  # because: whatever the target raises is an answer
            answer = b'"error":' + encode_error(error)
        numbered = b"null" if number is None else b"%d" % number
        self._write(b'{"jsonrpc":"2.0","id":%s,%s}\n' % (numbered, answer))
        if self._ends:
            self.done.set()

    _ends = False

    async def _initialize(self, params: dict[str, Any]) -> bytes:
        asked = params.get("protocol", PROTOCOLS[0])
        self._protocol = PROTOCOL if isinstance(asked, int) and asked >= PROTOCOL else PROTOCOLS[0]
        claims = self._target.capabilities.to_dict()
        claims["profiles"] = sorted(_PROFILES & set(claims["profiles"]))
        if self._protocol == PROTOCOLS[0]:
            claims["profiles"] = [one for one in claims["profiles"] if one != "replay"]
            claims = {name: value for name, value in claims.items() if not _is_replay(name)}
        return msgspec.json.encode(
            {
                "protocol": self._protocol,
                "name": self._target.name,
                "version": self._version,
                "language": f"Python {platform.python_version()}",
                "capabilities": {**claims, "in_process": False},
            }
        )

    async def _open(self, params: dict[str, Any]) -> bytes:
        client = HeldClient(await self._factory(params.get("address")))
        await client.open()
        name = self._name("c")
        self._clients[name] = client
        return msgspec.json.encode({"client": name})

    async def _factory(self, address: str | None) -> Any:
        target = self._target
        if target.connect is None or target.server is None:
            return target.open
        if address is None:
            async with self._starting:
                if self._server is None:
                    self._server = await self._stack.enter_async_context(target.server())
            address = self._server.address
        connect, where = target.connect, address
        return lambda: connect(where)

    async def _close(self, params: dict[str, Any]) -> bytes:
        await self._client(params).close()
        return b"{}"

    async def _publish(self, params: dict[str, Any]) -> bytes:
        await self._backend(params).events.publish(event_of(params, FlovynEvent))
        return b"{}"

    async def _publish_stream(self, params: dict[str, Any]) -> bytes:
        await self._backend(params).streams.publish(event_of(params, StreamEvent))
        return b"{}"

    async def _subscribe(self, params: dict[str, Any]) -> bytes:
        backend, pattern = self._backend(params), pattern_of(params)
        told = since_of(params)
        return await self._enter(
            HeldSubscription(lambda: backend.events.subscribe(pattern, **told))
        )

    async def _subscribe_stream(self, params: dict[str, Any]) -> bytes:
        backend, key = self._backend(params), params.get("workflow_execution_id")
        if not isinstance(key, str):
            raise InvalidPattern(f"workflow_execution_id is {key!r}; expected text")
        told = since_of(params)
        return await self._enter(HeldSubscription(lambda: backend.streams.subscribe(key, **told)))

    async def _enter(self, subscription: HeldSubscription) -> bytes:
        await subscription.enter()
        name = self._name("s")
        self._subscriptions[name] = subscription
        return msgspec.json.encode({"subscription": name})

    async def _next(self, params: dict[str, Any]) -> bytes:
        subscription = self._subscription(params)
        most, timeout_ms = params.get("max"), params.get("timeout_ms")
        if not isinstance(most, int) or not isinstance(timeout_ms, int) or most < 1:
            raise WrongRequest("`next` needs max, at least 1, and timeout_ms, both integers")
        read, ended = await subscription.next(most, timeout_ms / 1000)
        dropped = subscription.subscription.dropped
        cursors = b""
        if self._protocol > 1 and any(cursor is not None for _, cursor in read):
            cursors = b'"cursors":%s,' % msgspec.json.encode([cursor or "" for _, cursor in read])
        return b'{"events":[%s],%s"ended":%s,"dropped":%s}' % (
            b",".join(text for text, _ in read),
            cursors,
            b"true" if ended else b"false",
            b"null" if dropped is None else b"%d" % dropped,
        )

    async def _unsubscribe(self, params: dict[str, Any]) -> bytes:
        subscription = self._subscription(params)
        del self._subscriptions[params["subscription"]]
        await subscription.leave()
        return b"{}"

    async def _cleanup(self, params: dict[str, Any]) -> bytes:
        return b'{"removed":%d}' % await self._backend(params).cleanup_inactive_channels()

    async def _channels(self, params: dict[str, Any]) -> bytes:
        counts = await self._backend(params).active_channels()
        return b'{"events":%d,"streams":%d}' % (counts.events, counts.streams)

    async def _purge(self, params: dict[str, Any]) -> bytes:
        backend, key = self._backend(params), params.get("workflow_execution_id")
        if isinstance(key, str):
            await backend.streams.purge(key)
        else:
            await backend.events.purge(uuid_of(params.get("tenant_id")))
        return b"{}"

    async def _shutdown(self, params: dict[str, Any]) -> bytes:
        self._ends = True
        return b"{}"

    # The things that a request names

    def _name(self, letter: str) -> str:
        self._names += 1
        return f"{letter}{self._names}"

    def _client(self, params: dict[str, Any]) -> HeldClient:
        client = self._clients.get(params.get("client", ""))
        if client is None:
            raise UnknownName(f"there is no client {params.get('client')!r}")
        return client

    def _backend(self, params: dict[str, Any]) -> StreamingBackend:
        client = self._client(params)
        if client.closed:
            raise BusClosed("this client was closed")
        return client.backend

    def _subscription(self, params: dict[str, Any]) -> HeldSubscription:
        subscription = self._subscriptions.get(params.get("subscription", ""))
        if subscription is None:
            raise UnknownName(f"there is no subscription {params.get('subscription')!r}")
        return subscription


async def _leave(handles: Iterable[HeldClient | HeldSubscription]) -> None:
    await asyncio.gather(*(one.leave() for one in handles), return_exceptions=True)


def method_of(
    methods: dict[str, Callable[[dict[str, Any]], Awaitable[bytes]]], name: str
) -> Callable[[dict[str, Any]], Awaitable[bytes]]:
    """Returns the function that answers the method of that name."""
    if name not in methods:
        raise Unsupported(f"there is no method {name!r}")
    return methods[name]


def _is_replay(name: str) -> bool:
    return name == "replay" or name.startswith("replay_")


def serve(target: Target, version: str, output: ProtocolOutput) -> None:
    """Serves the target until `shutdown` or the end of the input."""
    run_in_loop(_serve(target, version, output))


async def _serve(target: Target, version: str, output: ProtocolOutput) -> None:
    server = DriverServer(target, version, output.write)
    reading = asyncio.get_running_loop().create_task(read_lines(server.take))
    ending = asyncio.get_running_loop().create_task(server.done.wait())
    try:
        await asyncio.wait({reading, ending}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        reading.cancel()
        ending.cancel()
        await server.aclose()
