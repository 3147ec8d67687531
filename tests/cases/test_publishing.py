"""A publish that meets the closing of its client may last as long as the target claims, and no longer."""

from __future__ import annotations

import asyncio

import pytest

from eventhook_conformance.cases import catalog
from eventhook_conformance.contract import PublishError
from eventhook_conformance.engine.runner import judge
from eventhook_conformance.settings import Settings
from eventhook_conformance.target import Capabilities
from eventhook_reference.mutants.base import Event, PliableClient, Side, pliable_target

CLAIMED_S = 0.3
CLAIMS = Capabilities(publish_timeout_s=CLAIMED_S, max_clients=16)
CASES = [
    catalog()[f"publishing::{name}"]
    for name in (
        "publish_under_way_returns_when_its_client_closes",
        "publish_that_returns_while_its_client_closes_is_out",
    )
]


def judged(limit_s: float | None) -> list[str]:
    """Returns the outcomes for a bus that waits so long for an answer which its closing cut off."""

    class Unanswered(PliableClient):
        async def publish(self, side: Side, event: Event) -> None:
            self.check_open()
            await asyncio.sleep(0)
            if self.closed and not self.bus.memory.get("waited"):
                self.bus.memory["waited"] = True
                await asyncio.wait({asyncio.get_running_loop().create_future()}, timeout=limit_s)
                raise PublishError("the server did not answer")
            await super().publish(side, event)

    outcomes: list[str] = []
    for one in CASES:
        target = pliable_target("unanswered", Unanswered, CLAIMS)
        result = judge(target, Settings(arrival_timeout_s=0.2, settle_s=0.0), [one])
        outcomes += [case.outcome for case in result.cases]
    return outcomes


@pytest.mark.parametrize(("limit_s", "outcome"), [(CLAIMED_S, "passed"), (None, "failed")])
def test_it_may_wait_as_long_as_claimed(limit_s: float | None, outcome: str) -> None:
    assert judged(limit_s) == [outcome] * len(CASES)
