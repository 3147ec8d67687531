"""One case's hands and eyes.

A case makes fresh tenants and keys, subscribes, publishes, and then either reads what it awaits
(`Listener.receive`) or proves with a fence that everything has come that will (`fence`). What was seen
is judged afterwards by the checker; a case only states what the checker cannot know.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from typing import Final

from eventhook_conformance.checker import Violation
from eventhook_conformance.contract import FlovynEvent, StreamEvent
from eventhook_conformance.history import Event, History, Moment, identity
from eventhook_conformance.probe.acting import Acting, Via
from eventhook_conformance.probe.client import Client
from eventhook_conformance.probe.listener import Listener

_KNOCK_S: Final = 0.02


class Probe(Acting):
    """What a case is given."""

    async def fence(self, *listeners: Listener) -> None:
        """Proves that what has not come on these will not: by an event after it that has.

        Each client that published in this case publishes one more event, which the subscription
        asks for; by publisher order nothing earlier can come after it (PUB-06).

        Raises:
            CaseAborted: a fence did not arrive.
        """
        if not listeners:
            return
        names = {p.client for p in self.history.publishes if p.returned}
        clients = await self._clients_of(names) if names else [await self.client()]
        for client in clients:
            await self.reach(*listeners, via=client)
        await self._fence(clients, listeners)

    async def _fence(self, clients: Sequence[Client], listeners: Sequence[Listener]) -> None:
        """Each client publishes one more event for each listener, who reads all that it asks for."""
        fences = [(client, self.for_each(listeners)) for client in clients]
        # All that they have to come after was published before; among themselves they owe no order.
        entries = await self.at_once(
            *(self.burst([[one] for one in its], via=client) for client, its in fences)
        )
        for publish in (publish for its in entries for publish in its):
            publish.purpose = "fence"
        published = [fence for _, its in fences for fence in its]
        for listener in listeners:
            # Those for others too, or they would stay unread and take room.
            await listener.receive(*(one for one in published if listener.entry.matches(one)))

    async def reach(self, *listeners: Listener, via: Via = None) -> None:
        """Waits until what that client publishes arrives on these.

        Does nothing where entering makes a subscription active for the whole bus at once.

        Raises:
            CaseAborted: nothing of it arrived in time.
        """
        client = await self.client(via)
        if self.capabilities.activation == "bus":
            return
        knocks: list[Event] = []
        loop = asyncio.get_running_loop()
        until = loop.time() + self.deadline.current_s
        while deaf := [
            one for one in listeners if one.client is not client and not one.heard(knocks)
        ]:
            if loop.time() > until:
                raise self.aborted(
                    f"what {client.name} publishes to arrive on {deaf[0].entry.name} in the end",
                    f"nothing of it within {self.deadline.current_s:g} s",
                    deaf[0].entry,
                )
            new = self.for_each(deaf)
            for knock in new:
                (await self.publish(knock, via=client)).purpose = "fence"
            knocks += new
            await asyncio.gather(*(one.drain_for(_KNOCK_S) for one in listeners))
        for listener in listeners:
            await listener.receive(*[k for k in knocks if listener.entry.matches(k)][-1:])

    def for_each(self, listeners: Iterable[Listener]) -> list[Event]:
        """The fewest events such that each of these asks for one."""
        events: list[Event] = []
        for listener in listeners:
            if not any(listener.entry.matches(event) for event in events):
                events.append(self.fence_event(listener.entry.selects))
        return events

    async def close(self, client: Client) -> None:
        """Calls a client's `aclose`; from now on its subscriptions are owed no more events.

        Raises:
            CaseAborted: it raised or hung.
        """
        now = self.history.clock.now()
        for listener in self.listeners:
            if listener.client is client and listener.entry.closing is None:
                listener.entry.closing = now
        await self.returns(client.aclose(self.history), f"closing {client.name}")

    async def _clients_of(self, names: Collection[str]) -> list[Client]:
        shared = sorted(self.used, key=lambda one: one.name)
        vias: dict[str, Via] = {one.name: self.used[one] for one in shared}
        clients = [await self.client(via) for name, via in vias.items() if name in names]
        own = [c for c in self.own_clients if c.name in names and not (c.closed or c.transient)]
        return [*(c for c in clients if not c.closed), *own]

    def attribute(self, by: str, since: Moment, *listeners: Listener) -> None:
        """Enters as published by somebody else what these got and nothing here published.

        For what stands over the bus and publishes by itself: what it had to publish, the case judges.

        Args:
            by: how the history calls the publisher.
            since: when it may have begun; its publishes have all returned by now.
            listeners: what they got, each in order of arrival.
        """
        own = {
            identity(publish.event) for publish in self.history.publishes if publish.client != by
        }
        known = Counter(
            identity(publish.event) for publish in self.history.publishes if publish.client == by
        )
        for listener in listeners:
            came: Counter[object] = Counter()
            for event in listener.received:
                if not isinstance(event, FlovynEvent | StreamEvent) or identity(event) in own:
                    continue
                came[identity(event)] += 1
                if came[identity(event)] > known[identity(event)]:
                    known[identity(event)] += 1
                    entry = self.history.publish(by, self._recorded(event))
                    entry.called, entry.outcome = since, "ok"
                    entry.returned = self.history.clock.now()

    async def apart(
        self, body: Callable[[Probe], Awaitable[None]]
    ) -> tuple[History, tuple[Violation, ...]]:
        """What a body of its own does and breaks, with a probe and history of its own.

        Nothing of it stays open, and nothing of it counts unless it is adopted.
        """
        return await self._judge_apart(self.requirements, self.history.case, body)
