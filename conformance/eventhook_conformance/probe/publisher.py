"""Publishes for one case, bounded and recorded."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Awaitable, Iterable, Sequence
from itertools import islice

import msgspec

from eventhook_conformance.checker.violation import shown
from eventhook_conformance.contract import BusClosed, FlovynEvent, InvalidEvent, StreamEvent
from eventhook_conformance.history import Event, History, Ledger, Moment, Publish, identity
from eventhook_conformance.probe.access import ClientAccess, Via
from eventhook_conformance.probe.client import Client
from eventhook_conformance.probe.deadline import Deadline
from eventhook_conformance.probe.findings import Findings
from eventhook_conformance.probe.listener import Listener
from eventhook_conformance.probe.relief import Relief
from eventhook_conformance.probe.task_scope import TaskScope


class Publisher:
    """Calls `publish` on the target and records each call.

    Args:
        access: gives the clients.
        tasks: owns the publishes under way.
        history: where they are recorded.
        ledger: where the run keeps what it published.
        deadline: bounds every call.
        findings: takes the breaches.
        relief: makes room in subscriptions before a publish.
    """

    def __init__(
        self,
        access: ClientAccess,
        tasks: TaskScope,
        history: History,
        ledger: Ledger,
        deadline: Deadline,
        findings: Findings,
        relief: Relief,
    ) -> None:
        self.relief = relief
        self._access = access
        self._tasks = tasks
        self._history = history
        self._counted = 0
        """How many publishes at the beginning of the history have returned."""
        self._ledger = ledger
        self._deadline = deadline
        self._findings = findings

    async def publish(
        self, *events: Event, via: Via = None, instead: Event | None = None
    ) -> Publish:
        """Publishes events one after the other, as one publisher; returns the record of the last.

        Args:
            events: the events to publish and to record.
            via: the client.
            instead: an equal object to hand over in place of the (one) event recorded.

        Raises:
            CaseAborted: one raised or hung.
        """
        return (await self.burst([events], via=via, instead=instead))[-1]

    async def attempt(self, event: Event, via: Via = None) -> Publish:
        """Publishes one event that may fail, as in a fault; returns its record."""
        client = await self._access.client(via)
        (entry,) = await client.chain(self._history, [(None, self._recorded(event), event)])
        return entry

    async def publish_elsewhere(self, event: Event, sending: Awaitable[object], by: str) -> Publish:
        """Records an event that is sent by other means than the target.

        Args:
            event: the event.
            sending: has sent it when it returns.
            by: the publisher's name in the history.
        """
        entry = self._history.publish(by, self._recorded(event))
        await sending
        entry.outcome, entry.returned = "ok", self._history.clock.now()
        return entry

    async def burst(
        self, chains: Iterable[Sequence[Event]], via: Via = None, *, instead: Event | None = None
    ) -> list[Publish]:
        """Publishes several chains concurrently, each as one publisher; returns all records.

        Where the target claims to hold very few unread events, they go out one by one.

        Raises:
            CaseAborted: a publish raised or hung.
        """
        client = await self._access.client(via)
        chains = [*chains]
        events = [event for chain in chains for event in chain]
        if not self.relief.concerns(*events):
            return await self._send(client, chains, instead)
        entries: list[Publish] = []
        for event in events:
            async with self.relief.room_for(event):
                entries += await self._send(client, [[event]], instead)
        return entries

    async def _send(
        self, client: Client, chains: Iterable[Sequence[Event]], instead: Event | None
    ) -> list[Publish]:
        entries: list[Publish] = []
        tasks = [
            self._tasks.spawn(
                client.chain(
                    self._history, [(None, self._recorded(e), instead or e) for e in chain]
                )
            )
            for chain in chains
        ]
        for task in tasks:
            if not await self._deadline.wait(task, progress=self._returned):
                client.distrust("publish hung", self._history)
                stuck = [p for p in self._history.publishes if p.outcome == "pending"]
                raise self._findings.aborted(
                    "publish to return",
                    f"it did not within {self._deadline.current_s:g} s",
                    *stuck[:3],
                )
            entries += task.result()
        for entry in entries:
            if entry.outcome != "ok":
                if BusClosed.__name__ in entry.raised:
                    client.distrust("it says that it is closed", self._history)
                raise self._findings.aborted(
                    "publish to succeed", f"it raised {entry.error}", entry
                )
        return entries

    async def publish_here(self, *events: Event, via: Via = None) -> None:
        """Publishes in the current task, with no turn of the event loop before, between or after.

        The caller has to bound the task; `publish` bounds itself.

        Raises:
            CaseAborted: one raised.
        """
        client = await self._access.client(via)
        sent: list[tuple[None, Event, Event]] = [(None, self._recorded(e), e) for e in events]
        for entry in await client.chain(self._history, sent):
            if entry.outcome != "ok":
                raise self._findings.aborted(
                    "publish to succeed", f"it raised {entry.error}", entry
                )

    def _returned(self) -> int:
        # Most return in their order, and are counted once.
        publishes = self._history.publishes
        while self._counted < len(publishes) and publishes[self._counted].returned is not None:
            self._counted += 1
        rest = islice(publishes, self._counted, None)
        return self._counted + sum(publish.returned is not None for publish in rest)

    async def refuse(
        self,
        event: Event,
        *errors: type[Exception],
        via: Via = None,
        unless_delivered: bool = False,
    ) -> Publish:
        """Publishes an event that must be refused with one of these errors; returns its record.

        Args:
            event: the event.
            errors: the errors allowed; none: `InvalidEvent`.
            via: the client.
            unless_delivered: accepting it is right too; the event must then be delivered.

        Raises:
            CaseAborted: the publish hung.
        """
        client = await self._access.client(via)
        wanted = errors or (InvalidEvent,)
        entry = self._history.publish(client.name, event, epoch=client.epoch)
        task = self._tasks.spawn(client.chain(self._history, [(entry, event, event)]))
        if not await self._deadline.wait(task):
            client.distrust("publish hung", self._history)
            raise self._findings.aborted("the publish to be refused", "it does not return", entry)
        names = " or ".join(error.__name__ for error in wanted)
        if entry.outcome == "ok":
            if not unless_delivered:
                self._findings.add(
                    f"publish to raise {names}", f"it accepted {_shown(event)}", entry
                )
        elif not any(error.__name__ in entry.raised for error in wanted):
            self._findings.add(f"publish to raise {names}", f"it raised {entry.error}", entry)
        return entry

    def attribute(self, by: str, since: Moment, *listeners: Listener) -> None:
        """Records deliveries that this case did not publish as published by somebody else.

        For a service over the bus that publishes by itself: the case judges which events it owed.

        Args:
            by: the publisher's name in the history.
            since: when it may have begun; its publishes have all returned by now.
            listeners: hold the deliveries, each in order of arrival.
        """
        own = {identity(one.event) for one in self._history.publishes if one.client != by}
        known = Counter(identity(one.event) for one in self._history.publishes if one.client == by)
        for listener in listeners:
            came: Counter[object] = Counter()
            for event in listener.received:
                if not isinstance(event, FlovynEvent | StreamEvent) or identity(event) in own:
                    continue
                came[identity(event)] += 1
                if came[identity(event)] > known[identity(event)]:
                    known[identity(event)] += 1
                    entry = self._history.publish(by, self._recorded(event))
                    entry.called, entry.outcome = since, "ok"
                    entry.returned = self._history.clock.now()

    def _recorded(self, event: Event) -> Event:
        """Returns a copy for the history, so that a target that changes the event is found out."""
        self._ledger.add(event, self._history.case)
        if isinstance(event, FlovynEvent) and isinstance(event.data, dict | list):
            return msgspec.structs.replace(event, data=copy.deepcopy(event.data))
        return event


def _shown(event: Event) -> str:
    if isinstance(event, FlovynEvent):
        return f"event_type {shown(event.event_type)}, data {shown(event.data)}"
    return f"the key {shown(event.workflow_execution_id)}"
