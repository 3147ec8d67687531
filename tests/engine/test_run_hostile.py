"""Hostile targets: nothing hangs; a misdeed costs one case its verdict, never the run."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from engine.hostile import (
    CLAIMS,
    QUICK,
    Hostile,
    after,
    asks_for_evil,
    before,
    blamed,
    by_name,
    evil,
    examine,
    is_evil,
    outcomes,
)
from eventhook_conformance.contract import FlovynEvent, StreamingBackend, Subscription
from eventhook_conformance.engine.limits import Limits
from eventhook_conformance.probe import Probe
from eventhook_conformance.results import exit_code
from eventhook_conformance.target import Target
from eventhook_reference.mutants.base import Event, Member, PliableBus, PliableClient, Side


async def for_ever() -> None:
    """Waits for ever."""
    await asyncio.get_running_loop().create_future()


ONE_BY_ONE = replace(QUICK, at_once=1)
SHORT = Limits(blocked_s=0.4, open_s=0.3)
"""A blocked loop is noticed after 0.4 s in place of 5, and opening hangs after 0.3 s in place of 30."""


def test_correct_target_passes_and_everything_it_opened_is_closed() -> None:
    hostile = Hostile()
    result = examine(hostile.target)
    assert outcomes(result) == {"before": "passed", "evil": "passed", "after": "passed"}
    assert hostile.opened == hostile.closed == 1
    assert hostile.bus.members == []
    assert hostile.bus.channels == {}


# Entering


class EnteringRaises(PliableClient):
    def check_selects(self, side: Side, selects: Any) -> None:
        super().check_selects(side, selects)
        if asks_for_evil(selects):
            raise ZeroDivisionError("no evil here")


def test_entering_raises() -> None:
    blamed(
        examine(Hostile(EnteringRaises).target),
        "entering the subscription to succeed",
        "it raised ZeroDivisionError: no evil here",
    )


class EnteringExits(PliableClient):
    def check_selects(self, side: Side, selects: Any) -> None:
        super().check_selects(side, selects)
        if asks_for_evil(selects):
            raise SystemExit(7)


def test_entering_ends_the_process() -> None:
    blamed(examine(Hostile(EnteringExits).target), "TargetExited: SystemExit(7)")


class EnteringHangs(PliableClient):
    @asynccontextmanager
    async def subscription(self, side: Side, selects: Any) -> AsyncIterator[Subscription[Any]]:
        if asks_for_evil(selects):
            await for_ever()
        async with super().subscription(side, selects) as subscription:
            yield subscription


def test_entering_hangs() -> None:
    hostile = Hostile(EnteringHangs)
    blamed(
        examine(hostile.target, settings=ONE_BY_ONE),
        "entering the subscription to return",
        "entering did not return",
    )
    assert hostile.opened == hostile.closed == 2  # the client that hung was replaced


class NoContext(PliableClient):
    def subscription(self, side: Side, selects: Any) -> Any:
        return None if asks_for_evil(selects) else super().subscription(side, selects)


def test_subscribe_returns_no_context() -> None:
    blamed(examine(Hostile(NoContext).target), "it raised TypeError", "context manager")


# Publishing


class PublishHangs(PliableClient):
    async def publish(self, side: Side, event: Event) -> None:
        if is_evil(event):
            await for_ever()
        await super().publish(side, event)


def test_publish_hangs_for_one_kind_of_event() -> None:
    case = blamed(examine(Hostile(PublishHangs).target), "publish to return", "within 0.3 s")
    assert case.history is not None
    assert case.history.publishes[0].error == "cancelled"


class PublishRaises(PliableClient):
    async def publish(self, side: Side, event: Event) -> None:
        if is_evil(event):
            raise RuntimeError("two\nlines")
        await super().publish(side, event)


def test_publish_raises_what_the_contract_does_not_know() -> None:
    blamed(examine(Hostile(PublishRaises).target), "publish to succeed", "RuntimeError: two lines")


class PublishExits(PliableClient):
    async def publish(self, side: Side, event: Event) -> None:
        if is_evil(event):
            raise SystemExit(1)
        await super().publish(side, event)


def test_publish_ends_the_process() -> None:
    blamed(examine(Hostile(PublishExits).target), "TargetExited: SystemExit(1)")


class PublishCancels(PliableClient):
    async def publish(self, side: Side, event: Event) -> None:
        if is_evil(event):
            raise asyncio.CancelledError
        await super().publish(side, event)


def test_publish_raises_cancelled_though_nobody_cancelled() -> None:
    blamed(examine(Hostile(PublishCancels).target), "publish to succeed", "cancelled")


class PublishSleeps(PliableClient):
    def check(self, side: Side, event: Event) -> None:
        super().check(side, event)
        if is_evil(event):
            time.sleep(60)


def test_publish_sleeps_with_the_loop_in_its_hands() -> None:
    blamed(
        examine(Hostile(PublishSleeps).target, limits=SHORT),
        "LoopBlocked: the event loop was blocked for 0.4 s in PublishSleeps.check",
        "test_run_hostile.py:",
    )


class PublishSpins(PliableClient):
    def check(self, side: Side, event: Event) -> None:
        super().check(side, event)
        while is_evil(event):
            pass


def test_publish_spins_for_ever() -> None:
    blamed(
        examine(Hostile(PublishSpins).target, limits=SHORT),
        "LoopBlocked: the event loop was blocked for 0.4 s in",
        ".py:",
    )


class PublishSwallowsTheAlarm(PliableClient):
    def check(self, side: Side, event: Event) -> None:
        super().check(side, event)
        if is_evil(event):
            try:
                time.sleep(60)
            except BaseException:
                return


def test_blocking_is_said_even_where_the_target_swallows_the_alarm() -> None:
    blamed(
        examine(Hostile(PublishSwallowsTheAlarm).target, limits=SHORT),
        "no call to block the event loop",
        "blocked in PublishSwallowsTheAlarm.check",
    )


class DeliveryBlocksLater(PliableClient):
    def hand(self, member: Member, event: Event) -> None:
        super().hand(member, event)
        if is_evil(event):
            asyncio.get_running_loop().call_soon(time.sleep, 60)


def test_callback_blocks_the_loop() -> None:
    result = examine(Hostile(DeliveryBlocksLater).target, limits=SHORT)
    blamed(result, "blocked")


class ClosesByItself(PliableClient):
    """After its fifth publish it considers itself closed."""

    def __init__(self, bus: PliableBus) -> None:
        super().__init__(bus)
        self.published = 0

    async def publish(self, side: Side, event: Event) -> None:
        if is_evil(event):
            await self.aclose()
        await super().publish(side, event)


def test_client_closes_by_itself_and_is_replaced() -> None:
    hostile = Hostile(ClosesByItself)
    blamed(examine(hostile.target), "publish to succeed", "BusClosed: this client was closed")
    assert hostile.opened == hostile.closed == 2


# Reading


class Reading(Subscription[Any]):
    """Reads of an evil subscription, replaced by a function."""

    def __init__(self, channel: Subscription[Any], read: Callable[[], Any]) -> None:
        self._channel = channel
        self._read = read

    async def __anext__(self) -> Any:
        answer = self._read()
        return await answer if asyncio.iscoroutine(answer) else answer


class ReadingClient(PliableClient):
    """Gives evil subscriptions another way to read."""

    @asynccontextmanager
    async def subscription(self, side: Side, selects: Any) -> AsyncIterator[Subscription[Any]]:
        async with super().subscription(side, selects) as channel:
            yield Reading(channel, self.read) if asks_for_evil(selects) else channel

    def read(self) -> Any:
        """Returns the result of an evil read, or a coroutine of it."""
        raise NotImplementedError


class Floods(ReadingClient):
    def read(self) -> Any:
        return FlovynEvent.new(uuid4(), "evil.act", "flood", None)


def test_reads_flood() -> None:
    case = blamed(examine(Hostile(Floods).target))
    assert case.history is not None
    assert 0 < len(case.history.subscriptions[0].deliveries) < 1000
    assert any("it floods" in violation.message for violation in case.violations)


class ReadExits(ReadingClient):
    def read(self) -> Any:
        raise SystemExit(3)


def test_read_ends_the_process() -> None:
    blamed(examine(Hostile(ReadExits).target), "its read raised TargetExited: SystemExit(3)")


class ReadRaises(ReadingClient):
    def read(self) -> Any:
        raise KeyError("evil")


def test_read_raises() -> None:
    blamed(examine(Hostile(ReadRaises).target), "its read raised KeyError: 'evil'")


class ReadSpins(ReadingClient):
    def read(self) -> Any:
        while True:
            pass


def test_read_spins_for_ever() -> None:
    blamed(examine(Hostile(ReadSpins).target, limits=SHORT), "blocked for 0.4 s in ReadSpins.read")


def garbage(what: Any) -> type[ReadingClient]:
    """Returns a client whose evil subscriptions deliver a value at each turn of the event loop."""

    class Garbage(ReadingClient):
        async def _garbage(self) -> Any:
            await asyncio.sleep(0)
            return what

        def read(self) -> Any:
            return self._garbage()

    return Garbage


@pytest.mark.parametrize(
    ("what", "fragment"),
    [
        (None, "None was delivered"),
        ("text", "'text' was delivered"),
        (b"\xff", "was delivered"),
        (object, "<class 'object'> was delivered"),
    ],
    ids=["none", "text", "bytes", "class"],
)
def test_garbage_is_delivered(what: Any, fragment: str) -> None:
    case = blamed(examine(Hostile(garbage(what)).target))
    assert any(fragment in violation.message for violation in case.violations)


def test_event_with_an_id_that_cannot_be_hashed_is_delivered() -> None:
    event = FlovynEvent.new(uuid4(), "evil.act", "garbage", None)
    broken = msgspec.structs.replace(event, id=["no", "hash"], tenant_id={"x": 1})
    case = blamed(examine(Hostile(garbage(broken)).target))
    assert any(violation.kind in ("leaked", "phantom") for violation in case.violations)


class NoHash(str):
    """Text that raises in each of its methods."""

    __slots__ = ()

    def __hash__(self) -> int:
        raise RuntimeError("no hash")

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("no comparison")

    def __repr__(self) -> str:
        raise RuntimeError("no text")


def test_object_that_raises_at_every_touch_is_delivered() -> None:
    result = examine(Hostile(garbage(NoHash())).target)
    assert outcomes(result)["evil"] == "failed"
    assert outcomes(result)["after"] == "passed"


# Leaving, cancelling, closing


class LeavingHangs(PliableClient):
    @asynccontextmanager
    async def subscription(self, side: Side, selects: Any) -> AsyncIterator[Subscription[Any]]:
        async with super().subscription(side, selects) as subscription:
            yield subscription
            if asks_for_evil(selects):
                await self.at_leaving()

    async def at_leaving(self) -> None:
        """Acts when it is left."""
        await for_ever()


def test_leaving_hangs() -> None:
    hostile = Hostile(LeavingHangs)
    case = blamed(examine(hostile.target), "leaving to return (s1)", "it still had not")
    assert case.violations[0].requirements == ("PUB-11",)
    assert hostile.bus.members == []


class LeavingRaises(LeavingHangs):
    async def at_leaving(self) -> None:
        raise OSError("the door is stuck")


def test_leaving_raises() -> None:
    blamed(
        examine(Hostile(LeavingRaises).target),
        "leaving to succeed (s1)",
        "it raised OSError: the door is stuck",
    )


class LeavingSwallowsCancellation(LeavingHangs):
    """Has to be cancelled twice."""

    async def at_leaving(self) -> None:
        try:
            await for_ever()
        except asyncio.CancelledError:
            await for_ever()


class LeavingCannotBeCancelled(LeavingHangs):
    async def at_leaving(self) -> None:
        while True:
            try:
                await for_ever()
            except asyncio.CancelledError:
                continue


@pytest.mark.parametrize("client", [LeavingSwallowsCancellation, LeavingCannotBeCancelled])
def test_leaving_swallows_cancellation(client: type[PliableClient]) -> None:
    blamed(examine(Hostile(client).target), "leaving to return (s1)", "it still had not")


class PublishCannotBeCancelled(PliableClient):
    async def publish(self, side: Side, event: Event) -> None:
        while is_evil(event):
            try:
                await for_ever()
            except asyncio.CancelledError:
                continue
        await super().publish(side, event)


def test_publish_swallows_cancellation() -> None:
    blamed(examine(Hostile(PublishCannotBeCancelled).target), "publish to return")


class ReadCannotBeCancelled(ReadingClient):
    async def _read(self) -> Any:
        while True:
            try:
                await for_ever()
            except asyncio.CancelledError:
                continue

    def read(self) -> Any:
        return self._read()


def test_read_swallows_cancellation_and_leaving() -> None:
    blamed(examine(Hostile(ReadCannotBeCancelled).target), "nothing of it within 0.3 s")


class BoundToItsTask(PliableClient):
    """As with anyio's cancel scopes: entered and left by different tasks, it raises."""

    @asynccontextmanager
    async def subscription(self, side: Side, selects: Any) -> AsyncIterator[Subscription[Any]]:
        entered_by = asyncio.current_task()
        async with super().subscription(side, selects) as subscription:
            yield subscription
            if asyncio.current_task() is not entered_by:
                raise RuntimeError("left by another task than it was entered by")


def test_contexts_that_are_bound_to_their_task_pass() -> None:
    entered_by: list[asyncio.Task[Any] | None] = []
    left_by: list[asyncio.Task[Any] | None] = []
    bus = PliableBus()

    @asynccontextmanager
    async def open_client() -> AsyncIterator[StreamingBackend]:
        entered_by.append(asyncio.current_task())
        yield BoundToItsTask(bus)
        left_by.append(asyncio.current_task())

    async def own_client(probe: Probe) -> None:
        await probe.open_client()

    target = Target("bound", open=open_client, capabilities=CLAIMS)
    result = examine(target, [before, own_client, evil, after])
    assert set(outcomes(result).values()) == {"passed"}
    assert len(entered_by) == 2
    assert set(entered_by) == set(left_by)


class SecondCloseHangs(PliableClient):
    """The first client closes well, the next ones never end to."""

    def __init__(self, bus: PliableBus) -> None:
        super().__init__(bus)
        self.first = bus.memory.setdefault("first", self) is self

    async def aclose(self) -> None:
        if not self.first:
            await for_ever()
        await super().aclose()


def test_aclose_hangs() -> None:
    async def evil(probe: Probe) -> None:
        client = await probe.open_client()
        await client.aclose(probe.history)

    blamed(
        examine(Hostile(SecondCloseHangs).target, [before, evil, after]),
        "expected every call to return",
        "SecondCloseHangs.aclose did not return within 0.3 s",
    )


def test_aclose_hangs_where_the_case_waits_no_longer_than_the_call() -> None:
    async def evil(probe: Probe) -> None:
        client = await probe.open_client()
        await probe.returns(client.aclose(probe.history), "closing", timeout_s=0.1)

    blamed(
        examine(Hostile(SecondCloseHangs).target, [before, evil, after]),
        "expected closing to return",
        "it still had not in time",
    )


def test_every_client_hangs_when_its_context_is_left() -> None:
    bus = PliableBus()

    @asynccontextmanager
    async def open_client() -> AsyncIterator[StreamingBackend]:
        yield PliableClient(bus)
        await for_ever()

    async def evil(probe: Probe) -> None:
        await probe.open_client()

    result = examine(Target("t", open=open_client, capabilities=CLAIMS), [before, evil, after])
    blamed(result, "closing c3 to succeed", "TargetTimeout: leaving did not return")


# Opening


def opens(how: Callable[[], Any]) -> Target:
    """Returns a target whose clients are opened by a function."""

    @asynccontextmanager
    async def open_client() -> AsyncIterator[StreamingBackend]:
        await how()
        yield PliableClient(PliableBus())

    return Target("closed-door", open=open_client)


async def refuse() -> None:
    """Raises, as connecting to a server that is not there does."""
    raise ConnectionRefusedError(111, "nobody\nlistens")


async def leave_the_process() -> None:
    """Exits, as a script does that was not meant as a module."""
    raise SystemExit("usage: bus")


@pytest.mark.parametrize(
    ("how", "fragment"),
    [
        (refuse, "opening a client failed: ConnectionRefusedError: [Errno 111] nobody listens"),
        (leave_the_process, "opening a client failed: TargetExited: SystemExit('usage: bus')"),
        (for_ever, "opening a client failed: TargetTimeout: entering did not return"),
    ],
    ids=["raises", "exits", "hangs"],
)
def test_target_that_cannot_be_opened_is_unusable(how: Callable[[], Any], fragment: str) -> None:
    result = examine(opens(how), limits=SHORT)
    assert result.unusable is not None
    # Where it stands, if it hangs, follows.
    assert result.unusable.startswith(f"target 'closed-door' cannot be used: {fragment}")
    assert "\n" not in result.unusable
    assert result.cases == []
    assert exit_code([result]) == 2


def test_target_whose_open_gives_no_context_is_unusable() -> None:
    target = Target("wrong", open=lambda: PliableClient(PliableBus()))  # type: ignore[arg-type,return-value]
    result = examine(target)
    assert result.unusable is not None
    assert "TypeError" in result.unusable
    assert exit_code([result]) == 2


def test_one_more_client_cannot_be_opened() -> None:
    hostile = Hostile()

    @asynccontextmanager
    async def open_one() -> AsyncIterator[StreamingBackend]:
        if hostile.opened:
            raise ConnectionError("one is enough")
        async with hostile.open() as backend:
            yield backend

    async def evil(probe: Probe) -> None:
        await probe.open_client()

    result = examine(Target("one", open=open_one, capabilities=CLAIMS), [before, evil, after])
    blamed(result, "one more client to open", "ConnectionError: one is enough")


def test_second_shared_client_cannot_be_opened() -> None:
    hostile = Hostile()

    @asynccontextmanager
    async def open_one() -> AsyncIterator[StreamingBackend]:
        if hostile.opened:
            raise ConnectionError("one is enough")
        async with hostile.open() as backend:
            yield backend

    async def evil(probe: Probe) -> None:
        await probe.publish(probe.make.event(probe.make.tenant()), via="other")

    result = examine(Target("one", open=open_one, capabilities=CLAIMS), [before, evil, after])
    blamed(result, "ConnectionError: one is enough")


def test_replacement_of_a_client_cannot_be_opened() -> None:
    """The target is broken for good in the middle of a run: every later case says so."""
    hostile = Hostile(PublishHangs)

    @asynccontextmanager
    async def open_one() -> AsyncIterator[StreamingBackend]:
        if hostile.opened:
            raise ConnectionError("gone")
        async with hostile.open() as backend:
            yield backend

    target = Target("one", open=open_one, capabilities=CLAIMS)
    result = examine(target, [before, evil, after], settings=ONE_BY_ONE)
    assert outcomes(result) == {"before": "passed", "evil": "failed", "after": "failed"}
    assert "ConnectionError: gone" in (by_name(result)["after"].message or "")
