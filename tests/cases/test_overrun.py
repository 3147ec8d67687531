"""Holds a bus to its policy however much more than it claims it holds."""

from __future__ import annotations

from typing import Any

import pytest

from eventhook_conformance.cases import catalog
from eventhook_conformance.contract import PublishError
from eventhook_conformance.engine.runner import judge
from eventhook_conformance.settings import Settings
from eventhook_conformance.specification.catalog import Instance
from eventhook_conformance.target import Capabilities
from eventhook_reference.channel import Channel
from eventhook_reference.mutants.base import (
    Event,
    Member,
    PliableClient,
    Side,
    pliable_target,
)
from eventhook_reference.mutants.variants import KeepsOldest

CLAIMS = Capabilities(event_capacity=16, stream_capacity=16, total_order=True)
CASES = [
    catalog()[f"{module}::{name}[one]"]
    for module, name in (
        ("overflow", "an_overrun_drops_the_oldest"),
        ("overflow_streams", "a_stream_overrun_drops_the_oldest"),
    )
]


def charged(make: type[Channel[Any]], room: int) -> set[str]:
    """Returns the charges of a bus with such buffers that claims to hold 16 and to drop the oldest."""

    class Holding(PliableClient):
        def make_channel(self, side: Side) -> Channel[Event]:
            return make(room)

    target = pliable_target("holding", Holding, CLAIMS)
    result = judge(target, Settings(arrival_timeout_s=0.3, settle_s=0.05), CASES)
    return {
        identifier
        for case in result.cases
        for violation in case.violations
        for identifier in violation.requirements
    }


@pytest.mark.parametrize("room", [16, 32, 96])
def test_a_bus_that_holds_more_than_it_claims_is_held_to_its_policy(room: int) -> None:
    assert charged(Channel, room) == set()
    assert charged(KeepsOldest, room) >= {"OVF-01"}


def test_a_bus_that_is_never_full_holds_too_much() -> None:
    assert charged(Channel, 1 << 20) == {"OVF-05", "OVF-06"}


REFUSED = [
    catalog()[name]
    for name in (
        "dropped::dropped_counts_past_the_capacity",
        "bystanders::guests_that_end_change_nothing_for_others",
    )
]


@pytest.mark.parametrize("one", REFUSED, ids=lambda one: str(one.id))
def test_a_bus_that_refuses_what_finds_a_reader_full_is_to_blame_and_not_the_suite(
    one: Instance,
) -> None:
    class Refusing(PliableClient):
        def hand(self, member: Member, event: Event) -> None:
            if member.channel.waiting == CLAIMS.event_capacity:
                raise PublishError("a reader is full")
            super().hand(member, event)

    target = pliable_target("refusing", Refusing, CLAIMS)
    [case] = judge(target, Settings(arrival_timeout_s=0.3, settle_s=0.0), [one]).cases
    assert (case.outcome, case.blame) == ("failed", "target")
    assert "it raised PublishError: a reader is full" in case.violations[0].message
