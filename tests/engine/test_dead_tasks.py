"""Tasks of a target that died: found whether they are held or not, and not where they did not die."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from eventhook_conformance.cases import catalog
from eventhook_conformance.engine.dead_tasks import DeadTasks
from eventhook_conformance.engine.runner import judge
from eventhook_conformance.event_loop import run_in_loop
from eventhook_conformance.kit import Adapter, Kind, Sink
from eventhook_conformance.report.failure import failure_text
from eventhook_conformance.report.html import html
from eventhook_conformance.report.json_report import to_json
from eventhook_conformance.results import RunResult
from eventhook_conformance.settings import Settings
from eventhook_conformance.target import Capabilities, Target

CASES = ("publish::first_event_is_never_lost", "counts::silence_makes_nobody_deaf")
CLAIMS = Capabilities(introspection=False, total_order=True)


async def dies() -> None:
    raise ValueError("boom")


async def lives() -> None:
    await asyncio.sleep(0)


async def died(*, hold: bool, look: bool = False, cancel: bool = False) -> tuple[str, ...]:
    found = DeadTasks()
    asyncio.get_running_loop().set_exception_handler(found._handle)
    tasks = [asyncio.create_task(dies()), asyncio.create_task(dies()), asyncio.create_task(lives())]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    if look:
        await asyncio.gather(*tasks, return_exceptions=True)
    if not hold:
        tasks.clear()
    found.search()
    for one in tasks:
        if cancel:
            one.cancel()
    return found.died()


@pytest.mark.parametrize("cancel", [False, True])
@pytest.mark.parametrize("hold", [True, False])
def test_a_dead_task_is_found(hold: bool, cancel: bool, caplog: pytest.LogCaptureFixture) -> None:
    (told,) = run_in_loop(died(hold=hold, cancel=cancel))
    assert told.startswith("2 times: dies: ValueError: boom (tests/engine/test_dead_tasks.py:")
    if not hold:
        assert "Task exception was never retrieved" in caplog.text


def test_a_task_whose_exception_was_looked_at_is_none() -> None:
    assert run_in_loop(died(hold=True, look=True)) == ()


class Bus(Adapter):
    """A bus whose reader may die at its second message, or whose publish may hang."""

    def __init__(self, fault: str, queues: dict[Any, list[Any]]) -> None:
        super().__init__(CLAIMS)
        self.fault = fault
        self.queues = queues

    async def send(self, kind: Kind, key: str, body: bytes) -> None:
        for queue in self.queues.get((kind, key), []):
            queue.put_nowait(body)
        if self.fault == "hangs" and b"suite.fence" in body:
            await self.confirm()

    async def confirm(self) -> None:
        await asyncio.Event().wait()

    @asynccontextmanager
    async def attach(self, kind: Kind, key: str, sink: Sink) -> AsyncIterator[None]:
        queue: asyncio.Queue[bytes] = asyncio.Queue()
        self.queues.setdefault((kind, key), []).append(queue)
        reading = asyncio.create_task(self.read(queue, sink))
        try:
            yield
        finally:
            reading.cancel()
            self.queues[kind, key].remove(queue)

    async def read(self, queue: asyncio.Queue[bytes], sink: Sink) -> None:
        count = 0
        while True:
            body = await queue.get()
            count += 1
            if self.fault == "dies" and count > 1:
                raise ValueError("the second")
            await sink(body)

    async def disconnect(self) -> None:
        pass


def run_of(fault: str) -> RunResult:
    queues: dict[Any, list[Any]] = {}
    target = Target("made", open=lambda: Bus(fault, queues), capabilities=CLAIMS)
    asked = [one for one in catalog().values() if one.case.name in CASES]
    return judge(target, Settings(arrival_timeout_s=0.3), asked)


@pytest.mark.parametrize(
    ("fault", "label", "told"),
    [
        ("hangs", "stands at", " in confirm"),
        ("dies", "died", "Bus.read: ValueError: the second"),
    ],
)
def test_a_failure_says_it_in_every_report(fault: str, label: str, told: str) -> None:
    result = run_of(fault)
    told_by = [case for case in result.cases if told in " ".join((*case.hung, *case.died))]
    assert told_by, result.unusable
    text = " ".join(failure_text(told_by[0], "made").split())
    assert f" {label} " in text
    assert told in text
    assert told in str(to_json([result]))
    assert told.rpartition(" ")[2] in html([result])


def test_a_bus_without_fault_has_neither() -> None:
    result = run_of("none")
    assert [case.outcome for case in result.cases].count("failed") == 0
    assert all(case.hung == case.died == () for case in result.cases)


class _Untouchable:
    """Raises in each of its methods, even when asked for its class."""

    def __getattribute__(self, name: str) -> Any:
        raise SystemExit(name)


def test_an_object_that_cannot_be_asked_is_passed_over() -> None:
    held = [_Untouchable() for _ in range(3)]
    assert len(held) == 3
    assert len(run_in_loop(died(hold=True))) == 1
