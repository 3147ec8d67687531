"""One subscription, as a case uses it: entered, read on demand, left, every moment recorded.

A read that does not return in time stays pending, since cancelling it could make a bus that loses on
cancel lose everywhere; only `cancel_read` cancels one, for the cases that are about it.

Over 300 lines: all that is done with one subscription stands in one place.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import Any

from eventhook_conformance.checker import Violation
from eventhook_conformance.contract import Since, Subscription
from eventhook_conformance.history import Event, History, Publish, Subscribed
from eventhook_conformance.probe.arrivals import Arrivals
from eventhook_conformance.probe.client import Client
from eventhook_conformance.probe.containment import contain, end
from eventhook_conformance.probe.context_task import ContextTask
from eventhook_conformance.probe.deadline import Deadline
from eventhook_conformance.probe.failure import CaseAborted, TargetTimeout, describe, kinds
from eventhook_conformance.probe.plain import plain_told
from eventhook_conformance.probe.reader import Reader
from eventhook_conformance.probe.subscription_context import SubscriptionContext


class Listener:
    """A subscription of one client.

    Args:
        client: whose subscription it is.
        history: the case's.
        selects: the pattern, or the stream's key.
        deadline: bounds every wait.
        since: where it is asked to begin; None if it is not asked.
        default: where it claims to begin if it is not asked.
        lost: returns what the checker takes for lost on a subscription by now.
    """

    def __init__(
        self,
        client: Client,
        history: History,
        selects: Any,
        deadline: Deadline,
        since: Since | None,
        default: Since,
        lost: Callable[[Subscribed], Iterable[Publish]],
    ) -> None:
        self.client = client
        self.entry: Subscribed = history.subscribe(client.name, selects, since)
        self._history = history
        self._deadline = deadline
        self._reader = Reader(self.entry, history)
        self._context = SubscriptionContext(client, self.entry, history, deadline, default)
        self._arrivals = Arrivals(self._context, self._reader, history, deadline, lost)

    @property
    def context_task(self) -> ContextTask[Subscription[Any]]:
        """The task that enters and leaves the subscription."""
        return self._context.task

    @property
    def open(self) -> bool:
        """True if it was entered and not left yet."""
        return self.entry.entered is not None and self.entry.left is None

    @property
    def received(self) -> list[Any]:
        """The events that were delivered so far, in order of reading."""
        return [delivery.event for delivery in self.entry.deliveries]

    @property
    def ended_in_order(self) -> bool:
        """True if reading stopped because the subscription was left or its client closed."""
        ends, ended = self.entry.ends, self.entry.ended
        in_time = ends is not None and ended is not None and ends.step < ended.step
        return self.entry.end == "stopped" and in_time

    @property
    def subscription(self) -> Subscription[Any]:
        """The subscription that entering returned, to be read without a record.

        Raises:
            RuntimeError: it was not entered.
        """
        if self._reader.subscription is None:
            raise RuntimeError(f"{self.entry.name} was not entered")
        return self._reader.subscription

    @property
    def dropped(self) -> int | None:
        """The number of events lost to overflow, as the subscription states it."""
        subscription = self._reader.subscription
        said: int | None = plain_told(None if subscription is None else subscription.dropped)
        return said

    @property
    def cursor(self) -> str:
        """The cursor after the last event read.

        Raises:
            CaseAborted: there is none; the checker says so.
        """
        cursor = self.entry.deliveries[-1].cursor if self.entry.deliveries else None
        if not isinstance(cursor, str):
            raise CaseAborted
        return cursor

    def make_ahead(self) -> None:
        """Calls the target's `subscribe` now; `enter` comes later. It alone has no effect.

        Raises:
            Exception: whatever the call raised.
        """
        self._context.make_ahead()

    async def enter(self, timeout_s: float | None = None) -> None:
        """Enters the subscription; records and passes on an exception.

        A target that begins at the start, and offers no other beginning, is taken as it is.

        Args:
            timeout_s: instead of the current arrival timeout.
        """
        try:
            subscription = await self._context.enter(timeout_s)
            self._reader.subscription = subscription
            if isinstance(self.entry.since, str):
                self.entry.gap = self.dropped
        except BaseException as error:  # because: it is recorded, and passed on whatever it is
            self.entry.error, self.entry.raised = describe(error), kinds(error)
            raise

    @asynccontextmanager
    async def entered_here(self) -> AsyncIterator[None]:
        """Enters and leaves in the current task, with no turn of the event loop before or after.

        For cases that do something else right before or right after. The task has to be bounded.
        A target that begins at the start, and offers no other beginning, is taken as it is.

        Raises:
            BaseException: whatever entering or leaving raised; what entering raised is recorded.
        """
        try:
            async with AsyncExitStack() as stack:
                self._reader.subscription = await self._context.enter_here(stack)
                self._context.note_entered()
                try:
                    yield
                    await self.catch_up()
                finally:
                    self._context.note_leaving()
                    self._context.left, self._reader.draining = True, False
        except BaseException as error:  # because: it is recorded, and passed on whatever it is
            raised = contain(error)
            if self.entry.entered is None:
                self.entry.error, self.entry.raised = describe(raised), kinds(raised)
            if raised is error:
                raise
            raise raised from None
        finally:
            self._context.note_left()
        reading = self._reader.task
        if reading is not None and not await self._deadline.wait(reading):
            await end(reading)
            raise CaseAborted(self._hung("a waiting read to end when it was left", "it waits on"))

    async def receive(self, *events: Event) -> None:
        """Reads until all of these were delivered.

        Raises:
            CaseAborted: they did not come in time, or the subscription ended.
        """
        await self._arrivals.receive(*events)

    async def catch_up(self) -> None:
        """Reads on for overtaken events: a bus that reorders may deliver them next."""
        await self._arrivals.catch_up()

    async def read(self, count: int) -> bool:
        """Reads that many more events, any at all; returns whether they came in time."""
        return await self._arrivals.read(count)

    def start_reading(self) -> asyncio.Task[None]:
        """Starts to read in a task, unless one does; it reads at least one event."""
        return self._reader.start()

    async def wait_reading(self) -> asyncio.Task[None]:
        """Starts a read and lets it get as far as waiting."""
        reading = self.start_reading()
        for _ in range(3):
            await asyncio.sleep(0)
        return reading

    def iterate_again(self) -> None:
        """Begins a second loop over the subscription, as another `async for` would."""
        self._reader.iterate_again()

    def drain(self) -> None:
        """Reads all events from now on, until the subscription is left."""
        self._reader.draining = True
        if (
            self.entry.end is None
            and not self._context.left
            and self._reader.subscription is not None
        ):
            self.start_reading()

    @contextmanager
    def reading_on(self) -> Iterator[None]:
        """Reads all events within the block, so that others' publishes do not overrun it."""
        self.drain()
        try:
            yield
        finally:
            self._reader.draining = False

    async def cancel_read(self) -> None:
        """Cancels the waiting read (PUB-14, PUB-23)."""
        reading = self._reader.task
        if reading is not None:
            reading.cancel()
            await self._deadline.wait(reading)

    async def read_end(self) -> None:
        """Reads what is left until the subscription ends.

        Raises:
            CaseAborted: it does not end in time.
        """
        self._reader.draining = True
        reading, deliveries = self.start_reading(), self.entry.deliveries
        if not await self._deadline.wait(reading, progress=lambda: len(deliveries)):
            raise CaseAborted(self._hung("its reader to end", "the read still waits"))

    def heard(self, events: Iterable[Event]) -> bool:
        """Returns whether one of these was delivered."""
        return any(event in self.received for event in events)

    async def drain_for(self, pause_s: float) -> None:
        """Reads events until none has come for that many seconds."""
        while self.entry.end is None:
            reading = self.start_reading()
            await asyncio.wait({reading}, timeout=pause_s)
            if not reading.done():
                break

    async def read_late(self) -> None:
        """Reads once more after the end, which must end at once again.

        Raises:
            CaseAborted: it waits.
        """
        self.entry.end = None
        if not await self._deadline.wait(self.start_reading()):
            raise CaseAborted(self._hung("a read after the end to end at once", "it waits"))

    async def leave(self, error: BaseException | None = None) -> None:
        """Leaves, or has the consumer raise `error`; a waiting read must end then.

        Raises:
            CaseAborted: leaving raised or hung, or a waiting read did not end.
        """
        violation = await self.leave_quietly(error)
        if violation is not None:
            raise CaseAborted(violation)

    async def leave_quietly(self, error: BaseException | None = None) -> Violation | None:
        """Leaves; returns an error instead of raising it."""
        if self._context.left:
            return None
        await self.catch_up()
        self._context.left = True
        self._reader.draining = False
        violation = await self._left_wrongly(error)
        reading = self._reader.task
        if reading is not None and not reading.done():
            await end(reading)
        return violation

    async def _left_wrongly(self, error: BaseException | None) -> Violation | None:
        try:
            await self.context_task.leave(error)
        except TargetTimeout:
            return self._hung("leaving to return", "it still had not")
        except (Exception, asyncio.CancelledError) as raised:  # because: a finding, not our end
            return self._hung("leaving to succeed", f"it raised {describe(raised)}")
        reading = self._reader.task
        if reading is None or await self._deadline.wait(reading):
            return None
        return self._hung("a waiting read to end when its subscription was left", "it still waits")

    async def abandon(self) -> None:
        """Ends everything without asking the target."""
        self._context.left = True
        if self._reader.task is not None:
            await end(self._reader.task)
        await self.context_task.abandon()

    def _hung(self, expected: str, seen: str) -> Violation:
        # Leaving is fine after the client was closed: it is closing that broke it then.
        events = "PUB-11" if self.entry.closing is None else "PUB-17"
        requirement = events if self.entry.side == "events" else "STR-06"
        expected = f"{expected} ({self.entry.name})"
        return Violation("failed", (requirement,), expected, seen, (self.entry,))
