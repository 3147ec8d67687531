"""Protocol 2: a driver begins subscriptions in the past; one of protocol 1 is served as before."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from eventhook_conformance import START, Unsupported
from eventhook_conformance.driver.errors import Refused, error_of
from eventhook_conformance.driver.messages import CODES, ERRORS, UNKNOWN_METHOD, Failure
from eventhook_conformance.driver.target import driver_target
from eventhook_conformance.engine.runner import cases_for, judge

PROGRAM = Path(sys.executable).with_name("eventhook-conformance")
SKELETON = Path(__file__).parents[2] / "examples" / "drivers" / "skeleton" / "driver.py"


def test_the_errors_of_cursors_have_numbers_of_their_own() -> None:
    assert {code: kind.__name__ for code, kind in ERRORS.items() if code < -32006} == {
        -32007: "InvalidCursor",
        -32008: "CursorExpired",
    }
    assert len(CODES) == len(ERRORS)


def test_a_driver_need_not_offer_what_a_bus_may_lack() -> None:
    unknown = Failure(UNKNOWN_METHOD, "there is no such method")
    for method in ("purge", "cleanup", "channels"):
        assert isinstance(error_of(method, unknown), Unsupported)
    assert isinstance(error_of("publish", unknown), Refused)


@pytest.mark.slow
@pytest.mark.parametrize("identifier", ["RPL-02", "RPL-08", "RPL-09"])
def test_a_driver_of_protocol_2_replays(identifier: str) -> None:
    target = driver_target(f"{PROGRAM} driver memory-replay")
    assert "replay" in target.capabilities.profiles
    result = judge(target, instances=cases_for([identifier]))
    outcomes = {one.requirement.id: one.outcome for one in result.requirement_results()}
    assert outcomes[identifier] == "passed", [case.message for case in result.cases]


@pytest.mark.slow
@pytest.mark.asyncio
async def test_a_driver_of_protocol_1_begins_live_alone() -> None:
    target = driver_target(f"{sys.executable} {SKELETON}")
    assert "replay" not in target.capabilities.profiles
    assert target.server is not None
    assert target.connect is not None
    async with target.server() as server, target.connect(server.address) as backend:
        async with backend.streams.subscribe("k"):
            pass
        with pytest.raises(Unsupported, match="protocol 1 has no since"):
            async with backend.streams.subscribe("k", since=START):
                pass
        with pytest.raises(Unsupported, match="protocol 1 has no purge"):
            await backend.streams.purge("k")
