"""Keeps a context of a client library open in a task of its own.

Some contexts belong to their task (those with a cancel scope, say), and may end by themselves (those
with a group of tasks, when one fails). So one task enters, waits and leaves, as `async with` would.

The probe's `ContextTask` judges such a context and bounds it; this one is part of a bus, so it waits as
long as the bus does, takes no turn of the event loop, and tells when the context ends by itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Generic, TypeVar

from eventhook_conformance.kit.eager import start_now

T = TypeVar("T")


class ContextKeeper(Generic[T]):
    """Keeps one context from `enter` to `leave`.

    Args:
        factory: makes the context; called by the keeping task.
        on_broken: told when the context ends by itself, and by what error, if any.
    """

    def __init__(
        self,
        factory: Callable[[], AbstractAsyncContextManager[T]],
        on_broken: Callable[[BaseException | None], None] | None = None,
    ) -> None:
        self._factory = factory
        self._on_broken = on_broken
        self._leaving = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def enter(self) -> T:
        """Enters; a cancelled entering leaves nothing behind (PUB-23).

        Raises:
            BaseException: whatever entering raised.
        """
        entered: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        # At once: a turn here would hide what the bus still does after a publish that returned.
        task = self._task = start_now(self._keep(entered))
        try:
            return await asyncio.shield(entered)
        except asyncio.CancelledError:
            # A client library may swallow the cancellation: what it enters all the same is left.
            self._leaving.set()
            if not entered.done():
                task.cancel()
            await asyncio.wait({task})
            for ended in (task, entered):
                if ended.done() and not ended.cancelled():
                    ended.exception()  # the caller was cancelled; nobody is left who could be told
            raise

    async def leave(self) -> None:
        """Leaves; a cancelled leaving goes on by itself.

        Raises:
            BaseException: whatever leaving raised.
        """
        if self._task is None:
            return
        self._leaving.set()
        await asyncio.shield(self._task)

    async def _keep(self, entered: asyncio.Future[T]) -> None:
        try:
            async with self._factory() as value:
                if not entered.done():
                    entered.set_result(value)
                await self._leaving.wait()
        except BaseException as error:  # because: it is passed on to the caller that waits for it
            if not entered.done():
                if isinstance(error, asyncio.CancelledError):
                    entered.cancel()
                    raise
                entered.set_exception(error)
                return
            if self._leaving.is_set():
                raise
            self._broken(error)
        else:
            if not self._leaving.is_set():
                self._broken(None)

    def _broken(self, error: BaseException | None) -> None:
        if self._on_broken is not None:
            self._on_broken(error)
