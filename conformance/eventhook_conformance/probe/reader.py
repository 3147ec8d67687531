"""Reads one subscription in a task, on demand; records each delivery, and how the reading ended."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from eventhook_conformance.contract import Subscription, SubscriptionLost
from eventhook_conformance.driver.backend import DriverSubscription
from eventhook_conformance.history import Delivery, End, History, Subscribed
from eventhook_conformance.probe.containment import contain
from eventhook_conformance.probe.failure import describe
from eventhook_conformance.probe.plain import plain, plain_told
from eventhook_conformance.probe.publisher_order import event_key, reads_until

_FLOOD_MARGIN: Final = 256


class Reader:
    """Reads the events of one subscription.

    Args:
        entry: the subscription's record.
        history: the case's.
    """

    def __init__(self, entry: Subscribed, history: History) -> None:
        self.subscription: Subscription[Any] | None = None
        self.task: asyncio.Task[None] | None = None
        """The current read, or the last one."""
        self.missing: set[object] = set()
        """The keys of the events to read for."""
        self.came: set[object] = set()
        """The keys of the events that were delivered."""
        self.draining = False
        """Reads on until the subscription ends."""
        self.count = 0
        """How many deliveries to read for, in all."""
        self.entry = entry
        self._history = history
        self._iterator: Any = None
        """The second loop over the subscription; None before there is one."""
        self._certain = 0
        """How many deliveries will surely be read, in all."""
        self._satisfied: asyncio.Future[None] | None = None
        """Done when a draining read has brought what is wanted."""

    def start(self) -> asyncio.Task[None]:
        """Starts to read in a task, unless one does; it reads at least one event."""
        if self.task is None or self.task.done():
            self.task = asyncio.get_running_loop().create_task(self._read_on())
        return self.task

    def iterate_again(self) -> None:
        """Begins a second loop over the subscription, as another `async for` would."""
        if self.subscription is not None:
            self._iterator = aiter(self.subscription)

    def expect_until_missing(self) -> None:
        """Notes how many reads will follow, for a subscription that pulls several events at once."""
        if isinstance(self.subscription, DriverSubscription):
            ahead = reads_until(self._history, self.entry, self.missing, self.came)
            self._certain = len(self.entry.deliveries) + ahead

    def expect_nothing(self) -> None:
        """Forgets how many reads will follow."""
        self._certain = 0

    def until_enough(self) -> asyncio.Future[None]:
        """Reads until all that is wanted was delivered, or the subscription ended."""
        enough: asyncio.Future[None] = self.start()
        if self.draining:
            enough = self._satisfied = asyncio.get_running_loop().create_future()
            self._note_enough()
        return enough

    async def _read_on(self) -> None:
        """Reads one event, and on while more are wanted; ends with the subscription."""
        if self.subscription is None:
            return
        while self.entry.end is None:
            await self._read_once(self.subscription)
            if self._note_enough() and not self.draining:
                return

    def _note_enough(self) -> bool:
        """Returns whether nothing more is wanted or can come, and ends the wait for that."""
        entry = self.entry
        wanted = self.missing or len(entry.deliveries) < self.count
        enough = entry.end is not None or not wanted
        if enough and self._satisfied is not None and not self._satisfied.done():
            self._satisfied.set_result(None)
        return enough

    async def _read_once(self, subscription: Subscription[Any]) -> None:
        """Records one event, or how the subscription ended."""
        entry, clock = self.entry, self._history.clock
        called = clock.now()
        if isinstance(subscription, DriverSubscription):
            subscription.wanted = self._wanted()
        try:
            handed = await (self._iterator or subscription).__anext__()
            # Asked only of a target that was asked where to begin: it may be worked out each time.
            cursor = None if entry.since is None else plain_told(subscription.cursor)
        except (KeyboardInterrupt, GeneratorExit):
            raise
        except StopAsyncIteration as stopped:
            # Targets keep what they raise, and its traceback would keep all of the case.
            stopped.__traceback__ = None
            self._end("stopped")
        except SubscriptionLost as error:
            self._end("lost", describe(error))
        except BaseException as error:  # because: whatever the target raises is a finding
            raised = contain(error)
            if isinstance(raised, asyncio.CancelledError):
                raise
            self._end("raised", describe(raised))
        else:
            event = plain(handed)
            own = None if event is handed else handed
            entry.deliveries.append(Delivery(event, called, clock.now(), cursor, own))
            key = event_key(event)
            self.came.add(key)
            self.missing.discard(key)
            if len(entry.deliveries) > len(self._history.publishes) * 3 + _FLOOD_MARGIN:
                self._end("raised", "nothing more is read of it: it floods")

    def _wanted(self) -> int:
        """Returns how many reads, this one included, will surely follow."""
        if self.draining:
            return _FLOOD_MARGIN
        certain = max(self.count, self._certain) - len(self.entry.deliveries)
        return max(1, len(self.missing), certain)

    def _end(self, how: End, error: str | None = None) -> None:
        self.entry.end, self.entry.end_error = how, error
        self.entry.ended = self._history.clock.now()
