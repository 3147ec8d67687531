"""What cases declare of themselves, held against what they do: cases at once rely on it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from eventhook_conformance.cases import catalog
from eventhook_conformance.engine.runner import judge_in_loop
from eventhook_conformance.engine.session import Run
from eventhook_conformance.history import History, Subscribed
from eventhook_conformance.probe import Client, Probe
from eventhook_conformance.settings import Settings
from eventhook_conformance.target import Target
from eventhook_reference.memory import target as memory


class WatchedRun(Run):
    """A run that keeps what each case did, and counts the clients that it had open at a time."""

    def __init__(self, target: Target) -> None:
        super().__init__(target, target.capabilities, Settings(settle_s=0.0))
        self.histories: dict[str, History] = {}
        self.most_clients: dict[str, int] = {}

    def probe(self, requirements: Sequence[str], history: History) -> Probe:
        if history.case in catalog():
            self.histories.setdefault(history.case, history)
        probe = super().probe(requirements, history)
        opens = probe._open_client

        async def open_client(into: History, address: str | None) -> Client:
            client = await opens(into, address)
            count = 1 + sum(not one.closed for one in probe.own_clients)
            self.most_clients[into.case] = max(count, self.most_clients.get(into.case, 0))
            return client

        probe._open_client = open_client
        return probe


@pytest.fixture(scope="module")
def run() -> WatchedRun:
    run = WatchedRun(memory)
    asyncio.run(judge_in_loop(run, catalog().values()))
    assert run.result.verdict == "conformant"
    return run


def most_open(subscriptions: Sequence[Subscribed]) -> int:
    """How many were open at a time, at most."""
    steps = [(one.entered.step, 1) for one in subscriptions if one.entered]
    steps += [(one.left.step, -1) for one in subscriptions if one.entered and one.left]
    most = now = 0
    for _, by in sorted(steps):
        now += by
        most = max(most, now)
    return most


def test_no_case_has_more_subscriptions_open_than_it_says(run: WatchedRun) -> None:
    too_many = {
        identifier: (opened, case.subscriptions)
        for identifier, history in run.histories.items()
        if (opened := most_open(history.subscriptions))
        > (case := catalog()[identifier].case).subscriptions
    }
    assert not too_many, "\n".join(map(str, too_many.items()))


def test_no_case_has_more_clients_open_than_it_says(run: WatchedRun) -> None:
    assert run.most_clients
    too_many = {
        identifier: (opened, case.clients)
        for identifier, opened in run.most_clients.items()
        if opened > (case := catalog()[identifier].case).clients
    }
    assert not too_many
