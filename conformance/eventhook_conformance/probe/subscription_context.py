"""Enters and leaves one subscription of the target, and records when.

A target that begins at the start, and offers no other beginning, is taken as it is.
"""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Any

from eventhook_conformance.contract import LIVE, Since, Subscription, Unsupported
from eventhook_conformance.history import History, Subscribed
from eventhook_conformance.probe.client import Client
from eventhook_conformance.probe.context_task import ContextTask
from eventhook_conformance.probe.deadline import Deadline


class SubscriptionContext:
    """The context of one subscription, entered by a task of its own or by the current one.

    Args:
        client: whose subscription it is.
        entry: the subscription's record.
        history: the case's.
        deadline: bounds entering and leaving.
        default: where the target claims to begin if it is not asked.
    """

    def __init__(
        self,
        client: Client,
        entry: Subscribed,
        history: History,
        deadline: Deadline,
        default: Since,
    ) -> None:
        self._client = client
        self._entry = entry
        self._history = history
        self._deadline = deadline
        self._asked = entry.since
        self._default = default
        self._made: Any = None
        """The target's context, where it was made ahead."""
        self.task = self._make_task()
        self.left = False
        """Leaving was called, and nothing more is read for."""

    def _make_task(self) -> ContextTask[Subscription[Any]]:
        return ContextTask(
            self._subscribe,
            self._deadline,
            on_entered=self.note_entered,
            on_leaving=self.note_leaving,
            on_left=self.note_left,
        )

    def make_ahead(self) -> None:
        """Calls `subscribe` now, and enters what it gave later.

        Raises:
            Exception: whatever the call raised.
        """
        self._made = self._call()

    def _subscribe(self) -> Any:
        # Called right before it is entered, be it long after the subscription was recorded.
        self._entry.entering = self._history.clock.now()
        made, self._made = self._made, None
        return self._call() if made is None else made

    def _call(self) -> Any:
        backend, selects = self._client.backend, self._entry.selects
        side = backend.events if self._entry.side == "events" else backend.streams
        if self._asked is None:
            return side.subscribe(selects)  # type: ignore[arg-type]  # because: the side goes with the kind
        return side.subscribe(selects, since=self._asked)  # type: ignore[arg-type]  # because: as above

    def note_entered(self) -> None:
        """Records that entering returned."""
        self._entry.entered = self._history.clock.now()

    def note_leaving(self) -> None:
        """Records that leaving began, once."""
        if self._entry.leaving is None:
            self._entry.leaving = self._history.clock.now()

    def note_left(self) -> None:
        """Records that leaving returned."""
        self._entry.left = self._history.clock.now()

    async def enter(self, timeout_s: float | None) -> Subscription[Any]:
        """Enters in a task of its own.

        Raises:
            TargetTimeout: entering did not return in time.
            BaseException: whatever entering raised.
        """
        try:
            return await self.task.enter(timeout_s)
        except Unsupported:
            if not self._fall_back():
                raise
            self._entry.left = None  # the context that was refused was left
            self.task = self._make_task()
            return await self.task.enter(timeout_s)

    async def enter_here(self, stack: AsyncExitStack) -> Subscription[Any]:
        """Enters in the current task.

        Raises:
            BaseException: whatever entering raised.
        """
        try:
            entered: Subscription[Any] = await stack.enter_async_context(self._subscribe())
        except Unsupported:
            if not self._fall_back():
                raise
            entered = await stack.enter_async_context(self._subscribe())
        return entered

    def _fall_back(self) -> bool:
        """Asks for no beginning after LIVE was refused; False if the target claims to begin live."""
        if self._asked is not LIVE or self._default is LIVE:
            return False
        self._history.remark(self._client.name, "offers no since=LIVE: begins at START")
        self._asked, self._entry.since = None, self._default
        return True
