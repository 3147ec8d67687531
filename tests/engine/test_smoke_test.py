"""The smoke test reports by value: the round trip, why the target is unusable, or its silence."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import replace
from typing import Any

import pytest

from engine.hostile import CLAIMS, Hostile, before, examine, new_session, outcomes
from eventhook_conformance.contract import (
    PublishError,
    StreamingBackend,
    Subscription,
    SubscriptionLost,
)
from eventhook_conformance.engine.smoke_test import SmokeReport, smoke_test, still_works
from eventhook_conformance.probe import Probe
from eventhook_conformance.target import Capabilities, Target
from eventhook_reference.mutants.base import Event, Member, PliableClient, Side


class Silent(PliableClient):
    def hand(self, member: Member, event: Event) -> None:
        """Loses every event."""


class Late(PliableClient):
    def hand(self, member: Member, event: Event) -> None:
        asyncio.get_running_loop().call_later(0.02, super().hand, member, event)


def report(target: Target) -> tuple[SmokeReport, str | None]:
    """Returns the report on a target, and whether it still works afterwards."""

    async def check() -> tuple[SmokeReport, str | None]:
        session = new_session(target)
        try:
            found = await smoke_test(session.context, session.runner.probe)
            return found, await still_works(session.context, session.runner.probe)
        finally:
            await session.finish()

    return asyncio.run(check())


def test_a_target_that_delivers_is_timed() -> None:
    found, trouble = report(Hostile().target)
    assert found.round_trip_s > 0
    assert (found.unusable, found.silence, trouble) == (None, None, None)


def test_a_target_that_delivers_late_is_far_however_soon_its_publish_returns() -> None:
    found, _ = report(Hostile(Late).target)
    assert found.round_trip_s >= 0.02


@pytest.mark.parametrize("name", ["event_capacity", "stream_capacity"])
def test_room_that_nobody_can_fill_is_refused_unless_it_has_no_bound(name: str) -> None:
    claims: dict[str, Any] = {name: 2**63 - 1}
    found, _ = report(Hostile(capabilities=replace(CLAIMS, **claims)).target)
    assert found.unusable is not None
    assert f"{name}: expected at most 1000000, or overflow='unbounded'" in found.unusable
    unbounded = replace(CLAIMS, overflow="unbounded", **claims)
    found, _ = report(Hostile(capabilities=unbounded).target)
    assert found.unusable is None


class SlowToPublish(PliableClient):
    def locks(self) -> AbstractAsyncContextManager[None]:
        return nullcontext()

    async def publish(self, side: Side, event: Event) -> None:
        async with self.locks():
            await asyncio.sleep(0.01)
            await super().publish(side, event)


class OneAtATime(SlowToPublish):
    def locks(self) -> Any:
        return self.bus.memory.setdefault("lock", asyncio.Lock())


@pytest.mark.parametrize(
    ("client", "in_turn"), [(PliableClient, False), (SlowToPublish, False), (OneAtATime, True)]
)
def test_a_target_that_publishes_one_after_another_is_told_from_a_far_one(
    client: type[PliableClient], in_turn: bool
) -> None:
    found, _ = report(Hostile(client).target)
    assert found.in_turn is in_turn


def test_calls_that_queue_have_the_time_of_the_queue() -> None:
    async def many(probe: Probe) -> None:
        tenant = probe.make.tenant()
        await probe.returns(
            asyncio.gather(*(probe.publish(probe.make.event(tenant)) for _ in range(40))), "publish"
        )

    assert outcomes(examine(Hostile(OneAtATime).target, [many])) == {"many": "passed"}


class FailsOnce(Late):
    """Fails once, after the first event: a finding all the same."""

    async def publish(self, side: Side, event: Event) -> None:
        self.bus.memory["count"] = self.bus.memory.get("count", 0) + 1
        if self.bus.memory["count"] == 5:
            await self.fail()
        await super().publish(side, event)

    async def fail(self) -> None:
        raise PublishError("no")


class HangsOnce(FailsOnce):
    async def fail(self) -> None:
        await asyncio.get_running_loop().create_future()


class LosesOnce(Late):
    def hand(self, member: Member, event: Event) -> None:
        self.bus.memory["count"] = self.bus.memory.get("count", 0) + 1
        if not 4 <= self.bus.memory["count"] <= 8:
            super().hand(member, event)


@pytest.mark.parametrize(
    ("client", "said"),
    [
        (FailsOnce, "it raised PublishError: no"),
        (HangsOnce, "did not within"),
        (LosesOnce, "one more event to arrive"),
    ],
)
def test_what_goes_wrong_once_in_the_smoke_test_is_charged(
    client: type[PliableClient], said: str
) -> None:
    found, _ = report(Hostile(client).target)
    assert found.broken is not None
    assert found.broken.outcome == "failed"
    assert said in (found.broken.message or "")
    result = examine(Hostile(client).target, [before])
    assert "PUB-01" in {
        one for case in result.cases for one in case.requirements if case.violations
    }


@pytest.mark.parametrize(
    ("claims", "requirement"),
    [(CLAIMS, "PUB-01"), (Capabilities(profiles={"streams"}), "STR-06")],
)
def test_silence_is_a_failed_case_of_the_right_side(claims: Capabilities, requirement: str) -> None:
    found, trouble = report(Hostile(Silent, capabilities=claims).target)
    assert found.silence is not None
    assert found.silence.requirements == (requirement,)
    assert found.silence.outcome == "failed"
    assert "nothing was delivered, so nothing else was run" in (found.silence.message or "")
    assert trouble == "the target stopped delivering anything"


class Unread(Subscription[Any]):
    """A subscription whose reads end at once, in a way of its own."""

    dropped = 0

    def __init__(self, error: Exception) -> None:
        self.error = error

    async def __anext__(self) -> Any:
        raise self.error


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (TypeError("no await"), "reading raised TypeError: no await"),
        (StopAsyncIteration(), "the subscription ended by itself"),
        (SubscriptionLost("gone"), "the subscription ended by itself (SubscriptionLost: gone)"),
    ],
)
def test_a_reader_that_ends_says_how(error: Exception, words: str) -> None:
    class Ends(PliableClient):
        @asynccontextmanager
        async def subscription(self, side: Side, selects: Any) -> AsyncIterator[Subscription[Any]]:
            yield Unread(error)

    found, _ = report(Hostile(Ends).target)
    assert found.silence is not None
    assert f"seen: {words}, so nothing else was run" in (found.silence.message or "")


def test_a_target_that_cannot_be_opened_is_unusable() -> None:
    def refuse() -> AbstractAsyncContextManager[StreamingBackend]:
        raise ConnectionRefusedError("nobody listens")

    found, _ = report(Target("closed", open=refuse, capabilities=CLAIMS))
    assert found.unusable == "opening a client failed: ConnectionRefusedError: nobody listens"


@pytest.mark.parametrize(
    ("profiles", "claimed", "said"),
    [
        ({"events"}, 399, "expected at least 400, got 399"),
        ({"streams"}, 1, "expected at least 400, got 1"),
        ({"events", "lifecycle"}, 1023, "at least 1024 for profile 'lifecycle', got 1023"),
        ({"events", "sse"}, 400, "at least 1024 for profile 'sse', got 400"),
    ],
)
def test_events_too_small_to_judge_by_are_said_in_one_line(
    profiles: set[str], claimed: int, said: str
) -> None:
    claims = Capabilities(profiles=profiles, max_event_bytes=claimed)
    found, _ = report(Hostile(capabilities=claims).target)
    assert found.unusable is not None
    assert said in found.unusable


@pytest.mark.parametrize(("profiles", "claimed"), [({"events"}, 400), ({"events", "sse"}, 1024)])
def test_the_least_size_of_an_event_is_judged(profiles: set[str], claimed: int) -> None:
    claims = Capabilities(profiles=profiles, max_event_bytes=claimed)
    found, _ = report(Hostile(capabilities=claims).target)
    assert (found.unusable, found.silence) == (None, None)
