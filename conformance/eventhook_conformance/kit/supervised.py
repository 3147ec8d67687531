"""Runs a reader beside a subscription: supervises it, and makes sure that it ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Final

from eventhook_conformance.kit.sink import Sink

END_S: Final = 5.0
"""How long a reader may take to end, in seconds."""
_AGAIN_S: Final = 0.05


@asynccontextmanager
async def pump(reading: Coroutine[Any, Any, object], sink: Sink) -> AsyncIterator[None]:
    """Runs a reader in a task of its own until the context is left; for `Adapter.attach`.

    A reader that dies, or just returns, has lost the subscription: its reader gets `SubscriptionLost`
    with the reason. When the context is left, the reader is cancelled until it has ended: some
    client libraries swallow a cancellation that arrives in the wrong moment.

    Args:
        reading: reads from the client library and calls `await sink(body)`, for ever.
        sink: that of `attach`.

    Raises, on leaving:
        TimeoutError: the reader did not end within `END_S` of being cancelled.
    """
    leaving = False

    def ended(task: asyncio.Task[object]) -> None:
        if leaving:
            if not task.cancelled():
                task.exception()  # nobody reads any more
        elif task.cancelled():
            sink.lose("the reader was cancelled")
        elif (error := task.exception()) is None:
            sink.lose("the reader ended by itself")
        else:
            sink.lose(f"the reader died: {type(error).__name__}: {error}")

    task = asyncio.get_running_loop().create_task(reading)
    task.add_done_callback(ended)
    try:
        yield
    finally:
        leaving = True
        await _end(task)


async def _end(task: asyncio.Task[object]) -> None:
    """Cancels a task until it has ended; a cancellation of this waits for that, too."""
    loop = asyncio.get_running_loop()
    limit_s = loop.time() + END_S
    cancelled: asyncio.CancelledError | None = None
    again_s = loop.time()
    while not task.done():
        if (now_s := loop.time()) > limit_s:
            raise TimeoutError(f"the reader did not end within {END_S:g} s of being cancelled")
        if now_s >= again_s:
            task.cancel()
            again_s = now_s + _AGAIN_S
        try:
            await asyncio.wait({task}, timeout=again_s - now_s)
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled
