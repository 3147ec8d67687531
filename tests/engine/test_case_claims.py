"""The declarations of cases, compared with their actions: concurrent cases rely on them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from engine.hostile import new_session
from eventhook_conformance.cases import catalog
from eventhook_conformance.engine.case_runner import CaseRunner
from eventhook_conformance.engine.runner import in_order, judge_cases
from eventhook_conformance.history import History, Subscribed
from eventhook_conformance.probe import Client, Probe
from eventhook_conformance.settings import Settings
from eventhook_reference.memory import target as memory


class WatchedRunner(CaseRunner):
    """Keeps what each case did, and counts the clients that it had open at a time."""

    histories: dict[str, History]
    most_clients: dict[str, int]

    def probe(
        self, requirements: Sequence[str], history: History, *, swap_clients: bool = False
    ) -> Probe:
        if history.case in catalog():
            self.histories.setdefault(history.case, history)
        probe = super().probe(requirements, history, swap_clients=swap_clients)
        opens = probe.open_client

        async def open_client(address: str | None = None) -> Client:
            client = await opens(address)
            count = sum(not one.closed for one in probe.access.own)
            self.most_clients[history.case] = max(count, self.most_clients.get(history.case, 0))
            return client

        probe.open_client = open_client
        return probe


@pytest.fixture(scope="module")
def run() -> WatchedRunner:
    session = new_session(memory, Settings(settle_s=0.0))
    runner = session.runner
    runner.__class__ = WatchedRunner
    assert isinstance(runner, WatchedRunner)
    runner.histories, runner.most_clients = {}, {}
    asyncio.run(judge_cases(session, in_order(catalog().values())))
    assert session.result.verdict == "conformant"
    return runner


def most_open(subscriptions: Sequence[Subscribed]) -> int:
    """Returns how many were open at a time, at most."""
    steps = [(one.entered.step, 1) for one in subscriptions if one.entered]
    steps += [(one.left.step, -1) for one in subscriptions if one.entered and one.left]
    most = now = 0
    for _, by in sorted(steps):
        now += by
        most = max(most, now)
    return most


def test_no_case_has_more_subscriptions_open_than_it_says(run: WatchedRunner) -> None:
    too_many = {
        identifier: (opened, case.subscriptions)
        for identifier, history in run.histories.items()
        if (opened := most_open(history.subscriptions))
        > (case := catalog()[identifier].case).subscriptions
    }
    assert not too_many, "\n".join(map(str, too_many.items()))


def test_no_case_has_more_clients_open_than_it_says(run: WatchedRunner) -> None:
    assert run.most_clients
    too_many = {
        identifier: (opened, case.clients)
        for identifier, opened in run.most_clients.items()
        if opened > (case := catalog()[identifier].case).clients
    }
    assert not too_many
