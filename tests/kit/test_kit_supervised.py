"""The supervised reader: its death is told, and it ends however it resists."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any
from uuid import uuid4

import pytest

from eventhook_conformance.contract import EventPattern, SubscriptionLost
from eventhook_conformance.event_loop import run_in_loop
from eventhook_conformance.kit import Adapter, Kind, Sink, pump
from eventhook_conformance.kit.supervised import END_S


class Told:
    """A sink that writes down why the subscription was lost."""

    def __init__(self) -> None:
        self.reasons: list[str] = []

    def lose(self, reason: str) -> None:
        self.reasons.append(reason)


async def dies() -> None:
    raise ValueError("boom")


async def returns() -> None:
    await asyncio.sleep(0)


async def cancels_itself() -> None:
    raise asyncio.CancelledError


async def goes_on() -> None:
    await asyncio.Event().wait()


Read = Callable[[], Coroutine[Any, Any, object]]


async def reasons(read: Read) -> list[str]:
    told: Any = Told()
    async with pump(read(), told):
        for _ in range(4):
            await asyncio.sleep(0)
    await asyncio.sleep(0)
    reasons: list[str] = told.reasons
    return reasons


@pytest.mark.parametrize(
    ("read", "told"),
    [
        (dies, ["the reader died: ValueError: boom"]),
        (returns, ["the reader ended by itself"]),
        (cancels_itself, ["the reader was cancelled"]),
        (goes_on, []),
    ],
)
def test_the_death_of_a_reader_is_told_and_its_end_is_not(read: Read, told: list[str]) -> None:
    assert run_in_loop(reasons(read)) == told


def test_a_reader_that_swallows_cancellations_is_cancelled_again() -> None:
    heard = 0

    async def swallows() -> None:
        nonlocal heard
        while heard < 3:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                heard += 1

    assert run_in_loop(reasons(swallows)) == []
    assert heard == 3


def test_a_reader_that_never_ends_makes_leaving_raise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eventhook_conformance.kit.supervised.END_S", END_S / 50)
    stop = False

    async def resists() -> None:
        while not stop:
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(60)

    async def main() -> None:
        nonlocal stop
        with pytest.raises(TimeoutError, match="did not end within"):
            await reasons(resists)
        stop = True

    run_in_loop(main())


def test_a_cancelled_leaving_ends_the_reader_first() -> None:
    async def main() -> bool:
        ended = False

        async def slow_to_end() -> None:
            nonlocal ended
            try:
                await asyncio.Event().wait()
            finally:
                await asyncio.sleep(0.01)
                ended = True

        async def use() -> None:
            async with pump(slow_to_end(), Told()):  # type: ignore[arg-type]  # because: it only loses
                await asyncio.sleep(0)

        using = asyncio.create_task(use())
        for _ in range(3):
            await asyncio.sleep(0)
        using.cancel()
        await asyncio.wait({using})
        assert using.cancelled()
        return ended

    assert run_in_loop(main())


def test_a_subscriber_of_an_adapter_gets_the_reason() -> None:
    class Bus(Adapter):
        async def send(self, kind: Kind, key: str, body: bytes) -> None:
            pass

        @asynccontextmanager
        async def attach(self, kind: Kind, key: str, sink: Sink) -> AsyncIterator[None]:
            async with pump(dies(), sink):
                yield

        async def disconnect(self) -> None:
            pass

    async def main() -> None:
        async with Bus() as client, client.events.subscribe(EventPattern(tenant_id=uuid4())) as got:
            with pytest.raises(SubscriptionLost, match="the reader died: ValueError: boom"):
                await anext(got)

    run_in_loop(main())
