"""A case's calls to the target: through which client, bounded, and recorded as they are made."""

from __future__ import annotations

import asyncio
import copy
import random
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from typing import Any, Literal, TypeAlias, TypeVar

import msgspec

from eventhook_conformance.checker import Violation
from eventhook_conformance.contract import (
    EventPattern,
    FlovynEvent,
    InvalidEvent,
)
from eventhook_conformance.history import Event, History, Publish
from eventhook_conformance.probe.client import Client
from eventhook_conformance.probe.context_task import TargetTimeout
from eventhook_conformance.probe.deadline import Deadline
from eventhook_conformance.probe.failure import CaseAborted, describe
from eventhook_conformance.probe.findings import Findings
from eventhook_conformance.probe.listener import Listener
from eventhook_conformance.probe.making import Making
from eventhook_conformance.probe.services import Services
from eventhook_conformance.settings import Settings
from eventhook_conformance.target import (
    Capabilities,
    HttpTarget,
    Server,
    Target,
    WorkflowService,
)

T = TypeVar("T")
JudgeApart: TypeAlias = Callable[
    [Sequence[str], str, Callable[[Any], Awaitable[None]]],
    Awaitable[tuple[History, tuple[Violation, ...]]],
]
Via: TypeAlias = Client | Literal["same", "other"] | None
"""Through which client: the run's first (`same`, the default), its second, or one of the case's own."""


class Acting(Making, Findings):
    """The calls that a case makes, each bounded and recorded.

    Args:
        requirements: those that the case is made for.
        history: where all it does is recorded.
        open_client: gives one more client of the target.
        shared: gives the first or second of the run's shared clients.
        target, server, capabilities, settings, deadline: the run's.
    """

    def __init__(
        self,
        *,
        requirements: Sequence[str],
        history: History,
        open_client: Callable[[History, str | None], Awaitable[Client]],
        shared: Callable[[int], Awaitable[Client]],
        target: Target,
        server: Server | None,
        capabilities: Capabilities,
        settings: Settings,
        deadline: Deadline,
        note_published: Callable[[Event], None],
        services: Services,
        judge_apart: JudgeApart,
    ) -> None:
        Making.__init__(self)
        Findings.__init__(self, requirements, history)
        self.target = target
        self.server = server
        self.capabilities = capabilities
        self.settings = settings
        self.deadline = deadline
        self.random = random.Random(f"{settings.seed}:{history.case}")
        self.listeners: list[Listener] = []
        self.own_clients: list[Client] = []
        self.used: dict[Client, Via] = {}
        """The shared clients that it acted through, and what it calls them."""
        self.tasks: set[asyncio.Task[Any]] = set()
        self._open_client = open_client
        self._shared = shared
        self._note_published = note_published
        self._services = services
        self._judge_apart = judge_apart

    # Whom it acts through

    async def client(self, via: Via = None) -> Client:
        """The run's first client (`same`, the default), its second (`other`), or the one given.

        Raises:
            CaseAborted: it is not open yet, and opening raised or hung.
        """
        if isinstance(via, Client):
            return via
        try:
            client = await self._shared(1 if via == "other" else 0)
        except Exception as error:  # because: whatever the target raises is a finding
            raise self.aborted("a client to open", f"it raised {describe(error)}") from error
        self.used[client] = "other" if via == "other" else "same"
        return client

    async def open_client(self, address: str | None = None) -> Client:
        """One more client, closed with the case; for cases that close or break theirs.

        Args:
            address: of another server than the run's, for a target that connects to one.

        Raises:
            CaseAborted: opening raised or hung.
        """
        try:
            client = await self._open_client(self.history, address)
        except Exception as error:  # because: whatever the target raises is a finding
            raise self.aborted("one more client to open", describe(error)) from error
        self.own_clients.append(client)
        return client

    async def workflows(self, via: Via = None) -> WorkflowService:
        """The target's workflow service over that client's bus; shared by all cases for shared clients.

        Raises:
            CaseAborted: entering it raised or hung.
        """
        try:
            return await self._services.workflows(await self.client(via))
        except Exception as error:  # because: whatever the target raises is a finding
            raise self.aborted("the workflow service to start", describe(error)) from error

    async def http(self, via: Via = None) -> HttpTarget:
        """The target's HTTP endpoints over that client's bus; shared by all cases for shared clients.

        Raises:
            CaseAborted: entering them raised or hung.
        """
        try:
            return await self._services.http(await self.client(via))
        except Exception as error:  # because: whatever the target raises is a finding
            raise self.aborted("the HTTP endpoints to start", describe(error)) from error

    async def listener(self, selects: EventPattern | str, via: Via = None) -> Listener:
        """A subscription that was not entered yet, for cases that do that step by step."""
        listener = Listener(await self.client(via), self.history, selects, self.deadline)
        self.listeners.append(listener)
        return listener

    # What it does

    async def subscribe(self, selects: EventPattern | str, via: Via = None) -> Listener:
        """Enters a subscription; it is active when this returns.

        Raises:
            CaseAborted: entering raised or hung.
        """
        listener = await self.listener(selects, via)
        try:
            await listener.enter()
        except TargetTimeout as error:
            listener.client.distrust("entering a subscription hung", self.history)
            raise self.aborted(
                "entering the subscription to return", str(error), listener.entry
            ) from error
        except Exception as error:  # because: whatever the target raises is a finding
            raise self.aborted(
                "entering the subscription to succeed",
                f"it raised {describe(error)}",
                listener.entry,
            ) from error
        return listener

    async def publish(
        self, *events: Event, via: Via = None, instead: Event | None = None
    ) -> Publish:
        """Publishes one after the other as one publisher; answers the last.

        Args:
            events: what is published, and recorded.
            via: through which client.
            instead: an equal object to hand over in place of the (one) event recorded.

        Raises:
            CaseAborted: one raised or hung.
        """
        return (await self.burst([events], via=via, instead=instead))[-1]

    async def attempt(self, event: Event, via: Via = None) -> Publish:
        """Publishes one event, whatever comes of it: for what may fail in a fault."""
        client = await self.client(via)
        (entry,) = await client.chain(self.history, [(None, self._recorded(event), event)])
        return entry

    async def publish_elsewhere(self, event: Event, sending: Awaitable[object], by: str) -> Publish:
        """Records as published what goes out another way than through the target.

        Args:
            event: what is published.
            sending: has sent it when it returns.
            by: how the history calls the publisher.
        """
        entry = self.history.publish(by, self._recorded(event))
        await sending
        entry.outcome, entry.returned = "ok", self.history.clock.now()
        return entry

    async def burst(
        self, chains: Iterable[Sequence[Event]], via: Via = None, *, instead: Event | None = None
    ) -> list[Publish]:
        """Publishes several chains at once, each as one publisher.

        Raises:
            CaseAborted: a publish raised or hung.
        """
        client = await self.client(via)
        entries: list[Publish] = []
        tasks = [
            self.spawn(
                client.chain(self.history, [(None, self._recorded(e), instead or e) for e in chain])
            )
            for chain in chains
        ]
        for task in tasks:
            if not await self.deadline.wait(task, progress=self._returned):
                client.distrust("publish hung", self.history)
                stuck = [p for p in self.history.publishes if p.outcome == "pending"]
                raise self.aborted(
                    "publish to return",
                    f"it did not within {self.deadline.current_s:g} s",
                    *stuck[:3],
                )
            entries += task.result()
        for entry in entries:
            if entry.outcome != "ok":
                if "BusClosed" in (entry.error or ""):
                    client.distrust("it says that it is closed", self.history)
                raise self.aborted("publish to succeed", f"it raised {entry.error}", entry)
        return entries

    async def publish_here(self, *events: Event, via: Via = None) -> None:
        """Publishes in the current task, with no turn of the event loop before, between or after.

        The task has to be bounded; `publish` is what bounds itself.

        Raises:
            CaseAborted: one raised.
        """
        client = await self.client(via)
        sent: list[tuple[None, Event, Event]] = [(None, self._recorded(e), e) for e in events]
        for entry in await client.chain(self.history, sent):
            if entry.outcome != "ok":
                raise self.aborted("publish to succeed", f"it raised {entry.error}", entry)

    def _returned(self) -> int:
        return sum(publish.returned is not None for publish in self.history.publishes)

    def _recorded(self, event: Event) -> Event:
        """What the history keeps: a copy, so that a target that changes ours is found out."""
        self._note_published(event)
        if isinstance(event, FlovynEvent) and isinstance(event.data, dict | list):
            return msgspec.structs.replace(event, data=copy.deepcopy(event.data))
        return event

    async def refuse(
        self,
        event: Event,
        *errors: type[Exception],
        via: Via = None,
        unless_delivered: bool = False,
    ) -> Publish:
        """Publishes what must be refused, with one of these errors (`InvalidEvent` if none is named).

        Args:
            unless_delivered: acceptance is right too; the event must then be delivered.
        """
        client = await self.client(via)
        wanted = errors or (InvalidEvent,)
        entry = self.history.publish(client.name, event, epoch=client.epoch)
        task = self.spawn(client.chain(self.history, [(entry, event, event)]))
        if not await self.deadline.wait(task):
            client.distrust("publish hung", self.history)
            raise self.aborted("the publish to be refused", "it does not return", entry)
        names = " or ".join(error.__name__ for error in wanted)
        if entry.outcome == "ok":
            if not unless_delivered:
                self.found(f"publish to raise {names}", f"it accepted {_shown(event)}", entry)
        elif not any((entry.error or "").partition(":")[0] == error.__name__ for error in wanted):
            self.found(f"publish to raise {names}", f"it raised {entry.error}", entry)
        return entry

    async def refuse_subscription(
        self, selects: EventPattern | str, error: type[Exception], via: Via = None
    ) -> None:
        """Subscribes to what must be refused with that error on entering."""
        listener = Listener(await self.client(via), self.history, selects, self.deadline)
        self.listeners.append(listener)
        expected = f"entering to raise {error.__name__} for {selects!r}"
        try:
            await listener.enter()
        except error:
            return
        except Exception as raised:  # because: whatever the target raises is a finding
            self.found(expected, f"it raised {describe(raised)}", listener.entry)
        else:
            self.found(expected, "it was entered", listener.entry)
            await listener.leave()

    def spawn(self, work: Any) -> asyncio.Task[Any]:
        """Runs something beside the case; it ends with the case at the latest."""
        task = asyncio.get_running_loop().create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[Any]) -> None:
        self.tasks.discard(task)
        if not task.cancelled():
            task.exception()  # a case that was aborted meanwhile awaits no other

    async def at_once(self, *calls: Coroutine[Any, Any, T]) -> list[T]:
        """What these answer, all under way together: for what does not depend on each other.

        Where a round trip takes long, that is most of what a case waits for. The first that raises
        ends the case, and the others with it.
        """
        tasks: list[asyncio.Task[T]] = [self.spawn(call) for call in calls]
        return [await task for task in tasks]

    async def returns(self, call: Awaitable[T], what: str, *, timeout_s: float | None = None) -> T:
        """What a call to the target returned, in bounded time.

        Raises:
            CaseAborted: it raised or hung.
        """
        task = self.spawn(_awaited(call))
        if not await self.deadline.wait(task, timeout_s=timeout_s):
            raise self.aborted(f"{what} to return", "it still had not in time")
        try:
            result: T = task.result()
        except CaseAborted:
            raise
        except Exception as error:  # because: whatever the target raises is a finding
            raise self.aborted(f"{what} to succeed", f"it raised {describe(error)}") from error
        return result

    async def raises(self, call: Awaitable[object], error: type[Exception], what: str) -> None:
        """That a call to the target raises that error, in bounded time."""
        task = self.spawn(_awaited(call))
        expected = f"{what} to raise {error.__name__}"
        if not await self.deadline.wait(task):
            raise self.aborted(expected, "it still had not returned in time")
        raised = task.exception()
        if raised is None:
            self.found(expected, f"it returned {task.result()!r:.100}")
        elif not isinstance(raised, error):
            self.found(expected, f"it raised {describe(raised)}")


async def _awaited(call: Awaitable[T]) -> T:
    return await call


def _shown(event: Event) -> str:
    if isinstance(event, FlovynEvent):
        return f"event_type {event.event_type!r}, data {event.data!r:.80}"
    return f"the key {event.workflow_execution_id!r}"
