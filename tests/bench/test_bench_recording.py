"""Recordings and their accounts: complete ones, and each kind of breach."""

from __future__ import annotations

import asyncio
import math
from typing import Any, ClassVar

import pytest

from eventhook_conformance.bench import running
from eventhook_conformance.bench.delivery_check import Account, account, merged
from eventhook_conformance.bench.recording import Recording, recording
from eventhook_conformance.bench.result import Open
from eventhook_conformance.bench.shape import Shape, block
from eventhook_conformance.bench.traffic import Even, Mixed, text
from eventhook_conformance.bench.window import Stalled, Window
from eventhook_reference.mutants.base import PliableBus, PliableClient

CLAIMS = PliableClient.capabilities
CLIENTS = ("c1", "c1")


class Counting(PliableClient):
    """Does something to one delivery in a thousand."""

    every: ClassVar = 1000

    def turn(self) -> bool:
        number: int = self.bus.memory.get("n", 0) + 1
        self.bus.memory["n"] = number
        return number % self.every == 0


class Drops(Counting):
    def hand(self, member: Any, event: Any) -> None:
        if not self.turn():
            super().hand(member, event)


class Doubles(Counting):
    def hand(self, member: Any, event: Any) -> None:
        super().hand(member, event)
        if self.turn():
            super().hand(member, event)


class Swaps(Counting):
    """Keeps one event back until the next one came."""

    def hand(self, member: Any, event: Any) -> None:
        kept = self.bus.memory.pop("kept", None)
        if kept is None and self.turn():
            self.bus.memory["kept"] = event
            return
        super().hand(member, event)
        if kept is not None:
            super().hand(member, kept)


class Raises(Counting):
    async def publish(self, side: Any, event: Any) -> None:
        if self.turn():
            raise RuntimeError("no room")
        await super().publish(side, event)


class Silent(PliableClient):
    def hand(self, member: Any, event: Any) -> None:
        pass


def play(
    kind: type[PliableClient], shape: Shape, events: int = 2500, rate: float = 0.0
) -> Recording:
    """Plays one recording in a loop of its own."""

    async def playing() -> Recording:
        client = kind(PliableBus())
        async with recording(client, client, Even(shape), 0.2) as opened:
            part = await opened.closed(events, shape.publishers, block(CLAIMS, shape))
            assert part.events == events
            if rate:
                await opened.open(100, shape.publishers, rate)
        return opened

    return asyncio.run(playing())


@pytest.mark.parametrize(
    "shape",
    [
        Shape(),
        Shape(publishers=1),
        Shape(subscribers=7),
        Shape(tenants=10, subscribers=2),
        Shape(tenants=100, publishers=64),
        Shape(idle=20, filter="workflow"),
        Shape(filter="type"),
        Shape(filter="source"),
        Shape(side="streams", tenants=3),
    ],
    ids=str,
)
def test_a_correct_bus_is_counted_in_order(shape: Shape) -> None:
    found = account(play(PliableClient, shape, 1000, rate=5000), CLAIMS, clients=CLIENTS)
    assert found.deliveries == found.owed == (1000 + 100 + 2 * shape.tenants) * shape.subscribers
    assert (found.missing, found.judged, found.violations, found.errors) == (0, 0, [], [])


def test_the_checker_agrees_with_the_count() -> None:
    opened = play(PliableClient, Shape(tenants=2, subscribers=2), 1000)
    found = account(opened, CLAIMS, clients=CLIENTS, judge=True)
    assert found.judged == found.deliveries
    assert found.violations == []


def test_one_event_lost_in_a_thousand_is_proved_lost() -> None:
    found = account(play(Drops, Shape()), CLAIMS, clients=CLIENTS)
    assert (found.missing, found.lost, found.broken) == (2, 2, ("PUB-01",))


@pytest.mark.parametrize(
    ("kind", "broken"), [(Doubles, "PUB-02"), (Swaps, "PUB-06")], ids=["doubles", "swaps"]
)
def test_what_else_is_wrong_is_charged_to_its_requirement(
    kind: type[PliableClient], broken: str
) -> None:
    found = account(play(kind, Shape(publishers=1)), CLAIMS, clients=CLIENTS)
    assert found.lost == 0
    assert broken in found.broken


def test_what_publishing_raises_is_told() -> None:
    found = account(play(Raises, Shape()), CLAIMS, clients=CLIENTS)
    assert found.errors == ["RuntimeError: no room"]


def test_a_bus_that_delivers_nothing_is_waited_for_once() -> None:
    opened = play(Silent, Shape(publishers=2))
    assert [one.waited for one in opened.readers] == [True]
    found = account(opened, CLAIMS, clients=CLIENTS)
    assert found.lost > 0


def test_an_overflow_in_the_open_loop_is_lawful() -> None:
    async def overrunning() -> Account:
        client = PliableClient(PliableBus())
        async with recording(client, client, Even(Shape(publishers=1)), 0.2) as opened:
            for number in range(CLAIMS.event_capacity + 500):
                await client.events.publish(_published(opened, number))
            await opened.closed(10, 1, 10)
            return account(opened, CLAIMS, clients=CLIENTS)

    found = asyncio.run(overrunning())
    assert found.missing >= 500
    assert found.violations == []


def _published(opened: Recording, place: int) -> Any:
    from time import perf_counter_ns

    from eventhook_conformance.bench.recording import Sent

    now = perf_counter_ns()
    opened.sent.append(Sent(opened.traffic.event(place), now, now + 1, "ok"))
    return opened.sent[-1].event


def test_the_open_loop_keeps_its_schedule() -> None:
    async def playing() -> tuple[float, list[int]]:
        client = PliableClient(PliableBus())
        async with recording(client, client, Even(Shape()), 1.0) as opened:
            part = await opened.open(50, 4, 1000.0)
            gaps = {later - earlier for earlier, later in zip(part.due, part.due[1:], strict=False)}
            assert all(abs(gap - 1_000_000) <= 1 for gap in gaps)
            early = [one.called for one, due in zip(opened.sent, part.due, strict=False)
                     if one.called < due]  # fmt: skip
            return part.duration_s, early

    duration_s, early = asyncio.run(playing())
    assert duration_s >= 0.049
    assert early == [], "nothing is sent before it is due"


@pytest.mark.parametrize("side", ["events", "streams"])
def test_the_mixed_traffic_has_a_fence_for_every_reader(side: str) -> None:
    traffic = Mixed(side)
    fences = traffic.fences(100)
    for selects in traffic.readers:
        matching = [
            one
            for one in fences
            if (selects == one.workflow_execution_id if isinstance(selects, str)
                else selects.matches(one))  # type: ignore[arg-type]
        ]  # fmt: skip
        assert len(matching) == 1


def test_payloads_have_the_length_that_was_asked_for() -> None:
    assert [len(text(length)) for length in (0, 1, 65536, 65537, 200_000)] == [
        0, 1, 65536, 65537, 200_000,
    ]  # fmt: skip


def test_the_window_opens_when_the_slowest_has_read() -> None:
    async def opening() -> None:
        window = Window(readers=2, block=10, start=0, wait_s=0.01)
        assert window.limit == 20
        window.passed(0)
        with pytest.raises(Stalled):
            await window.room(20)
        waiting = asyncio.create_task(window.room(29))
        await asyncio.sleep(0)
        window.passed(0)
        await waiting
        assert window.limit == 30

    asyncio.run(opening())


def test_like_breaches_are_summed() -> None:
    from bench.made_bench import violation

    (one,) = merged([violation("lost", "PUB-01", 2), violation("lost", "PUB-01", 3)])
    assert one.count == 5


class Pauses(Counting):
    """One publish takes a tenth of a second."""

    every = 100

    async def publish(self, side: Any, event: Any) -> None:
        if self.turn():
            await asyncio.sleep(0.1)
        await super().publish(side, event)


def test_a_pause_is_charged_to_all_that_had_to_wait_for_it() -> None:
    async def playing() -> Open:
        client = Pauses(PliableBus())
        async with recording(client, client, Even(Shape(publishers=1)), 1.0) as opened:
            part = await opened.open(190, 1, 1000.0)
            return running._opened(opened, part, 1000.0)

    found = asyncio.run(playing())
    late = sum(us > 10_000 for us in found.latencies_us)
    assert len(found.latencies_us) == 190
    assert late >= 80, "the events due meanwhile waited too, though their own calls were quick"


def test_what_never_came_is_infinitely_late() -> None:
    async def playing() -> Open:
        client = Drops(PliableBus())
        client.bus.memory["n"] = 900
        async with recording(client, client, Even(Shape()), 1.0) as opened:
            return running._opened(opened, await opened.open(150, 4, 3000.0), 3000.0)

    found = asyncio.run(playing())
    assert found.latencies_us[-1] == math.inf
    assert sum(map(math.isinf, found.latencies_us)) == 1
