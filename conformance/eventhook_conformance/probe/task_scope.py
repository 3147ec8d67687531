"""Tasks that a case starts, and bounded calls to its target."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from eventhook_conformance.probe.containment import contain
from eventhook_conformance.probe.deadline import Deadline
from eventhook_conformance.probe.failure import CaseAborted, outcome_of
from eventhook_conformance.probe.findings import Findings

T = TypeVar("T")


class TaskScope:
    """Owns the tasks of one case: they end with the case at the latest.

    Args:
        deadline: bounds every call.
        findings: takes the breaches.
    """

    def __init__(self, deadline: Deadline, findings: Findings) -> None:
        self.running: set[asyncio.Task[Any]] = set()
        self._deadline = deadline
        self._findings = findings

    def spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Runs a coroutine beside the case."""
        task = asyncio.get_running_loop().create_task(_contained(work))
        self.running.add(task)
        task.add_done_callback(self._done)
        task.add_done_callback(lambda _: work.close())  # it may never have begun
        return task

    def _call(self, call: Awaitable[T]) -> asyncio.Task[T]:
        task = self.spawn(_awaited(call))
        if asyncio.iscoroutine(call):
            task.add_done_callback(lambda _: call.close())  # it may never have begun
        return task

    def _done(self, task: asyncio.Task[Any]) -> None:
        self.running.discard(task)
        if not task.cancelled():
            task.exception()  # a case that was aborted meanwhile awaits no other

    async def at_once(self, *calls: Coroutine[Any, Any, T]) -> list[T]:
        """Runs independent calls concurrently and returns their results in order.

        A distant target makes a case wait for round trips; this overlaps them. The first call that
        raises ends the case, and the others with it.
        """
        tasks = [self.spawn(call) for call in calls]
        return [await task for task in tasks]

    async def returns(
        self,
        call: Awaitable[T],
        what: str,
        *,
        timeout_s: float | None = None,
        progress: Callable[[], int] | None = None,
    ) -> T:
        """Returns the result of a call to the target.

        Args:
            call: the call.
            what: how messages name it.
            timeout_s: seconds to wait; None: the arrival timeout.
            progress: a count, where it is many calls; each that it counts may take that long.

        Raises:
            CaseAborted: it raised or hung.
        """
        task = self._call(call)
        if not await self._deadline.wait(task, timeout_s=timeout_s, progress=progress):
            raise self._findings.aborted(f"{what} to return", "it still had not in time")
        try:
            return task.result()
        except CaseAborted:
            raise
        except Exception as error:  # because: whatever the target raises is a finding
            raise self._findings.aborted(f"{what} to succeed", outcome_of(error)) from error

    async def raises(self, call: Awaitable[object], error: type[Exception], what: str) -> None:
        """Expects a call to the target to raise `error` in time.

        Raises:
            CaseAborted: it hung.
        """
        task = self._call(call)
        expected = f"{what} to raise {error.__name__}"
        if not await self._deadline.wait(task):
            raise self._findings.aborted(expected, "it still had not returned in time")
        raised = task.exception()
        if raised is None:
            self._findings.add(expected, f"it returned {task.result()!r:.100}")
        elif not isinstance(raised, error):
            self._findings.add(expected, outcome_of(raised))


async def _contained(work: Coroutine[Any, Any, T]) -> T:
    try:
        return await work
    except Exception:
        raise
    except BaseException as error:  # because: whatever the target raises is a finding, not our end
        raise contain(error) from None


async def _awaited(call: Awaitable[T]) -> T:
    return await call
