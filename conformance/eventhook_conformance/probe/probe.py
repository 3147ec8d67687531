"""The probe: how one case acts on a bus and observes it.

A case makes fresh tenants and keys, subscribes, publishes, and then either reads the events it expects
(`Listener.receive`) or proves with a fence that nothing more will come (`fence`). The checker judges the
recorded history afterwards; a case states only what the checker cannot know.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from eventhook_conformance.checker import Violation
from eventhook_conformance.contract import EventPattern, Unsupported
from eventhook_conformance.history import History
from eventhook_conformance.probe.access import ClientAccess, Via
from eventhook_conformance.probe.client import Client
from eventhook_conformance.probe.failure import NotOffered, describe
from eventhook_conformance.probe.fences import Fences
from eventhook_conformance.probe.findings import Findings
from eventhook_conformance.probe.listener import Listener
from eventhook_conformance.probe.maker import Maker
from eventhook_conformance.probe.publisher import Publisher
from eventhook_conformance.probe.relief import Relief
from eventhook_conformance.probe.run_context import RunContext
from eventhook_conformance.probe.subscriber import Subscriber
from eventhook_conformance.probe.task_scope import TaskScope
from eventhook_conformance.target import Server


class Trials(Protocol):
    """Judges a body with a probe and a history of its own, within a case."""

    async def judge(
        self,
        requirements: Sequence[str],
        name: str,
        body: Callable[[Probe], Awaitable[None]],
    ) -> tuple[History, tuple[Violation, ...]]:
        """Returns the history of the body, and the breaches it shows; nothing of it stays open.

        Raises:
            Undecided: it could not be decided.
        """


class Probe:
    """Gives one case all that it may do. Each part does one thing; the methods here are the parts' own.

    `make` makes tenants, keys and events; `findings` collects the breaches that the case states;
    `access` gives clients; `tasks` runs calls beside each other; `publisher`, `subscriber` and `fences`
    call the bus.

    Args:
        context: the part of the run that all cases share.
        requirements: those that the case is made for.
        history: where everything the case does is recorded.
        trials: judges bodies apart from the case.
        swap_clients: the two shared clients change places (see `ClientAccess`).
    """

    def __init__(
        self,
        context: RunContext,
        requirements: Sequence[str],
        history: History,
        trials: Trials,
        *,
        swap_clients: bool = False,
    ) -> None:
        self.target = context.target
        self.capabilities = context.capabilities
        self.settings = context.settings
        self.deadline = context.deadline
        self.distance = context.distance
        self.requirements = tuple(requirements)
        self.history = history
        self.random = random.Random(f"{context.settings.seed}:{history.case}")
        self.hung: list[str] = []
        """Where calls stood that did not return in time."""
        self._pool = context.clients
        self._trials = trials

        self.make = Maker(
            random.Random(f"world:{context.settings.seed}:{history.case}"),
            context.capabilities.max_event_bytes,
        )
        self.findings = findings = Findings(requirements)
        self.found = findings.add
        self.expect = findings.expect
        self.aborted = findings.aborted
        self.adopt = findings.adopt

        self.tasks = tasks = TaskScope(context.deadline, findings)
        self.spawn = tasks.spawn
        self.at_once = tasks.at_once
        self.returns = tasks.returns
        self.raises = tasks.raises

        self.access = access = ClientAccess(
            context.clients, history, findings, swap_clients=swap_clients
        )
        self.client = access.client
        self.open_client = access.open_client
        self.open_elsewhere = access.open_elsewhere
        self.workflows = access.workflows
        self.http = access.http

        self.subscriber = subscriber = Subscriber(
            access,
            history,
            context.deadline,
            findings,
            context.capabilities,
            context.replaying,
        )
        self.listener = subscriber.listener
        self.subscribe = subscriber.subscribe
        self.refuse_subscription = subscriber.refuse_subscription

        self.publisher = publisher = Publisher(
            access,
            tasks,
            history,
            context.ledger,
            context.deadline,
            findings,
            Relief(subscriber.listeners, history, context.capabilities),
        )
        self.publish = publisher.publish
        self.publish_here = publisher.publish_here
        self.attempt = publisher.attempt
        self.publish_elsewhere = publisher.publish_elsewhere
        self.burst = publisher.burst
        self.refuse = publisher.refuse
        self.attribute = publisher.attribute

        self.fences = fences = Fences(
            self.make,
            access,
            publisher,
            tasks,
            history,
            context.deadline,
            findings,
            active_everywhere=context.capabilities.activation == "bus",
            capacity=min(context.capabilities.event_capacity, context.capabilities.stream_capacity),
        )
        self.fence = fences.fence
        self.reach = fences.reach
        self.for_each = fences.for_each

    @property
    def server(self) -> Server | None:
        """The target's server, where it has one."""
        return self._pool.server

    @property
    def listeners(self) -> list[Listener]:
        """The subscriptions of the case, in the order in which they were made."""
        return self.subscriber.listeners

    @property
    def violations(self) -> list[Violation]:
        """The breaches that the case stated so far."""
        return self.findings.violations

    async def purge(self, selects: EventPattern | str, via: Via = None) -> None:
        """Purges the history of a tenant (of a pattern) or of a key.

        Raises:
            NotOffered: the target has no purge.
            CaseAborted: it raised or hung.
        """
        client = await self.client(via)
        scope = selects.tenant_id if isinstance(selects, EventPattern) else selects
        try:
            await client.purge(self.history, scope)
        except Unsupported as error:
            raise NotOffered(f"the target has no purge: {error}") from error
        except Exception as error:  # because: whatever the target raises is a finding
            raise self.aborted("purge to succeed", f"it raised {describe(error)}") from error

    async def close(self, client: Client) -> None:
        """Calls a client's `aclose`; from now on its subscriptions are owed no more events.

        Raises:
            CaseAborted: it raised or hung.
        """
        for listener in self.listeners:
            if listener.client is client and listener.open:
                await listener.catch_up()
        now = self.history.clock.now()
        for listener in self.listeners:
            if listener.client is client and listener.entry.closing is None:
                listener.entry.closing = now
        await self.returns(client.aclose(self.history), f"closing {client.name}")

    async def apart(
        self, body: Callable[[Probe], Awaitable[None]]
    ) -> tuple[History, tuple[Violation, ...]]:
        """Runs a body with a probe and history of its own; returns its history and its breaches.

        Nothing of it stays open, and nothing of it counts unless it is adopted.

        Raises:
            Undecided: it could not be decided.
        """
        return await self._trials.judge(self.requirements, self.history.case, body)
