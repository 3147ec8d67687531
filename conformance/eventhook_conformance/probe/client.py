"""One client of the target, as a case uses it: every call is bounded and recorded."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, Final, TypeVar
from uuid import UUID

from eventhook_conformance.contract import (
    BusClosed,
    ChannelCounts,
    InvalidEvent,
    PublishError,
    StreamEvent,
    StreamingBackend,
)
from eventhook_conformance.history import Event, History, Publish
from eventhook_conformance.probe.containment import contain, end
from eventhook_conformance.probe.context_task import ContextTask
from eventhook_conformance.probe.deadline import Deadline
from eventhook_conformance.probe.failure import TargetTimeout, describe, kinds
from eventhook_conformance.probe.plain import plain_told

T = TypeVar("T")

CLOSED_BY_CASE: Final = "it was closed by a case"
_IN_FLIGHT: Final = 100
"""Publishes at a time that a target is asked to bear on one client, at most."""


class Client:
    """An open client; a case records into its own history through it.

    Args:
        name: how histories call it.
        held: the entered context of the backend.
        backend: the client itself.
        deadline: bounds every call.
    """

    def __init__(
        self,
        name: str,
        context_task: ContextTask[StreamingBackend],
        backend: StreamingBackend,
        deadline: Deadline,
    ) -> None:
        self.name = name
        self.backend = backend
        self.epoch = 0
        self.tainted: str | None = None
        """Why no other case should use it: it hung, or closed by itself."""
        self.tainted_by: str | None = None
        """The case in which that was."""
        self.closed = False
        self.transient = False
        """It is opened and closed within a case, so that no other fence may rely on it."""
        self._in_flight = asyncio.Semaphore(_IN_FLIGHT)
        self._context_task = context_task
        self._deadline = deadline

    async def chain(
        self, history: History, sent: Sequence[tuple[Publish | None, Event, Event]]
    ) -> list[Publish]:
        """Publishes one after the other, as one publisher; stops at the first that raises.

        Args:
            history: where to record.
            sent: for each, an entry to fill in or None, the event to record, the event to hand over.
        """
        entries: list[Publish] = []
        for prepared, recorded, handed in sent:
            # It is recorded as called when it is called, and not while it waits for its turn.
            async with self._in_flight:
                entry = prepared or history.publish(self.name, recorded, epoch=self.epoch)
                entries.append(entry)
                await self._publish(history, entry, handed)
            if entry.outcome != "ok":
                break
        return entries

    async def _publish(self, history: History, entry: Publish, event: Event) -> None:
        try:
            if isinstance(event, StreamEvent):
                await self.backend.streams.publish(event)
            else:
                await self.backend.events.publish(event)
        except (InvalidEvent, BusClosed) as error:
            entry.outcome = "refused"
            entry.error, entry.raised = describe(error), kinds(error)
        except PublishError as error:
            in_fault = any(fault.ended is None for fault in history.faults)
            entry.outcome = "unknown" if in_fault else "refused"
            entry.error, entry.raised = describe(error), kinds(error)
        except (KeyboardInterrupt, GeneratorExit):
            raise
        except (
            BaseException
        ) as error:  # because: whatever the target raises is a finding, not our end
            raised = contain(error)
            entry.outcome = "unknown"
            if isinstance(raised, asyncio.CancelledError):
                entry.error = "cancelled"
                raise
            entry.error, entry.raised = describe(raised), kinds(raised)
        else:
            entry.outcome = "ok"
        finally:
            entry.returned = history.clock.now()

    async def cleanup(self, history: History) -> int:
        """Calls `cleanup_inactive_channels`, recorded."""
        remark = history.remark(self.name, "cleanup_inactive_channels()")
        told = await self._bounded(self.backend.cleanup_inactive_channels(), history)
        removed: int = plain_told(told)
        remark.returned, remark.result = history.clock.now(), f"{removed} removed"
        return removed

    async def channels(self, history: History) -> ChannelCounts:
        """Calls `active_channels`, recorded."""
        remark = history.remark(self.name, "active_channels()")
        told = await self._bounded(self.backend.active_channels(), history)
        counts = ChannelCounts(events=plain_told(told.events), streams=plain_told(told.streams))
        remark.returned = history.clock.now()
        remark.result = f"events={counts.events} streams={counts.streams}"
        return counts

    async def purge(self, history: History, scope: UUID | str) -> None:
        """Calls `purge` for a tenant or a stream's key, recorded."""
        entry = history.purge(self.name, scope)
        try:
            if isinstance(scope, UUID):
                await self._bounded(self.backend.events.purge(scope), history)
            else:
                await self._bounded(self.backend.streams.purge(scope), history)
        finally:
            entry.returned = history.clock.now()

    async def aclose(self, history: History) -> None:
        """Calls the backend's `aclose`, recorded."""
        remark = history.remark(self.name, "aclose()")
        self.closed = True
        self.tainted = CLOSED_BY_CASE
        await self._bounded(self.backend.aclose(), history)
        remark.returned, remark.result = history.clock.now(), "closed"

    async def leave(self) -> str | None:
        """Leaves the context of the client; returns what went wrong with that, if anything."""
        self.closed = True
        try:
            await self._context_task.leave()
        except Exception as error:  # because: a target that cannot close is a finding, not our end
            return describe(error)
        return None

    def distrust(self, why: str, history: History) -> None:
        """Marks the client, so that no other case uses it; gives the reason that a case saw."""
        self.tainted, self.tainted_by = why, history.case

    async def _bounded(self, call: Coroutine[Any, Any, T], history: History) -> T:
        task = asyncio.get_running_loop().create_task(_guarded(call))
        try:
            if await self._deadline.wait(task):
                return task.result()
        finally:
            if not task.done():
                await end(task)
        self.distrust("a call hung", history)
        raise TargetTimeout(
            f"{getattr(call, '__qualname__', 'the call')} did not return "
            f"within {self._deadline.current_s:g} s"
        )


async def _guarded(call: Coroutine[Any, Any, T]) -> T:
    try:
        return await call
    except Exception:
        raise
    except BaseException as error:  # because: whatever the target raises is a finding, not our end
        raise contain(error) from None
