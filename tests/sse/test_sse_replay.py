"""The server over a bus with history: what RPL-16 to RPL-19 ask, on both buses."""

from __future__ import annotations

import pytest

from eventhook_conformance.cases import catalog
from eventhook_conformance.engine.runner import cases_for, judge
from eventhook_conformance.settings import Settings
from eventhook_conformance.target import Target
from eventhook_reference.servers import memory_replay_server, memory_server

IDENTIFIERS = [f"RPL-{number}" for number in range(16, 20)]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


def outcomes(target: Target) -> dict[str, str]:
    result = judge(target, Settings(), cases_for(IDENTIFIERS))
    assert not result.unusable
    assert [case.message for case in result.cases if case.outcome in ("failed", "error")] == []
    every = {one.requirement.id: one.outcome for one in result.requirement_results()}
    return {one: every[one] for one in IDENTIFIERS}


def test_one_server_in_memory_takes_its_readers_back() -> None:
    assert outcomes(memory_replay_server) == dict.fromkeys(IDENTIFIERS, "passed") | {
        "RPL-18": "not_claimed"
    }


@pytest.mark.nats
def test_two_servers_take_each_others_readers_back() -> None:
    from eventhook_reference.nats_servers import nats_replay_server

    assert outcomes(nats_replay_server) == dict.fromkeys(IDENTIFIERS, "passed")


@pytest.mark.nats
def test_the_place_of_a_history_is_no_subscription_of_a_reader_that_left() -> None:
    """JetStream makes it at the first event, and subscribes to its messages."""
    from eventhook_reference.nats_servers import nats_replay_server

    instances = [one for one in catalog().values() if "frees_its_subscriptions[closed]" in one.id]
    result = judge(nats_replay_server, Settings(), instances)
    assert [case.outcome for case in result.cases] == ["passed"]


def test_a_server_without_history_is_not_asked() -> None:
    assert outcomes(memory_server) == dict.fromkeys(IDENTIFIERS, "not_claimed")


@pytest.mark.browser
def test_a_real_browser_comes_back_by_itself() -> None:
    instances = [one for one in catalog().values() if "browser_comes_back" in one.id]
    result = judge(memory_replay_server, Settings(browser=True), instances)
    assert [case.message for case in result.cases if case.outcome in ("failed", "error")] == []
    assert result.summary["passed"] == len(instances) > 0
