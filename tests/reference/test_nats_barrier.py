"""The shared barrier, over a connection that only records the messages sent."""

import asyncio

import pytest

from eventhook_reference.nats_barrier import Barrier, Round

pytestmark = pytest.mark.asyncio


class FakeConnection:
    """Answers rounds when it is told to."""

    def __init__(self, timeout_s: float = 60.0) -> None:
        self.sent: list[int] = []
        self._sending = asyncio.Event()
        self.epoch = 0
        self.timeouts = 0
        self.barrier = Barrier(self._send, lambda: self.epoch, timeout_s, self._timed_out)

    async def _send(self, number: int) -> None:
        self.sent.append(number)
        self._sending.set()

    async def until_sent(self, number: int) -> None:
        """Waits until that round is sent."""
        async with asyncio.timeout(5):
            while number not in self.sent:
                self._sending.clear()
                await self._sending.wait()

    def _timed_out(self) -> None:
        self.timeouts += 1

    async def answer(self, number: int) -> None:
        """Makes the message of a round come back, and runs everything that follows."""
        self.barrier.answered(number)
        await asyncio.sleep(0)

    async def callers(self, count: int) -> list[asyncio.Task[Round]]:
        """Returns that many waiting callers."""
        tasks = [asyncio.create_task(self.barrier.passed(self.epoch)) for _ in range(count)]
        await asyncio.sleep(0)
        return tasks


async def test_callers_share_the_round_after_the_one_in_flight() -> None:
    connection = FakeConnection()
    callers = await connection.callers(100)
    assert connection.sent == [1]
    await connection.answer(1)
    assert connection.sent == [1, 2]
    await connection.answer(2)
    rounds = await asyncio.gather(*callers)
    assert [r.number for r in rounds] == [1] + [2] * 99
    assert {r.problem for r in rounds} == {None}


async def far_connection() -> FakeConnection:
    """Returns a connection whose server answers later than near ones do."""
    connection = FakeConnection()
    (first,) = await connection.callers(1)
    await asyncio.sleep(0.004)
    await connection.answer(1)
    await first
    return connection


async def test_far_server_gets_rounds_while_others_are_in_flight() -> None:
    connection = await far_connection()
    early = await connection.callers(2)
    assert connection.sent == [1, 2]
    await connection.until_sent(3)
    late = await connection.callers(1)
    await connection.until_sent(4)
    assert not any(caller.done() for caller in (*early, *late))
    for number in (2, 3, 4):
        await connection.answer(number)
    rounds = await asyncio.gather(*early, *late)
    assert [r.number for r in rounds] == [2, 3, 4]
    assert {r.problem for r in rounds} == {None}


async def test_disconnect_fails_all_rounds_in_flight_and_starts_no_other() -> None:
    connection = await far_connection()
    callers = await connection.callers(2)
    await connection.until_sent(3)
    callers += await connection.callers(1)
    connection.barrier.fail("the connection was lost")
    assert {(await caller).problem for caller in callers} == {"the connection was lost"}
    await asyncio.sleep(0.004)
    assert connection.sent == [1, 2, 3]


async def test_cancelled_caller_disturbs_none_of_its_round() -> None:
    connection = FakeConnection()
    first, second, third = await connection.callers(3)
    second.cancel()
    await connection.answer(1)
    await connection.answer(2)
    assert (await first).problem is None
    assert (await third).problem is None
    assert second.cancelled()


async def test_reconnect_makes_the_outcome_unknown() -> None:
    connection = FakeConnection()
    callers = await connection.callers(2)
    connection.epoch += 1
    await connection.answer(1)
    (late,) = await connection.callers(1)
    outcomes = [(await caller).problem for caller in callers]
    assert outcomes == ["the connection was lost"] * 2
    await connection.answer(connection.sent[-1])
    assert (await late).problem is None


async def test_disconnect_fails_all_at_once() -> None:
    connection = FakeConnection()
    callers = await connection.callers(3)
    connection.barrier.fail("the connection was lost")
    assert {(await caller).problem for caller in callers} == {"the connection was lost"}


async def test_deadline_fails_and_the_late_answer_counts_for_nothing() -> None:
    connection = FakeConnection(timeout_s=0.01)
    (caller,) = await connection.callers(1)
    assert "did not answer" in str((await caller).problem)
    assert connection.timeouts == 1
    (next_caller,) = await connection.callers(1)
    await connection.answer(1)
    assert not next_caller.done()
    await connection.answer(2)
    assert (await next_caller).problem is None


async def test_denial_reaches_the_rounds_under_way_only() -> None:
    connection = FakeConnection()
    callers = await connection.callers(2)
    connection.barrier.deny("a.b")
    await connection.answer(1)
    await connection.answer(2)
    assert [(await caller).denied for caller in callers] == [{"a.b"}] * 2
    (later,) = await connection.callers(1)
    await connection.answer(3)
    assert (await later).denied == set()


async def test_whoever_joins_without_waiting_yet_shares_the_round() -> None:
    connection = FakeConnection()
    (caller,) = await connection.callers(1)
    mine, settled = connection.barrier.joined(0)
    other, _ = connection.barrier.joined(0)
    assert mine is other
    assert connection.barrier.under_way
    await connection.answer(1)
    assert (await caller).problem is None
    assert not settled.done()
    await connection.answer(2)
    await settled
    assert mine.problem is None


async def test_joining_after_a_reconnect_gives_up_what_was_under_way() -> None:
    connection = FakeConnection()
    callers = await connection.callers(2)
    connection.epoch += 1
    mine, settled = connection.barrier.joined(1)
    assert [(await caller).problem for caller in callers] == ["the connection was lost"] * 2
    assert not connection.barrier.under_way
    await connection.barrier.launch()
    await connection.answer(mine.number)
    await settled
    assert mine.problem is None
