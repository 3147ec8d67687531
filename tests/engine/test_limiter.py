"""The limiter: no task waits for tokens that are free."""

from __future__ import annotations

import asyncio

import pytest

from eventhook_conformance.engine.limiter import WeightedLimiter

pytestmark = pytest.mark.asyncio


class Guests:
    """Tasks that take room and keep it until they are told to go."""

    def __init__(self, room: WeightedLimiter) -> None:
        self.room = room
        self.inside: list[str] = []
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._leave: dict[str, asyncio.Event] = {}

    async def come(self, name: str, number: int, *, priority: bool = False) -> None:
        """Makes one more task ask for so many tokens."""
        self._leave[name] = asyncio.Event()
        self._tasks[name] = asyncio.create_task(self._stay(name, number, priority))
        await _turns()

    async def _stay(self, name: str, number: int, priority: bool) -> None:
        async with self.room.acquire(number, priority=priority):
            self.inside.append(name)
            try:
                await self._leave[name].wait()
            finally:
                self.inside.remove(name)

    async def go(self, name: str) -> None:
        """Makes one task give its tokens back."""
        self._leave[name].set()
        await self._tasks[name]
        await _turns()

    async def cancel(self, name: str) -> None:
        """Cancels one task, whether it waits or holds tokens."""
        self._tasks[name].cancel()
        await asyncio.wait([self._tasks[name]])
        await _turns()


async def _turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_room_is_taken_whole_and_given_back() -> None:
    guests = Guests(WeightedLimiter(3))
    await guests.come("two", 2)
    await guests.come("two more", 2)
    assert guests.inside == ["two"]
    await guests.go("two")
    assert guests.inside == ["two more"]
    await guests.go("two more")


async def test_large_request_holds_up_no_small_ones_and_comes_before_them() -> None:
    guests = Guests(WeightedLimiter(3))
    await guests.come("two", 2)
    await guests.come("three", 3)
    await guests.come("one", 1)
    assert guests.inside == ["two", "one"]
    await guests.come("one more", 1)
    await guests.go("one")
    assert guests.inside == ["two", "one more"]
    await guests.go("one more")
    await guests.come("last", 3)
    await guests.go("two")
    assert guests.inside == ["three"]
    await guests.go("three")
    assert guests.inside == ["last"]
    await guests.go("last")


async def test_who_holds_something_else_goes_first() -> None:
    guests = Guests(WeightedLimiter(1))
    await guests.come("inside", 1)
    await guests.come("waits", 1)
    await guests.come("holds a client", 1, priority=True)
    await guests.go("inside")
    assert guests.inside == ["holds a client"]
    await guests.go("holds a client")
    await guests.go("waits")


async def test_more_than_there_is_is_had_when_nobody_has_any() -> None:
    guests = Guests(WeightedLimiter(3))
    await guests.come("one", 1)
    await guests.come("hundred", 100)
    assert guests.inside == ["one"]
    await guests.go("one")
    assert guests.inside == ["hundred"]
    await guests.go("hundred")


@pytest.mark.parametrize("when", ["waiting", "inside"])
async def test_who_is_cancelled_takes_nothing_along(when: str) -> None:
    guests = Guests(WeightedLimiter(1))
    await guests.come("first", 1)
    await guests.come("second", 1)
    await guests.come("third", 1)
    if when == "waiting":
        await guests.cancel("second")
        await guests.go("first")
    else:
        await guests.cancel("first")
        await guests.go("second")
    assert guests.inside == ["third"]
    await guests.go("third")


async def test_who_is_cancelled_as_it_is_let_in_gives_its_place_on() -> None:
    guests = Guests(WeightedLimiter(1))
    async with guests.room.acquire(1):
        await guests.come("second", 1)
        await guests.come("third", 1)
    await guests.cancel("second")
    assert guests.inside == ["third"]
    await guests.go("third")


async def test_what_is_lent_is_taken_back_at_once() -> None:
    guests = Guests(WeightedLimiter(1))
    await guests.come("first", 1)
    await guests.come("second", 1)
    guests.room.lend(1)
    await _turns()
    assert guests.inside == ["first", "second"]
    guests.room.take_back(1)
    await guests.come("third", 1)
    await guests.go("second")
    assert guests.inside == ["first"]
    await guests.go("first")
    await _turns()
    assert guests.inside == ["third"]
    await guests.go("third")
