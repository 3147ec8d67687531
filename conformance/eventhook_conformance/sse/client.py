"""Reads a stream for a case by a chosen library: records every byte, and bounds every wait.

The libraries are imported where they are used: they belong to the extra `sse`.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from functools import cache
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
        """Records the events that were read."""
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
        """Waits until the condition holds, or nothing more can come."""
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
        self._open: set[_Stream] = set()

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
            verify=_tls(verify=secure),
            timeout=httpx.Timeout(None),
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=0),
            follow_redirects=False,
        )

    def now_s(self) -> float:
        """Returns the time in seconds, for differences."""
        return asyncio.get_running_loop().time()

    async def aclose(self) -> None:
        """Closes what is still open."""
        for stream in list(self._open):
            await stream.aclose()
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

    def stream(
        self,
        path: str,
        headers: Mapping[str, str],
        params: Any = None,
        *,
        shared: bool = False,
    ) -> AbstractAsyncContextManager[Reading]:
        """Returns a context that opens a stream and reads it in a task until it is left.

        Over HTTP/2, those that are `shared` have one connection together.

        `aclose` leaves those that are still open: a case that is cut short may have lost one.
        """
        # A connection of its own: over HTTP/2 a server sees a reader leave when its connection closes.
        own = self._new_client() if self._http2 and not shared else None
        client = own or self._client
        request = client.build_request("GET", path, headers=headers, params=params)
        return _Stream(client, request, own, self._clock, self._open)


@cache
def _tls(*, verify: bool) -> ssl.SSLContext:
    """Returns what all clients share: to make it takes longer than a request."""
    import httpx

    return httpx.create_ssl_context(verify=verify, trust_env=False)


class _Stream(AbstractAsyncContextManager[Reading]):
    """One stream that is read in a task; leaving it twice is fine.

    A class, and no generator: a closing event loop ends all generators at once, and one that awaits
    another then fails.

    Args:
        client: sends the request.
        request: asks for the stream.
        own: the client, if it is for this stream alone.
        clock: gives the moments.
        beside: the streams that are open, to which this one is added.
    """

    def __init__(
        self,
        client: httpx.AsyncClient,
        request: httpx.Request,
        own: httpx.AsyncClient | None,
        clock: Clock,
        beside: set[_Stream],
    ) -> None:
        self._client = client
        self._request = request
        self._own = own
        self._clock = clock
        self._beside = beside
        self._response: httpx.Response | None = None
        self._pump: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Reading:
        self._beside.add(self)
        try:
            response = await self._client.send(self._request, stream=True)
        except BaseException:  # because: a cancelled request must not leave its client either
            await self.aclose()
            raise
        self._response = response
        lowered = {name.lower(): value for name, value in response.headers.items()}
        reading = Reading(
            response.status_code,
            lowered,
            self._clock.now(),
            http_version=response.http_version,
        )
        self._pump = asyncio.get_running_loop().create_task(self._read(response, reading))
        return reading

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Ends reading, and closes the connection."""
        self._beside.discard(self)
        if self._pump is not None:
            self._pump.cancel()
            await asyncio.gather(self._pump, return_exceptions=True)
        if self._response is not None:
            await self._response.aclose()
        if self._own is not None:
            await self._own.aclose()

    async def _read(self, response: httpx.Response, reading: Reading) -> None:
        import httpx

        try:
            async for chunk in response.aiter_bytes():
                reading.take(reading.parser.feed(chunk), self._clock.now())
        except (httpx.HTTPError, httpx.StreamError) as error:
            reading.finish(self._clock.now(), describe(error))
        else:
            reading.finish(self._clock.now())
