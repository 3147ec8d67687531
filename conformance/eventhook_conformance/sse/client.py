"""A stream as a case reads it: every byte recorded, every wait bounded, by whichever library.

The libraries are imported where they are used: they belong to the extra `sse`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from eventhook_conformance.history import Clock, Moment
from eventhook_conformance.probe.failure import describe
from eventhook_conformance.sse.parser import Parser, ServerSentEvent

if TYPE_CHECKING:
    import httpx

EVENT_STREAM: Final = "text/event-stream"


@dataclass(frozen=True)
class Received:
    """One event of a stream, and when its last byte was read."""

    event: ServerSentEvent
    at: Moment


@dataclass(frozen=True)
class Answer:
    """A whole answer that is no stream."""

    method: str
    url: str
    status: int
    headers: Mapping[str, str]
    """By lower-case name."""
    body: bytes = b""

    @property
    def media_type(self) -> str:
        """The content type, without parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


@dataclass
class Reading:
    """One stream as read so far."""

    status: int
    headers: Mapping[str, str]
    """By lower-case name."""
    opened: Moment
    """When the headers were read."""
    http_version: str = "HTTP/1.1"
    parser: Parser = field(default_factory=Parser)
    received: list[Received] = field(default_factory=list)
    chunks: int = 0
    ended: Moment | None = None
    """When the server ended it in good order."""
    error: str | None = None
    """How it broke, if it did."""
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def over(self) -> bool:
        """True if nothing more can come."""
        return self.ended is not None or self.error is not None

    def take(self, events: Sequence[ServerSentEvent], at: Moment) -> None:
        """Enters what was read."""
        self.chunks += 1
        self.received += [Received(event, at) for event in events]
        self._news.set()

    def finish(self, at: Moment, error: str | None = None) -> None:
        """Enters how it ended."""
        if error is None:
            self.ended = at
        self.error = error
        self._news.set()

    async def until(self, satisfied: Callable[[], bool]) -> None:
        """Waits until that holds, or nothing more can come."""
        while not satisfied() and not self.over:
            self._news.clear()
            await self._news.wait()


class HttpClient:
    """Plain requests and streams with httpx; connections are never used again.

    Args:
        base_url: of the server.
        clock: gives the moments.
        http2: speak HTTP/2.
    """

    def __init__(self, base_url: str, clock: Clock, *, http2: bool = False) -> None:
        self._base_url = base_url
        self._clock = clock
        self._http2 = http2
        self._client = self._new_client()

    def _new_client(self) -> httpx.AsyncClient:
        import httpx

        secure = self._base_url.startswith("https:")
        # A proxy of the environment is for the world outside; and a kept connection would hide
        # what a fresh reader sees.
        return httpx.AsyncClient(
            base_url=self._base_url,
            # Without TLS nothing negotiates the version.
            http1=secure or not self._http2,
            http2=self._http2,
            trust_env=False,
            verify=secure,
            timeout=httpx.Timeout(None),
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=0),
            follow_redirects=False,
        )

    def now_s(self) -> float:
        """Returns the time in seconds, for differences."""
        return asyncio.get_running_loop().time()

    async def aclose(self) -> None:
        """Closes what is still open."""
        await self._client.aclose()

    async def ask(
        self, method: str, path: str, headers: Mapping[str, str | bytes], params: Any = None
    ) -> Answer:
        """Returns a whole answer; of one that is a stream to GET, the headers alone."""
        sent = [
            (name.encode(), value.encode() if isinstance(value, str) else value)
            for name, value in headers.items()
        ]
        async with self._client.stream(method, path, headers=sent, params=params) as response:
            lowered = {name.lower(): value for name, value in response.headers.items()}
            answer = Answer(method, str(response.url), response.status_code, lowered)
            if answer.media_type == EVENT_STREAM and method == "GET":
                return answer
            body = await response.aread()
            return Answer(method, answer.url, answer.status, lowered, body)

    @contextlib.asynccontextmanager
    async def stream(
        self, path: str, headers: Mapping[str, str], params: Any = None
    ) -> AsyncIterator[Reading]:
        """Opens a stream; it is read in a task until the context is left."""
        # A connection of its own: over HTTP/2 a server sees a reader leave when its connection closes.
        own = self._new_client() if self._http2 else contextlib.nullcontext(self._client)
        async with (
            own as client,
            client.stream("GET", path, headers=headers, params=params) as response,
        ):
            lowered = {name.lower(): value for name, value in response.headers.items()}
            reading = Reading(
                response.status_code,
                lowered,
                self._clock.now(),
                http_version=response.http_version,
            )
            pump = asyncio.get_running_loop().create_task(self._pump(response, reading))
            try:
                yield reading
            finally:
                pump.cancel()
                await asyncio.gather(pump, return_exceptions=True)

    async def _pump(self, response: Any, reading: Reading) -> None:
        import httpx

        try:
            async for chunk in response.aiter_bytes():
                reading.take(reading.parser.feed(chunk), self._clock.now())
        except (httpx.HTTPError, httpx.StreamError) as error:
            reading.finish(self._clock.now(), describe(error))
        else:
            reading.finish(self._clock.now())
