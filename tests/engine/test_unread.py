"""No case leaves more unread than the target claims to hold, but where overflow is the matter."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from engine.hostile import instance, new_session
from eventhook_conformance.cases import catalog
from eventhook_conformance.contract import EventPattern
from eventhook_conformance.engine.runner import in_order, judge_cases
from eventhook_conformance.probe import Probe
from eventhook_conformance.settings import Settings
from eventhook_conformance.specification import Instance
from eventhook_conformance.target import Capabilities
from eventhook_reference.channel import Channel
from eventhook_reference.mutants.base import PliableClient, Side, pliable_target

CAPACITY = 8
OVERRUNNING = (
    "several_that_stand_still_cost_nobody_anything",
    "several_streams_that_stand_still_cost_nobody_anything",
    "publisher_that_waits_for_a_reader_is_let_go",
    "isolation_holds_while_another_tenant_overruns",
    "overrun_takes_nothing_from_another_tenant",
    "waiting_publishers_hold_up_no_other_tenant",
)


def most_unread(policy: Any, instances: Sequence[Instance]) -> dict[str, int]:
    """Returns, by case, how many events lay unread in one subscription, if more than claimed."""
    claims = Capabilities(
        event_capacity=CAPACITY,
        stream_capacity=CAPACITY,
        overflow=policy,
        total_order=True,
        causal_order=True,
    )
    most: dict[str, int] = {}

    class Counted(Channel[Any]):
        """Holds all events, and notes their owner if there were too many."""

        def __init__(self) -> None:
            super().__init__(1 << 40)
            self.case = next(iter(run.runner.running), "smoke")

        def push(self, event: Any) -> bool:
            pushed = super().push(event)
            if len(self._events) > CAPACITY:
                most[self.case] = max(most.get(self.case, 0), len(self._events))
            return pushed

    class Client(PliableClient):
        capabilities = claims

        def make_channel(self, side: Side) -> Channel[Any]:
            return Counted()

    cases = in_order(instances)
    run = new_session(
        pliable_target("counted", Client, claims), Settings(settle_s=0.0, examples=100), cases
    )
    asyncio.run(judge_cases(run, cases))
    assert run.result.suite_failure is None
    return most


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["drop_oldest", "drop_newest", "block"])
def test_no_case_leaves_more_unread_than_is_claimed(policy: str) -> None:
    cases = [
        one
        for one in catalog().values()
        if not one.id.startswith(("overflow", "full::", "dropped", "room_again::"))
        and not any(name in one.id for name in OVERRUNNING)
    ]
    most = most_unread(policy, cases)
    overrun = {name for name in most if name.startswith("bystanders::")}
    # One of these bystanders is overrun on purpose, by three.
    assert {most.pop(name) for name in overrun} <= {CAPACITY + 3}
    assert most == {}


async def hoards(probe: Probe) -> None:
    """Publishes one event more than the claimed capacity, and reads all of them in the end."""
    tenant = probe.make.tenant()
    listener = await probe.subscribe(EventPattern.all(tenant))
    await probe.publish(*(probe.make.event(tenant) for _ in range(CAPACITY + 1)))
    await probe.fence(listener)


def test_a_case_that_leaves_more_unread_is_named() -> None:
    assert most_unread("block", [instance(hoards)]) == {"own::hoards": CAPACITY + 2}


async def fences_for_two(probe: Probe) -> None:
    """Fences one subscription with an event that the other reads too."""
    tenant = probe.make.tenant()
    wide = await probe.subscribe(EventPattern.all(tenant))
    narrow = await probe.subscribe(EventPattern.by_type(tenant, "order"))
    for _ in range(CAPACITY):
        await probe.fence(wide, narrow)


def test_a_fence_leaves_nothing_unread_behind_it() -> None:
    assert most_unread("block", [instance(fences_for_two)]) == {}
