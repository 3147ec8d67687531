"""A context of the target's, entered and left by one task of its own.

Contexts may hold task-bound things (a cancel scope, say), so entering and leaving are called by the
same task, as `async with` in a user's code would.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Generic, TypeVar

from eventhook_conformance.probe.containment import contain, end
from eventhook_conformance.probe.deadline import Deadline
from eventhook_conformance.probe.failure import TargetTimeout
from eventhook_conformance.probe.stacks import note_hung

T = TypeVar("T")


def _nothing() -> None: ...


def _used() -> AbstractAsyncContextManager[Any]:
    raise RuntimeError("a context is entered once")


class ContextTask(Generic[T]):
    """Keeps one context open until it is told to leave it.

    Args:
        factory: makes the context; called in the keeping task.
        deadline: bounds entering and leaving.
        on_entered, on_leaving, on_left: called at those moments, with no step of the loop between.
    """

    def __init__(
        self,
        factory: Callable[[], AbstractAsyncContextManager[T]],
        deadline: Deadline,
        *,
        on_entered: Callable[[], None] = _nothing,
        on_leaving: Callable[[], None] = _nothing,
        on_left: Callable[[], None] = _nothing,
    ) -> None:
        self._factory = factory
        self._deadline = deadline
        self._on_entered = on_entered
        self._on_leaving = on_leaving
        self._on_left = on_left
        self._leave: asyncio.Future[None] | None = None
        self._error: BaseException | None = None
        self._entered: asyncio.Future[T] | None = None
        self.task: asyncio.Task[None] | None = None

    def start(self) -> asyncio.Future[T]:
        """Begins to enter; the future has the value, or what entering raised."""
        loop = asyncio.get_running_loop()
        self._entered, self._leave = loop.create_future(), loop.create_future()
        self.task = loop.create_task(self._keep(self._entered, self._leave))
        return self._entered

    async def enter(self, timeout_s: float | None = None) -> T:
        """Enters the context.

        Raises:
            TargetTimeout: entering did not return in time.
            BaseException: whatever entering raised.
        """
        entered = self.start()
        if not await self._deadline.wait(entered, timeout_s=timeout_s):
            if self.task is not None:
                note_hung(self.task)
            await self.abandon()
            raise TargetTimeout("entering did not return")
        return entered.result()

    async def leave(
        self, error: BaseException | None = None, timeout_s: float | None = None
    ) -> None:
        """Leaves the context, or has its body raise `error`; does nothing if it was never entered.

        Args:
            error: what its body raises; None: nothing.
            timeout_s: instead of the current arrival timeout.

        Raises:
            TargetTimeout: leaving did not return in time.
            BaseException: whatever leaving raised.
        """
        if self.task is None or self._leave is None:
            return
        if not self._leave.done():
            self._error = error
            self._leave.set_result(None)
        if not await self._deadline.wait(self.task, timeout_s=timeout_s):
            await self.abandon()
            raise TargetTimeout("leaving did not return")
        if not self.task.cancelled() and (
            (raised := self.task.exception()) is not None and raised is not error
        ):
            raise raised

    async def cancel(self) -> bool:
        """Cancels the context's current action; returns whether that ended in time."""
        if self.task is None:
            return True
        self.task.cancel()
        return await self._deadline.wait(self.task)

    async def abandon(self) -> None:
        """Gives up on a context that hangs: it is cancelled, and waited for only briefly."""
        if self.task is not None and not self.task.done():
            await end(self.task)

    async def _keep(self, entered: asyncio.Future[T], leave: asyncio.Future[None]) -> None:
        try:
            async with self._factory() as value:
                if not entered.done():
                    entered.set_result(value)
                self._on_entered()
                try:
                    await leave
                finally:
                    self._on_leaving()
                if self._error is not None:
                    raise self._error
        except (KeyboardInterrupt, GeneratorExit):
            raise
        except (
            BaseException
        ) as error:  # because: whatever the target raises is a finding, not our end
            raised = contain(error)
            if entered.done():
                raise raised from None
            if isinstance(raised, asyncio.CancelledError):
                entered.cancel()
                raise
            entered.set_exception(raised)
            entered.exception()  # known: the caller of `enter` may have been cancelled, and ask no more
        finally:
            if not entered.done():
                # This was no `Exception`; nobody must wait for it in vain.
                entered.set_exception(TargetTimeout("entering did not come to an end"))
                entered.exception()
            self._on_left()
            # Used once: without these, a case's history is free as soon as the case is.
            self._factory = _used
            self._on_entered = self._on_leaving = self._on_left = _nothing
