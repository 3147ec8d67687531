"""The scheduler: fires timers, and tells parents when their children start and end."""

from __future__ import annotations

from eventhook_reference.lifecycle.announcer import Announcer
from eventhook_reference.lifecycle.records import Timer, Workflow


class Scheduler:
    """Fires timers, and tells parents of their children.

    Args:
        announcer: tells of each change; its clock is the one that timers go by.
    """

    def __init__(self, announcer: Announcer) -> None:
        self.announcer = announcer

    async def fire(self, timer: Timer) -> bool:
        """Fires a timer if it is due; returns whether it was."""
        if self.announcer.clock.now_ms() < timer.fire_at_ms:
            return False
        await self.announcer.of_workflow("TIMER_FIRED", timer.workflow, timer.snapshot())
        return True

    async def child_started(self, parent: Workflow, child: Workflow) -> None:
        """Tells a parent that its child runs (LIF-07)."""
        await self.announcer.of_workflow("CHILD_WORKFLOW_STARTED", parent, child.child_snapshot())

    async def child_ended(self, parent: Workflow, child: Workflow) -> None:
        """Tells a parent how its child ended; a cancelled one failed, as the parent sees it."""
        completed = child.status == "COMPLETED"
        older = "CHILD_WORKFLOW_COMPLETED" if completed else "CHILD_WORKFLOW_FAILED"
        await self.announcer.of_workflow(older, parent, child.child_snapshot())
