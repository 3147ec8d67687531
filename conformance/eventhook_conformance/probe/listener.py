"""One subscription, as a case uses it: entered, read on demand, left, every moment recorded.

A read that does not return in time stays pending, since cancelling it could make a bus that loses on
cancel lose everywhere; only `cancel_read` cancels one, for the cases that are about it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import Any, Final

from eventhook_conformance.checker import Violation
from eventhook_conformance.contract import (
    LIVE,
    FlovynEvent,
    Since,
    Subscription,
    SubscriptionLost,
    Unsupported,
)
from eventhook_conformance.driver.backend import DriverSubscription
from eventhook_conformance.history import Delivery, End, Event, History, Publish, Subscribed, Waited
from eventhook_conformance.probe.client import Client
from eventhook_conformance.probe.containment import contain, end
from eventhook_conformance.probe.context_task import ContextTask
from eventhook_conformance.probe.deadline import Deadline
from eventhook_conformance.probe.failure import CaseAborted, TargetTimeout, describe
from eventhook_conformance.probe.plain import plain

_FLOOD_MARGIN: Final = 256
_GRACE_S: Final = 0.25


def _nothing_lost(_: Subscribed) -> Iterable[Publish]:
    return ()


class Listener:
    """A subscription of one client.

    Args:
        client: whose subscription it is.
        history: the case's.
        selects: the pattern, or the stream's key.
        deadline: bounds every wait.
        since: where it is asked to begin; None: it is not asked.
        default: where it claims to begin if it is not asked.
        lost: what the checker takes for lost on a subscription by now.
    """

    def __init__(
        self,
        client: Client,
        history: History,
        selects: Any,
        deadline: Deadline,
        since: Since | None = None,
        default: Since = LIVE,
        lost: Callable[[Subscribed], Iterable[Publish]] = _nothing_lost,
    ) -> None:
        self.client = client
        self.entry: Subscribed = history.subscribe(client.name, selects, since)
        self._history = history
        self._deadline = deadline
        self._lost = lost
        self._subscription: Subscription[Any] | None = None
        self._iterator: Any = None
        """What a second loop over the subscription reads; None: there was none yet."""
        self._pump: asyncio.Task[None] | None = None
        self._missing: set[object] = set()
        self._came: set[object] = set()
        self._enough = 0
        self._sure = 0
        self._draining = False
        self._satisfied: asyncio.Future[None] | None = None
        """Done when a read that goes on and on has brought what is wanted."""
        self._hinted = False
        """The subscription pulls several events at once if it is told that they will be read."""
        self._left = False
        self._told = since
        self._default = default
        self.context_task = self._make_context_task()

    def _make_context_task(self) -> ContextTask[Subscription[Any]]:
        return ContextTask(
            self._context,
            self._deadline,
            on_entered=self._on_entered,
            on_leaving=self._on_leaving,
            on_left=self._on_left,
        )

    def _context(self) -> Any:
        backend, selects = self.client.backend, self.entry.selects
        # Called right before it is entered, be it long after this listener was made.
        self.entry.entering = self._history.clock.now()
        side = backend.events if self.entry.side == "events" else backend.streams
        if self._told is None:
            return side.subscribe(selects)  # type: ignore[arg-type]  # because: the side goes with the kind
        return side.subscribe(selects, since=self._told)  # type: ignore[arg-type]  # because: as above

    def _on_entered(self) -> None:
        self.entry.entered = self._history.clock.now()

    def _on_leaving(self) -> None:
        if self.entry.leaving is None:
            self.entry.leaving = self._history.clock.now()

    def _on_left(self) -> None:
        self.entry.left = self._history.clock.now()

    @property
    def open(self) -> bool:
        """Whether it was entered and not left yet."""
        return self.entry.entered is not None and self.entry.left is None

    @property
    def received(self) -> list[Any]:
        """All that was delivered so far, in order of reading."""
        return [delivery.event for delivery in self.entry.deliveries]

    @property
    def ended_in_order(self) -> bool:
        """Whether reading stopped because the subscription was left or its client closed."""
        ends, ended = self.entry.ends, self.entry.ended
        in_time = ends is not None and ended is not None and ends.step < ended.step
        return self.entry.end == "stopped" and in_time

    @property
    def subscription(self) -> Subscription[Any]:
        """What entering returned, to be read without a record.

        Raises:
            RuntimeError: it was not entered.
        """
        if self._subscription is None:
            raise RuntimeError(f"{self.entry.name} was not entered")
        return self._subscription

    @property
    def dropped(self) -> int | None:
        """What the subscription says it lost to overflow."""
        return self._subscription.dropped if self._subscription is not None else None

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

    async def enter(self, timeout_s: float | None = None) -> None:
        """Enters; what it raises is recorded and passed on.

        A target that begins at the start, and offers no other beginning, is taken as it is.

        Args:
            timeout_s: instead of the current arrival timeout.
        """
        try:
            try:
                self._subscription = await self.context_task.enter(timeout_s)
            except Unsupported:
                if not self._begins_by_default():
                    raise
                self.entry.left = None  # the context that was refused was left
                self.context_task = self._make_context_task()
                self._subscription = await self.context_task.enter(timeout_s)
            self._hinted = isinstance(self._subscription, DriverSubscription)
            if isinstance(self.entry.since, str):
                self.entry.gap = self._subscription.dropped
        except BaseException as error:  # because: it is recorded, and passed on whatever it is
            self.entry.error = describe(error)
            raise

    def _begins_by_default(self) -> bool:
        """Takes the beginning that is claimed, after LIVE was refused; whether the claim is another."""
        if self._told is not LIVE or self._default is LIVE:
            return False
        self._history.remark(self.client.name, "offers no since=LIVE: begins at START")
        self._told, self.entry.since = None, self._default
        return True

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
                self._subscription = await self._enter_on(stack)
                self._on_entered()
                try:
                    yield
                    await self.catch_up()
                finally:
                    self._on_leaving()
                    self._left, self._draining = True, False
        except BaseException as error:  # because: it is recorded, and passed on whatever it is
            raised = contain(error)
            if self.entry.entered is None:
                self.entry.error = describe(raised)
            if raised is error:
                raise
            raise raised from None
        finally:
            self._on_left()
        if self._pump is not None and not await self._deadline.wait(self._pump):
            await end(self._pump)
            raise CaseAborted(self._hung("a waiting read to end when it was left", "it waits on"))

    async def _enter_on(self, stack: AsyncExitStack) -> Subscription[Any]:
        try:
            entered: Subscription[Any] = await stack.enter_async_context(self._context())
        except Unsupported:
            if not self._begins_by_default():
                raise
            entered = await stack.enter_async_context(self._context())
        return entered

    async def receive(self, *events: Event) -> None:
        """Reads until all of these were delivered.

        Raises:
            CaseAborted: they did not come in time, or the subscription ended.
        """
        self._missing = {_key(event) for event in events} - self._came
        if self._missing:
            self._sure = len(self.entry.deliveries) + self._ahead() if self._hinted else 0
            await self._read()
            self._sure = 0
        missing = self._missing
        self._missing = set()
        if missing and not self._left:  # else it was left meanwhile, and is owed nothing more
            if self.entry.end is None and not self._overtaken(missing):
                self._note_waited(event for event in events if _key(event) in missing)
            raise CaseAborted

    async def catch_up(self) -> None:
        """Reads on for what was overtaken: a bus that reorders may bring it right behind.

        Does nothing unless the run was seen to need it, or where nothing is missing.
        """
        if not self._deadline.reads_on or self.entry.end is not None or self._left:
            return
        await asyncio.sleep(0)  # a read that was just started may bring what overtook others
        lost = list(self._lost(self.entry))
        if not lost:
            return
        self._missing = {_key(publish.event) for publish in lost}
        patient, limit_s = self._deadline.looks_long, self._deadline.glance_s
        came = await self._deadline.glance(self._until_enough())
        still, self._missing = self._missing, set()
        if self._deadline.disorderly and patient and not came and self.entry.end is None:
            # Where order does not hold, only waiting in vain shows a loss.
            missing = (publish.event for publish in lost if _key(publish.event) in still)
            self._note_waited(missing, limit_s)

    async def read(self, count: int) -> bool:
        """Reads that many more, whatever they are; whether they came in time."""
        self._enough = len(self.entry.deliveries) + count
        if count > 0:
            await self._read()
        enough, self._enough = self._enough, 0
        return len(self.entry.deliveries) >= enough

    def _until_enough(self) -> asyncio.Future[None]:
        """Reads until what is wanted was delivered, or the subscription ended."""
        enough: asyncio.Future[None] = self.start_reading()
        if self._draining:
            enough = self._satisfied = asyncio.get_running_loop().create_future()
            self._note_enough()
        return enough

    async def _read(self) -> None:
        enough = self._until_enough()
        deliveries = self.entry.deliveries
        grace_s = self._deadline.glance_s if self._deadline.reads_on else _GRACE_S
        if await self._deadline.wait(enough, timeout_s=grace_s, glance=True):
            return
        if not (self._missing and self._overtaken(self._missing)):
            await self._deadline.wait(enough, progress=lambda: len(deliveries))

    def _overtaken(self, missing: set[object]) -> bool:
        """Whether later events of their publishers came instead of all these: waiting on is vain."""
        newest: dict[tuple[str, int], int] = {}
        for publish in self._history.publishes:
            if _key(publish.event) in self._came:
                newest[publish.client, publish.epoch] = publish.called.step
        return all(
            publish.returned is not None
            and publish.returned.step < newest.get((publish.client, publish.epoch), 0)
            for publish in self._history.publishes
            if _key(publish.event) in missing
        )

    def _note_waited(self, events: Iterable[Event], limit_s: float | None = None) -> None:
        wanted = {_key(event) for event in events}
        now = self._history.clock.now()
        for publish in self._history.publishes:
            if _key(publish.event) in wanted and self.entry.matches(publish.event):
                self.entry.waited.append(Waited(publish, now, limit_s or self._deadline.current_s))

    def start_reading(self) -> asyncio.Task[None]:
        """Starts to read in a task, unless one does; it reads at least one event."""
        if self._pump is None or self._pump.done():
            self._pump = asyncio.get_running_loop().create_task(self._read_on())
        return self._pump

    async def wait_reading(self) -> asyncio.Task[None]:
        """Starts a read and lets it get as far as waiting."""
        pump = self.start_reading()
        for _ in range(3):
            await asyncio.sleep(0)
        return pump

    def iterate_again(self) -> None:
        """Begins a second loop over the subscription, as another `async for` would."""
        if self._subscription is not None:
            self._iterator = aiter(self._subscription)

    def drain(self) -> None:
        """From now on, reads whatever comes until the subscription is left."""
        self._draining = True
        if self.entry.end is None and not self._left and self._subscription is not None:
            self.start_reading()

    async def _read_on(self) -> None:
        """Reads one event, and on while more are wanted; ends with the subscription."""
        subscription, entry = self._subscription, self.entry
        if subscription is None:
            return
        while entry.end is None:
            await self._read_once(subscription)
            if self._note_enough() and not self._draining:
                return

    def _note_enough(self) -> bool:
        """Whether nothing more is wanted, or can come; tells who waits for that."""
        entry = self.entry
        wanted = self._missing or len(entry.deliveries) < self._enough
        enough = entry.end is not None or not wanted
        if enough and self._satisfied is not None and not self._satisfied.done():
            self._satisfied.set_result(None)
        return enough

    async def _read_once(self, subscription: Subscription[Any]) -> None:
        """Reads one event, or how the subscription ended."""
        entry, clock = self.entry, self._history.clock
        called = clock.now()
        if isinstance(subscription, DriverSubscription):
            subscription.wanted = self._wanted()
        try:
            handed = await (self._iterator or subscription).__anext__()
            # Asked only of a target that was asked where to begin: it may be worked out each time.
            cursor = subscription.cursor if entry.since is not None else None
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
            key = _key(event)
            self._came.add(key)
            self._missing.discard(key)
            if len(entry.deliveries) > len(self._history.publishes) * 3 + _FLOOD_MARGIN:
                self._end("raised", "nothing more is read of it: it floods")

    def _wanted(self) -> int:
        """How many reads, this one included, will surely follow."""
        if self._draining:
            return _FLOOD_MARGIN
        return max(
            1, len(self._missing), max(self._enough, self._sure) - len(self.entry.deliveries)
        )

    def _ahead(self) -> int:
        """How many reads it takes to what is missing: by order, what was published before comes first."""
        latest: dict[str, int] = {}
        for publish in self._history.publishes:
            if _key(publish.event) in self._missing:
                latest[publish.client] = publish.called.step
        return sum(
            publish.returned is not None
            and publish.returned.step < latest.get(publish.client, 0)
            and publish.outcome == "ok"
            and _key(publish.event) not in self._came
            and self.entry.entered is not None
            and self.entry.entered.step < publish.called.step
            and self.entry.matches(publish.event)
            for publish in self._history.publishes
        ) + len(self._missing)

    def _end(self, how: End, error: str | None = None) -> None:
        self.entry.end, self.entry.end_error = how, error
        self.entry.ended = self._history.clock.now()

    @contextmanager
    def reading_on(self) -> Iterator[None]:
        """Within, reads whatever comes as it comes, so that nobody else's publishing overruns it."""
        self.drain()
        try:
            yield
        finally:
            self._draining = False

    async def cancel_read(self) -> None:
        """Cancels the waiting read (PUB-14, PUB-23)."""
        if self._pump is not None:
            self._pump.cancel()
            await self._deadline.wait(self._pump)

    async def read_end(self) -> None:
        """Reads what is left until the subscription ends.

        Raises:
            CaseAborted: it does not end in time.
        """
        self._draining = True
        pump = self.start_reading()
        deliveries = self.entry.deliveries
        if not await self._deadline.wait(pump, progress=lambda: len(deliveries)):
            raise CaseAborted(self._hung("its reader to end", "the read still waits"))

    def heard(self, events: Iterable[Event]) -> bool:
        """Whether one of these was delivered."""
        return any(event in self.received for event in events)

    async def drain_for(self, pause_s: float) -> None:
        """Reads what comes, until nothing does for so long."""
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
        """As `leave`, but answers what went wrong instead of raising it."""
        if self._left:
            return None
        await self.catch_up()
        self._left = True
        self._draining = False
        violation = await self._left_wrongly(error)
        if self._pump is not None and not self._pump.done():
            await end(self._pump)
        return violation

    async def _left_wrongly(self, error: BaseException | None) -> Violation | None:
        try:
            await self.context_task.leave(error)
        except TargetTimeout:
            return self._hung("leaving to return", "it still had not")
        except (Exception, asyncio.CancelledError) as raised:  # because: a finding, not our end
            return self._hung("leaving to succeed", f"it raised {describe(raised)}")
        if self._pump is None or await self._deadline.wait(self._pump):
            return None
        return self._hung("a waiting read to end when its subscription was left", "it still waits")

    async def abandon(self) -> None:
        """Ends everything without asking the target."""
        self._left = True
        if self._pump is not None:
            await end(self._pump)
        await self.context_task.abandon()

    def _hung(self, expected: str, seen: str) -> Violation:
        requirement = "PUB-11" if self.entry.side == "events" else "STR-06"
        return Violation(
            "failed",
            (requirement,),
            f"{expected} ({self.entry.name})",
            f"{seen}",
            (self.entry,),
        )


def _key(event: object) -> object:
    """Tells events apart that share an id across tenants."""
    try:
        if isinstance(event, FlovynEvent):
            # The hash of a UUID is computed in Python each time, those of numbers are not.
            key: object = (event.tenant_id.int, event.id.int)
        else:
            key = (event.workflow_execution_id, event.timestamp_ms)  # type: ignore[attr-defined]
        hash(key)
    except (AttributeError, TypeError):  # because: a target may deliver anything at all
        return object()
    return key
