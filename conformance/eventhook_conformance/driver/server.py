"""A driver in Python: serves any target over the protocol, on standard input and output."""

from __future__ import annotations

import asyncio
import json
import os
import platform
import sys
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AsyncExitStack
from typing import Any, Final
from uuid import UUID

import msgspec

from eventhook_conformance.contract import (
    Begin,
    BusClosed,
    EventPattern,
    FlovynEvent,
    InvalidEvent,
    InvalidPattern,
    StreamEvent,
    StreamingBackend,
    StreamingError,
    Unsupported,
    check_since,
)
from eventhook_conformance.contract.events import parse
from eventhook_conformance.driver.handles import HeldClient, HeldSubscription
from eventhook_conformance.driver.messages import (
    CODES,
    DRIVER_FAULT,
    MAX_LINE_BYTES,
    PROTOCOL,
    PROTOCOLS,
    UNKNOWN_METHOD,
    UNKNOWN_NAME,
)
from eventhook_conformance.event_loop import run_in_loop
from eventhook_conformance.target import Server, Target

_PROFILES: Final = frozenset({"events", "streams", "replay"})
_INVALID_REQUEST: Final = -32600
_GRACE_S: Final = 0.5


class UnknownName(Exception):
    """There is no such client or subscription."""


class WrongRequest(Exception):
    """A request has not the shape that its method asks for."""


class DriverServer:
    """Answers the requests about one target.

    Args:
        target: what is served.
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
        """Leaves all that is open; what was asked before is still answered, if that takes no time."""
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
            number, method, params = _request(line)
            answer = b'"result":' + await method_of(self._methods, method)(params)
        except Exception as error:  # because: whatever the target raises is an answer
            answer = b'"error":' + _error(error)
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
        await self._backend(params).events.publish(_event(params, FlovynEvent))
        return b"{}"

    async def _publish_stream(self, params: dict[str, Any]) -> bytes:
        await self._backend(params).streams.publish(_event(params, StreamEvent))
        return b"{}"

    async def _subscribe(self, params: dict[str, Any]) -> bytes:
        backend, pattern = self._backend(params), _pattern(params)
        told = _since(params)
        return await self._enter(
            HeldSubscription(lambda: backend.events.subscribe(pattern, **told))
        )

    async def _subscribe_stream(self, params: dict[str, Any]) -> bytes:
        backend, key = self._backend(params), params.get("workflow_execution_id")
        if not isinstance(key, str):
            raise InvalidPattern(f"workflow_execution_id is {key!r}; right would be text")
        told = _since(params)
        return await self._enter(HeldSubscription(lambda: backend.streams.subscribe(key, **told)))

    async def _enter(self, context_task: HeldSubscription) -> bytes:
        await context_task.enter()
        name = self._name("s")
        self._subscriptions[name] = context_task
        return msgspec.json.encode({"subscription": name})

    async def _next(self, params: dict[str, Any]) -> bytes:
        context_task, most, timeout_ms = (
            self._context_task(params),
            params.get("max"),
            params.get("timeout_ms"),
        )
        if not isinstance(most, int) or not isinstance(timeout_ms, int) or most < 1:
            raise WrongRequest("`next` needs max, at least 1, and timeout_ms, both integers")
        read, ended = await context_task.next(most, timeout_ms / 1000)
        dropped = context_task.subscription.dropped
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
        context_task = self._context_task(params)
        del self._subscriptions[params["subscription"]]
        await context_task.leave()
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
            await backend.events.purge(_uuid(params.get("tenant_id")))
        return b"{}"

    async def _shutdown(self, params: dict[str, Any]) -> bytes:
        self._ends = True
        return b"{}"

    # What a request names

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

    def _context_task(self, params: dict[str, Any]) -> HeldSubscription:
        context_task = self._subscriptions.get(params.get("subscription", ""))
        if context_task is None:
            raise UnknownName(f"there is no subscription {params.get('subscription')!r}")
        return context_task


async def _leave(context_task: Iterable[HeldClient | HeldSubscription]) -> None:
    await asyncio.gather(*(one.leave() for one in context_task), return_exceptions=True)


def method_of(
    methods: dict[str, Callable[[dict[str, Any]], Awaitable[bytes]]], name: str
) -> Callable[[dict[str, Any]], Awaitable[bytes]]:
    """The method of that name."""
    if name not in methods:
        raise Unsupported(f"there is no method {name!r}")
    return methods[name]


class _Request(msgspec.Struct):
    id: int
    method: str
    params: dict[str, Any] = {}


class _RawRequest(msgspec.Struct):
    id: int
    method: str
    params: dict[str, msgspec.Raw] = {}


_requests: Final = msgspec.json.Decoder(_RawRequest)
_BIG: Final = frozenset({"event", "pattern"})


def _request(line: bytes) -> tuple[int, str, dict[str, Any]]:
    """The id, the method, and the params, events and patterns left as they stand."""
    request: _RawRequest | _Request
    try:
        request = _requests.decode(line)
    except (msgspec.MsgspecError, UnicodeError) as error:
        # Lone surrogates are read by Python's own reader alone; they must reach the bus as they are.
        request = _read_by_python(line, error)
    params = {
        name: json.loads(bytes(value))
        if isinstance(value, msgspec.Raw) and name not in _BIG
        else value
        for name, value in request.params.items()
    }
    return request.id, request.method, params


def _read_by_python(line: bytes, why: Exception) -> _Request:
    try:
        members = json.loads(line)
        return _Request(
            id=msgspec.convert(members["id"], int),
            method=msgspec.convert(members["method"], str),
            params=msgspec.convert(members.get("params", {}), dict[str, Any]),
        )
    except (msgspec.MsgspecError, ValueError, LookupError, TypeError, RecursionError) as error:
        raise WrongRequest(f"this is no request: {why}") from error


def _event(params: dict[str, Any], kind: type[Any]) -> Any:
    """The event of a request, its shape checked; the rest is for the bus to judge."""
    event = params.get("event")
    if isinstance(event, msgspec.Raw):
        return parse(bytes(event), kind)
    return _converted(event, kind, InvalidEvent)


def _pattern(params: dict[str, Any]) -> Any:
    pattern = params.get("pattern")
    if isinstance(pattern, msgspec.Raw):
        try:
            return msgspec.json.decode(pattern, type=EventPattern)
        except msgspec.MsgspecError as error:
            raise InvalidPattern(f"this is no EventPattern: {error}") from error
    return _converted(pattern, EventPattern, InvalidPattern)


def _converted(value: Any, kind: type[Any], refusal: type[StreamingError]) -> Any:
    try:
        return msgspec.convert(value, kind)
    except msgspec.MsgspecError as error:
        raise refusal(f"this is no {kind.__name__}: {error}") from error


def _is_replay(name: str) -> bool:
    return name == "replay" or name.startswith("replay_")


def _since(params: dict[str, Any]) -> dict[str, Any]:
    """The arguments that say where a subscription begins; none if the request does not."""
    told = params.get("since")
    if told is None:
        return {}
    if isinstance(told, dict):
        check_since(told.get("cursor"))
        return {"since": told["cursor"]}
    try:
        return {"since": Begin(told)}
    except ValueError as error:
        raise WrongRequest(f'since: expected "live", "start" or a cursor, got {told!r}') from error


def _uuid(text: Any) -> UUID:
    try:
        return UUID(text)
    except (ValueError, TypeError, AttributeError) as error:
        raise WrongRequest(f"tenant_id: expected a UUID, got {text!r}") from error


def _error(error: Exception) -> bytes:
    code = next((number for kind, number in CODES.items() if isinstance(error, kind)), DRIVER_FAULT)
    if isinstance(error, Unsupported):
        code = UNKNOWN_METHOD
    elif isinstance(error, UnknownName):
        code = UNKNOWN_NAME
    elif isinstance(error, WrongRequest):
        code = _INVALID_REQUEST
    message = (
        str(error) if isinstance(error, StreamingError) else f"{type(error).__name__}: {error}"
    )
    # ASCII, since a message may quote text that UTF-8 cannot carry.
    return json.dumps({"code": code, "message": message}).encode()


def serve(target: Target, version: str, output: Output) -> None:
    """Serves the target until `shutdown` or the end of the input."""
    run_in_loop(_serve(target, version, output))


async def _serve(target: Target, version: str, output: Output) -> None:
    server = DriverServer(target, version, output.write)
    reading = asyncio.get_running_loop().create_task(_read(server))
    ending = asyncio.get_running_loop().create_task(server.done.wait())
    try:
        await asyncio.wait({reading, ending}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        reading.cancel()
        ending.cancel()
        await server.aclose()


async def _read(server: DriverServer) -> None:
    """Takes line by line, until the input ends."""
    reader = asyncio.StreamReader(limit=MAX_LINE_BYTES)
    loop = asyncio.get_running_loop()
    try:
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    except ValueError:
        # A file is all there already, and no event loop can wait for one.
        reader.feed_data(sys.stdin.buffer.read())
        reader.feed_eof()
    while line := await reader.readline():
        server.take(line)


class Output:
    """Standard output, taken from everybody else, whose prints go to standard error meanwhile."""

    def __init__(self) -> None:
        sys.stdout.flush()
        self._descriptor = os.dup(1)
        os.dup2(2, 1)
        self._lines: list[bytes] = []

    def write(self, line: bytes) -> None:
        """Takes a line; what is written in one turn of the event loop goes out at once."""
        if not self._lines:
            asyncio.get_running_loop().call_soon(self._flush)
        self._lines.append(line)

    def _flush(self) -> None:
        data, self._lines = b"".join(self._lines), []
        view = memoryview(data)
        while view:
            view = view[os.write(self._descriptor, view) :]

    def __enter__(self) -> Output:
        return self

    def __exit__(self, *_: object) -> None:
        """Writes the rest, and gives standard output back."""
        sys.stdout.flush()
        self._flush()
        os.dup2(self._descriptor, 1)
        os.close(self._descriptor)
