"""Fences: later events that prove, by order, that an earlier one will not come any more."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Final

from eventhook_conformance.history import Event, History
from eventhook_conformance.probe.access import ClientAccess, Via
from eventhook_conformance.probe.client import Client
from eventhook_conformance.probe.deadline import Deadline
from eventhook_conformance.probe.findings import Findings
from eventhook_conformance.probe.listener import Listener
from eventhook_conformance.probe.maker import Maker
from eventhook_conformance.probe.publisher import Publisher
from eventhook_conformance.probe.task_scope import TaskScope

_KNOCK_S: Final = 0.02
_FEW: Final = 16
"""Fences that can be published one after the other."""


class Fences:
    """Publishes fences and waits for them.

    Args:
        make: makes their events.
        access, publisher, tasks: the case's.
        history: says who published in this case.
        deadline: bounds every wait.
        findings: takes the breaches.
        active_everywhere: entering makes a subscription active for publishers on every client.
        capacity: how many unread events any subscription holds.
    """

    def __init__(
        self,
        make: Maker,
        access: ClientAccess,
        publisher: Publisher,
        tasks: TaskScope,
        history: History,
        deadline: Deadline,
        findings: Findings,
        *,
        active_everywhere: bool,
        capacity: int,
    ) -> None:
        self._make = make
        self._access = access
        self._publisher = publisher
        self._tasks = tasks
        self._history = history
        self._deadline = deadline
        self._findings = findings
        self._active_everywhere = active_everywhere
        self._capacity = capacity

    async def fence(self, *listeners: Listener) -> None:
        """Returns when everything that will come on these listeners has come.

        Each client that published in this case publishes one more event, which the subscription
        asks for; by publisher order nothing earlier can come after it (PUB-06).

        Raises:
            CaseAborted: a fence did not arrive.
        """
        if not listeners:
            return
        names = {p.client for p in self._history.publishes if p.returned}
        clients = await self._access.named(names) if names else [await self._access.client()]
        for client in clients:
            await self.reach(*listeners, via=client)
        await self._fence(clients, listeners)

    async def _fence(self, clients: Sequence[Client], listeners: Sequence[Listener]) -> None:
        fences = [(client, self.for_each(listeners)) for client in clients]
        if self._capacity < sum(len(its) for _, its in fences) <= _FEW:
            # There may be so little room that each has to be read before the next.
            for client, its in fences:
                for event in its:
                    await self._publish([(client, [event])], listeners)
        else:
            await self._publish(fences, listeners)
        for listener in listeners:
            await listener.catch_up()

    async def _publish(
        self, fences: Sequence[tuple[Client, Sequence[Event]]], listeners: Sequence[Listener]
    ) -> None:
        """Publishes these at once, and reads them wherever they are asked for."""
        # All that they have to come after was published before; among themselves they owe no order.
        entries = await self._tasks.at_once(
            *(self._publisher.burst([[one] for one in its], via=client) for client, its in fences)
        )
        for publish in (publish for its in entries for publish in its):
            publish.purpose = "fence"
        published = [fence for _, its in fences for fence in its]
        for listener in listeners:
            # Those for others too, or they would stay unread and take room.
            await listener.receive(*(one for one in published if listener.entry.matches(one)))

    async def reach(self, *listeners: Listener, via: Via = None) -> None:
        """Waits until events that a client publishes arrive on these listeners.

        Does nothing where entering makes a subscription active for the whole bus at once.

        Raises:
            CaseAborted: nothing arrived in time.
        """
        client = await self._access.client(via)
        if self._active_everywhere:
            return
        knocks: list[Event] = []
        loop = asyncio.get_running_loop()
        limit_s = self._deadline.current_s
        until = loop.time() + limit_s
        while deaf := [
            one for one in listeners if one.client is not client and not one.heard(knocks)
        ]:
            if loop.time() > until:
                self._deadline.note_limit(limit_s)
                raise self._findings.aborted(
                    f"events that {client.name} publishes to arrive on {deaf[0].entry.name}"
                    " in the end",
                    f"nothing of it within {limit_s:g} s",
                    deaf[0].entry,
                )
            new = self.for_each(deaf)
            for knock in new:
                (await self._publisher.publish(knock, via=client)).purpose = "fence"
            knocks += new
            await asyncio.gather(*(one.drain_for(_KNOCK_S) for one in listeners))
        for listener in listeners:
            await listener.receive(*[k for k in knocks if listener.entry.matches(k)][-1:])

    def for_each(self, listeners: Iterable[Listener]) -> list[Event]:
        """Returns the fewest events such that each listener asks for one."""
        events: list[Event] = []
        for listener in listeners:
            if not any(listener.entry.matches(event) for event in events):
                events.append(self._make.fence_event(listener.entry.selects))
        return events
