"""Subscriptions open at once are counted, and a target is asked for no more than it claims."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from eventhook_conformance.cases import catalog
from eventhook_conformance.contract import EventPattern, SubscribeError, Subscription
from eventhook_conformance.engine.open_subscriptions import most_open
from eventhook_conformance.engine.runner import judge
from eventhook_conformance.history import Clock, History, Side, Subscribed
from eventhook_conformance.settings import Settings
from eventhook_reference.mutants.base import PliableClient, pliable_target

FEW = 20


def history(*steps: str) -> History:
    """Returns a history of subscriptions, entered (`+a`), left (`-a`) or refused (`!a`), in turn."""
    clock = Clock()
    made = History("case", clock)
    entries: dict[str, Subscribed] = {}
    for step in steps:
        if step[0] == "-":
            entries[step[1]].left = clock.now()
            continue
        entry = entries[step[1]] = made.subscribe("c1", EventPattern.all(uuid4()), None)
        if step[0] == "+":
            entry.entered = clock.now()
        elif step[0] == "!":
            entry.error = "SubscribeError"
    return made


@pytest.mark.parametrize(
    ("steps", "most"),
    [
        ((), 0),
        (("+a", "+b"), 2),
        (("+a", "-a", "+b"), 1),
        (("+a", "+b", "-a", "+c", "+d"), 3),
        (("+a", "!b"), 2),
        (("!a", "!b", "+c"), 1),
        (("?a", "+b"), 1),
    ],
)
def test_those_open_at_once_are_counted(steps: tuple[str, ...], most: int) -> None:
    assert most_open(history(*steps)) == most


class RefusesMoreThanItBears(PliableClient):
    """As it claims, it has at most so many subscriptions open at once."""

    most = FEW
    capabilities = replace(PliableClient.capabilities, max_subscriptions=FEW)

    @asynccontextmanager
    async def subscription(self, side: Side, selects: Any) -> AsyncIterator[Subscription[Any]]:
        if self.bus.memory.get("open", 0) >= self.most:
            raise SubscribeError("no more subscriptions can be had")
        self.bus.memory["open"] = self.bus.memory.get("open", 0) + 1
        try:
            async with super().subscription(side, selects) as channel:
                yield channel
        finally:
            self.bus.memory["open"] -= 1


class BearsFewerThanItClaims(RefusesMoreThanItBears):
    most = 8


def outcomes(client: type[PliableClient]) -> dict[str, str | None]:
    target = pliable_target("few", client, capabilities=client.capabilities)
    modules = ("back_to_back", "cancelled_publishing", "fanout", "lifetime", "neighbours")
    instances = [one for name, one in catalog().items() if name.partition("::")[0] in modules]
    result = judge(target, Settings(), instances)
    return {one.id: one.message for one in result.cases if one.outcome in ("failed", "error")}


def test_a_bus_that_bears_what_it_claims_is_asked_no_more() -> None:
    assert outcomes(RefusesMoreThanItBears) == {}


def test_a_bus_that_bears_fewer_than_it_claims_fails() -> None:
    assert any(
        "SubscribeError" in str(message) for message in outcomes(BearsFewerThanItClaims).values()
    )
