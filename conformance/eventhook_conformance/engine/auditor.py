"""Catches late arrivals: it parks subscriptions, judges their cases again, and revises results."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import NamedTuple

from eventhook_conformance.checker import Violation
from eventhook_conformance.engine.oracle import Oracle
from eventhook_conformance.engine.outcome import decide
from eventhook_conformance.engine.parking import Parked, Parking
from eventhook_conformance.probe import Client, Deadline
from eventhook_conformance.probe.client_pool import ClientPool
from eventhook_conformance.results import CaseResult


class Revision(NamedTuple):
    """A finished case whose late arrivals change its result."""

    before: CaseResult
    after: CaseResult


class Auditor:
    """Owns everything that is still open after its case ended.

    Args:
        clients: the run's clients.
        oracle: judges histories.
        budget: how many subscriptions stay parked, at most.
        deadline: the run's.
    """

    def __init__(
        self, clients: ClientPool, oracle: Oracle, budget: int, deadline: Deadline
    ) -> None:
        self.failure: str | None = None
        """Why late arrivals could not be read, if so."""
        self.unaudited: list[str] = []
        """The cases whose late arrivals could not be read."""
        self._clients = clients
        self._oracle = oracle
        self._deadline = deadline
        self._parking = Parking(budget)

    @property
    def budget(self) -> int:
        """Returns how many subscriptions stay parked, at most."""
        return self._parking.budget

    async def park(self, parked: Parked) -> list[Revision]:
        """Keeps a case's subscriptions open; the oldest leave where there are too many."""
        self._parking.park(parked)
        return self._settle(await self._parking.make_room())

    async def leave_room(self, most: int) -> list[Revision]:
        """Leaves the oldest parked subscriptions until no more than so many are open."""
        return self._settle(await self._parking.make_room(max(0, most)))

    async def audit(self, settle_s: float = 0.0) -> list[Revision]:
        """Leaves all parked subscriptions; returns the results that late arrivals change.

        Args:
            settle_s: the least time to listen after the last subscription was parked, in seconds.
        """
        if not len(self._parking):
            return []
        silent_s = asyncio.get_running_loop().time() - self._parking.since_s
        if settle_s > silent_s:
            # The engine's one sleep: silence has no event to wait for.
            await asyncio.sleep(settle_s - silent_s)
        asked, undecided = list(self._parking), self._deadline.undecided
        accounts = await self._parking.empty()
        if self._deadline.undecided != undecided:
            accounts = [
                (parked, []) for parked, _ in accounts
            ]  # leaving was slow for lack of a processor
        fault = await self._clients.take_fault()
        if fault is not None:
            # No case is to blame, and the failure may have hidden breaches of many.
            self.failure = fault
            self.unaudited += [one.result.id for one in asked]
            self.lose_parked()
            return await self.retire_tainted()
        return self._settle(accounts)

    async def leave_shared(self, settle_s: float) -> list[Revision]:
        """Audits, then closes the shared clients: the next case breaks their server."""
        revisions = await self.audit(settle_s)
        for client in self._clients.all_shared():
            revisions += await self._retire(client)
        return revisions

    async def retire_tainted(self) -> list[Revision]:
        """Closes the shared clients that no other case should use."""
        revisions: list[Revision] = []
        for client in self._clients.all_shared():
            if client.tainted:
                revisions += await self._retire(client)
        return revisions

    def lose_parked(self) -> None:
        """Gives up on everything parked: the driver failed, and nothing more can be read."""
        self.unaudited += [one.result.id for one in self._parking]
        self._clients.give_up_shared()
        for client in self._clients.all_shared():
            for parked in self._parking:
                parked.excuse(client)

    async def _retire(self, client: Client) -> list[Revision]:
        revisions: list[Revision] = []
        for parked in self._parking.of(client):
            parked.excuse(client)
            revisions += self._settle([(parked, await self._parking.remove(parked))])
        await self._clients.retire(client)
        return revisions

    def _settle(self, accounts: Iterable[tuple[Parked, list[Violation]]]) -> list[Revision]:
        """Judges histories again, now that everything they will ever get is in them."""
        revisions: list[Revision] = []
        for parked, leaving in accounts:
            if not leaving and parked.quiet:
                continue
            violations = self._oracle.judge_late(parked, leaving)
            if violations is not None:
                after = decide(parked.unjudged(), violations, parked.ending)
                revisions.append(Revision(parked.result, after))
        return revisions
