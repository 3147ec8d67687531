"""The clients and services that one case acts through."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal, TypeAlias

from eventhook_conformance.history import History
from eventhook_conformance.probe.client import Client
from eventhook_conformance.probe.client_pool import ClientPool
from eventhook_conformance.probe.failure import NotOffered, Undecided, outcome_of
from eventhook_conformance.probe.findings import Findings
from eventhook_conformance.target import HttpTarget, WorkflowService

Via: TypeAlias = Client | Literal["same", "other"] | None
"""A client: the run's first (`same`, the default), its second (`other`), or one of the case's own."""


class ClientAccess:
    """Hands a case its clients.

    Args:
        pool: the run's clients.
        history: where opening a client is recorded.
        findings: takes the breaches.
        swap_clients: exchange `same` and `other`. Of cases that run at once, every second one
            swaps, so that both shared clients carry half of the load.
    """

    def __init__(
        self, pool: ClientPool, history: History, findings: Findings, *, swap_clients: bool
    ) -> None:
        self.own: list[Client] = []
        self.used: dict[Client, Via] = {}
        """The shared clients that the case acted through, and its name for each."""
        self._pool = pool
        self._history = history
        self._findings = findings
        self._swap_clients = swap_clients

    async def client(self, via: Via = None) -> Client:
        """Returns the run's first client (`same`, the default), its second (`other`), or the one given.

        Raises:
            CaseAborted: it is not open yet, and opening raised or hung.
        """
        if isinstance(via, Client):
            return via
        try:
            client = await self._pool.shared(int((via == "other") != self._swap_clients))
        except Exception as error:  # because: whatever the target raises is a finding
            raise self._findings.aborted("a client to open", outcome_of(error)) from error
        self.used[client] = "other" if via == "other" else "same"
        return client

    async def open_client(self, address: str | None = None) -> Client:
        """Opens one more client, closed with the case; for cases that close or break theirs.

        Args:
            address: of another server than the run's, for a target that connects to one.

        Raises:
            CaseAborted: opening raised or hung.
        """
        try:
            client = await self._pool.open_client(self._history, address)
        except Exception as error:  # because: whatever the target raises is a finding
            raise self._findings.aborted("one more client to open", outcome_of(error)) from error
        self.own.append(client)
        return client

    async def open_elsewhere(self) -> Client:
        """Opens one more client in a second process of the target, closed with the case.

        Raises:
            NotOffered: there is no second process of the same bus.
            Undecided: there is none, though the target claims to work over several processes.
            CaseAborted: opening raised or hung.
        """
        try:
            client = await self._pool.open_elsewhere(self._history)
        except (NotOffered, Undecided):
            raise
        except Exception as error:  # because: whatever the target raises is a finding
            raise self._findings.aborted(
                "a client to open in another process", outcome_of(error)
            ) from error
        self.own.append(client)
        return client

    async def workflows(self, via: Via = None) -> WorkflowService:
        """Returns the workflow service over a client's bus; cases share that of a shared client.

        Raises:
            CaseAborted: entering it raised or hung.
        """
        try:
            return await self._pool.services.workflows(await self.client(via))
        except Exception as error:  # because: whatever the target raises is a finding
            raise self._findings.aborted(
                "the workflow service to start", outcome_of(error)
            ) from error

    async def http(self, via: Via = None) -> HttpTarget:
        """Returns the HTTP endpoints over a client's bus; cases share those of a shared client.

        Raises:
            CaseAborted: entering them raised or hung.
        """
        try:
            return await self._pool.services.http(await self.client(via))
        except Exception as error:  # because: whatever the target raises is a finding
            raise self._findings.aborted(
                "the HTTP endpoints to start", outcome_of(error)
            ) from error

    async def named(self, names: Collection[str]) -> list[Client]:
        """Returns the open clients with these names, the shared ones first."""
        shared = sorted(self.used, key=lambda one: one.name)
        vias: dict[str, Via] = {one.name: self.used[one] for one in shared}
        clients = [await self.client(via) for name, via in vias.items() if name in names]
        own = [c for c in self.own if c.name in names and not (c.closed or c.transient)]
        return [*(c for c in clients if not c.closed), *own]
