"""An ASGI application called without a socket, every answer bounded.

The application runs in the suite's loop; the caller may run in another thread's loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

from eventhook_conformance.sse.schemathesis_runner import ANSWER_TIMEOUT_S
from eventhook_conformance.target import AsgiApp

SILENCE_S: Final = 0.1
"""Seconds given to a stream on which nothing comes; no network stands between."""

Message = dict[str, Any]


class Inside:
    """Calls the application from another loop: a stream ends after its first event.

    Args:
        app: the application.
        silence_s: after which a stream without any event ends.
        answer_s: within which an answer has to begin, and any but a stream to end.
    """

    def __init__(
        self, app: AsgiApp, silence_s: float = SILENCE_S, answer_s: float = ANSWER_TIMEOUT_S
    ) -> None:
        self._app = app
        self._loop = asyncio.get_running_loop()
        self._silence_s = silence_s
        self._answer_s = answer_s

    async def __call__(
        self,
        scope: Message,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        """Answers from the application's own loop."""
        if scope["type"] != "http":
            raise NotImplementedError("only requests are passed on")
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        asking = asyncio.run_coroutine_threadsafe(self.ask(scope, body), self._loop)
        for message in await asyncio.wrap_future(asking):
            await send(message)

    async def ask(self, scope: Message, body: bytes) -> list[Message]:
        """Returns the messages of one answer, the last of which ends it.

        Raises:
            TimeoutError: it does not begin, or does not end where it should.
        """
        exchange = _Exchange(body)
        answering = self._loop.create_task(_answer(self._app, scope, exchange))
        try:
            async with asyncio.timeout(self._answer_s):
                await exchange.until(lambda: exchange.started or answering.done(), answering)
            silence = self._silence_s if exchange.is_stream else self._answer_s
            try:
                async with asyncio.timeout(silence):
                    await exchange.until(lambda: exchange.enough or answering.done(), answering)
            except TimeoutError:
                if not exchange.is_stream:
                    raise
        finally:
            exchange.leave()
            await asyncio.wait({answering}, timeout=self._silence_s)
            answering.cancel()
            await asyncio.gather(answering, return_exceptions=True)
        return exchange.whole()


async def _answer(app: AsgiApp, scope: Message, exchange: _Exchange) -> None:
    try:
        await app(scope, exchange.receive, exchange.send)
    except Exception as error:  # because: a server makes a 500 of whatever an application raises
        exchange.fail(error)
    else:
        if not exchange.started:
            exchange.fail(RuntimeError("the application sent nothing"))


class _Exchange:
    """One request and what the application sends for it."""

    def __init__(self, body: bytes) -> None:
        self._body: bytes | None = body
        self._sent: list[Message] = []
        self._left = asyncio.Event()
        self._news = asyncio.Event()

    @property
    def started(self) -> bool:
        return bool(self._sent)

    @property
    def is_stream(self) -> bool:
        headers = self._sent[0].get("headers", ()) if self._sent else ()
        return any(
            name.lower() == b"content-type" and value.startswith(b"text/event-stream")
            for name, value in headers
        )

    @property
    def enough(self) -> bool:
        """True if it has ended, or is a stream that brought an event."""
        if any(_ends(message) for message in self._sent):
            return True
        parts = [one for one in self._sent[1:] if not one.get("body", b":").startswith(b":")]
        return self.is_stream and bool(parts)

    async def until(self, holds: Callable[[], bool], answering: asyncio.Task[None]) -> None:
        answering.add_done_callback(lambda task: self._news.set())
        while not holds():
            self._news.clear()
            await self._news.wait()

    async def receive(self) -> Message:
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        if not self._left.is_set():
            self._sent.append(message)
            self._news.set()

    def leave(self) -> None:
        """Disconnects, as a reader does."""
        self._left.set()

    def fail(self, error: Exception) -> None:
        """Turns an exception into a 500, as a server does; ignores it after the answer has ended."""
        if self._left.is_set() or any(_ends(message) for message in self._sent):
            return
        plain = [(b"content-type", b"text/plain; charset=utf-8")]
        text = f"{type(error).__name__}: {error}".encode("utf-8", "replace")
        self._sent = [
            {"type": "http.response.start", "status": 500, "headers": plain},
            {"type": "http.response.body", "body": text},
        ]

    def whole(self) -> list[Message]:
        """Returns the whole answer, with an end."""
        if any(_ends(message) for message in self._sent):
            return self._sent
        return [*self._sent, {"type": "http.response.body", "body": b""}]


def _ends(message: Message) -> bool:
    return message["type"] == "http.response.body" and not message.get("more_body", False)
