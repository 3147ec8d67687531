"""A target of one side alone is asked nothing on the other."""

from __future__ import annotations

from collections.abc import Callable, Collection

import pytest

from eventhook_conformance.cases import catalog
from eventhook_conformance.contract import Unsupported
from eventhook_conformance.engine.runner import judge
from eventhook_conformance.settings import Settings
from eventhook_conformance.target import Capabilities
from eventhook_reference.mutants.base import Event, PliableBus, PliableClient, Side, pliable_target

OTHER: dict[str, Side] = {"events": "streams", "streams": "events"}


def test_twins_on_streams_need_streams() -> None:
    claims = Capabilities(profiles={"events", "recovery", "replay"}, replay={"events"})
    twins = [one for one in catalog().values() if "_on_streams" in one.id]
    assert len(twins) > 50
    assert [one.id for one in twins if one.unmet(claims) is None] == []


def one_sided(has: str) -> Callable[[PliableBus], PliableClient]:
    class OneSided(PliableClient):
        """Refuses every call on the other side."""

        def check(self, side: Side, event: Event) -> None:
            if side == OTHER[has]:
                raise Unsupported(f"there are no {side}")
            super().check(side, event)

        def check_selects(self, side: Side, selects: object) -> None:
            if side == OTHER[has]:
                raise Unsupported(f"there are no {side}")
            super().check_selects(side, selects)

    return OneSided


FEW: Collection[str] = ("PUB-24", "PUB-25", "PUB-19", "CLN-01", "STR-06")


@pytest.mark.parametrize("has", ["events", "streams"])
def test_a_bus_of_one_side_is_asked_nothing_of_the_other(has: str) -> None:
    claims = Capabilities(total_order=True, causal_order=True, profiles={has})
    cases = [
        one
        for one in catalog().values()
        if not set(FEW).isdisjoint(one.case.requirements) and "resources" not in one.id
    ]
    result = judge(pliable_target("one-sided", one_sided(has), claims), Settings(settle_s=0), cases)
    accused = {one.id: one.message for one in result.cases if one.outcome in ("failed", "error")}
    assert accused == {}
    assert result.summary["passed"] > 5
