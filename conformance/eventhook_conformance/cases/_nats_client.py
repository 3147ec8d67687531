"""Observes the profile `nats-wire` by a plain NATS client of the suite's own.

It speaks the few lines of the protocol that it needs, over one ordered stream of bytes. So the
answer to a PING proves that the server has taken all that was written before it, and that all it had
sent before that has been read; no client library's buffers or tasks come in between.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import unquote, urlsplit
from urllib.request import urlopen

from eventhook_conformance.probe import Undecided

NAME: Final = "eventhook-conformance"
"""Names the suite's own connections, to tell them from the target's."""

_ANSWER_S: Final = 5.0
_LINE_LIMIT: Final = 64 * 1024


@dataclass(frozen=True)
class Message:
    """One message as it came from the server."""

    subject: str
    body: bytes


@dataclass(eq=False)
class Watch:
    """A subscription of the plain client, and all that it got."""

    subject: str
    messages: list[Message] = field(default_factory=list)


class Wire:
    """One connection to a NATS server; every call is bounded.

    Raises:
        Undecided: the server cannot be spoken to, or does not answer: the suite cannot look.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.max_payload = 0
        self._reader = reader
        self._writer = writer
        self._watches: list[Watch] = []
        self._pings: deque[asyncio.Future[None]] = deque()
        self._problem: str | None = None
        self._reading: asyncio.Task[None] | None = None

    async def greet(self, user: str | None, password: str | None) -> None:
        """Sends CONNECT, and waits until the server accepts it."""
        line = await self._reader.readline()
        if not line.startswith(b"INFO "):
            raise Undecided(f"the server greets with {line[:40]!r}, as no NATS server does")
        info = json.loads(line[5:])
        self.max_payload = int(info["max_payload"])
        if info.get("tls_required"):
            raise Undecided(
                "the server asks for TLS, which the suite's plain client does not speak"
            )
        options: dict[str, Any] = {"verbose": False, "pedantic": False, "name": NAME, "lang": "raw"}
        options |= {"version": "1", "protocol": 1}
        if user is not None:
            options |= (
                {"auth_token": user} if password is None else {"user": user, "pass": password}
            )
        self._reading = asyncio.get_running_loop().create_task(self._read())
        self._writer.write(f"CONNECT {json.dumps(options)}\r\n".encode())
        await self.barrier()

    async def watch(self, subject: str) -> Watch:
        """Subscribes; the server counts the subscription when this returns."""
        watch = self.start_watch(subject)
        await self.barrier()
        return watch

    def start_watch(self, subject: str) -> Watch:
        """Subscribes without waiting: the bytes are handed to the socket before this returns."""
        watch = Watch(subject)
        self._watches.append(watch)
        self._writer.write(f"SUB {subject} {len(self._watches)}\r\n".encode())
        return watch

    async def put(self, subject: str, *bodies: bytes) -> None:
        """Publishes; the server has taken it all when this returns."""
        for body in bodies:
            self._writer.write(f"PUB {subject} {len(body)}\r\n".encode() + body + b"\r\n")
        await self.barrier()

    async def barrier(self) -> None:
        """Returns when the server has taken all that was written, and all that it sent before was read."""
        pong: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._pings.append(pong)
        self._writer.write(b"PING\r\n")
        try:
            async with asyncio.timeout(_ANSWER_S):
                await pong
        except TimeoutError:
            raise Undecided(f"the NATS server did not answer within {_ANSWER_S:g} s") from None
        if self._problem is not None:
            raise Undecided(f"the NATS server refuses the suite's plain client: {self._problem}")

    async def _read(self) -> None:
        try:
            while line := await self._reader.readline():
                await self._take(line.rstrip(b"\r\n").decode())
        except (OSError, ValueError, asyncio.IncompleteReadError) as error:
            self._problem = self._problem or f"its connection broke ({error})"
        self._problem = self._problem or "it closed the connection"
        while self._pings:
            self._pings.popleft().set_result(None)

    async def _take(self, line: str) -> None:
        operation, _, rest = line.partition(" ")
        if operation == "MSG":
            parts = rest.split(" ")
            body = (await self._reader.readexactly(int(parts[-1]) + 2))[:-2]
            self._watches[int(parts[1]) - 1].messages.append(Message(parts[0], body))
        elif operation == "PING":
            self._writer.write(b"PONG\r\n")
        elif operation == "PONG" and self._pings:
            pong = self._pings.popleft()
            if not pong.done():
                pong.set_result(None)
        elif operation == "-ERR":
            self._problem = rest.strip("'")

    async def aclose(self) -> None:
        """Closes the connection."""
        if self._reading is not None:
            self._reading.cancel()
        self._writer.close()
        with suppress(OSError):
            await self._writer.wait_closed()


@asynccontextmanager
async def plain_client(address: str) -> AsyncIterator[Wire]:
    """Opens a plain client of the server at `nats://[user:password@]host:port`.

    Raises:
        Undecided: there is no way to speak to it.
    """
    url = urlsplit(address)
    if url.scheme != "nats" or not url.hostname:
        raise Undecided(
            f"the suite's plain client speaks to nats://host:port, not to {url.scheme}:"
        )
    user = None if url.username is None else unquote(url.username)
    password = None if url.password is None else unquote(url.password)
    try:
        async with asyncio.timeout(_ANSWER_S):
            reader, writer = await asyncio.open_connection(
                url.hostname, url.port or 4222, limit=_LINE_LIMIT
            )
    except (OSError, TimeoutError) as error:
        where = f"{url.hostname}:{url.port}"
        raise Undecided(f"the suite cannot connect to NATS at {where}: {error}") from error
    wire = Wire(reader, writer)
    try:
        await wire.greet(user, password)
        yield wire
    finally:
        await wire.aclose()


async def subjects_asked(monitor_url: str) -> Counter[str]:
    """Returns the subjects to which other clients than the suite's subscribe, without inboxes.

    Raises:
        Undecided: the monitoring port does not answer as NATS's does.
    """
    # An answer holds up to so many connections; the suite itself opens a handful.
    url = f"{monitor_url.rstrip('/')}/connz?subs=1&limit=100000"
    try:
        connections = json.loads(await asyncio.to_thread(_get, url))["connections"]
    except (OSError, ValueError, KeyError) as error:
        raise Undecided(f"NATS's monitoring at {monitor_url} does not answer: {error}") from error
    return Counter(
        subject
        for connection in connections
        if connection.get("name") != NAME
        for subject in connection.get("subscriptions_list") or ()
        if not subject.startswith("_INBOX.")
    )


def _get(url: str) -> bytes:
    with urlopen(url, timeout=_ANSWER_S) as answer:  # noqa: S310  # because: the target's own URL
        body: bytes = answer.read()
    return body
