"""Starvation: a wait that ran out without a processor is no evidence."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from engine.hostile import Hostile, examine, instance
from eventhook_conformance.checker import Violation
from eventhook_conformance.contract import EventPattern
from eventhook_conformance.engine.case_runner import STARVED
from eventhook_conformance.engine.outcome import stands
from eventhook_conformance.probe import Deadline, Probe, starvation
from eventhook_conformance.probe.starvation import StarvationMeter
from eventhook_conformance.settings import Settings
from eventhook_reference.mutants.base import PliableClient


class Scripted:
    """A meter with given readings; each call takes the next, and the last one is repeated."""

    def __init__(self, *readings: float) -> None:
        self.readings = list(readings)
        self.asked = 0

    def read(self) -> float:
        self.asked += 1
        return self.readings.pop(0) if len(self.readings) > 1 else self.readings[0]


class Rising:
    """A meter for which every wait is starved all the time."""

    def __init__(self) -> None:
        self.now = 0.0

    def read(self) -> float:
        self.now += 1000
        return self.now


def never() -> asyncio.Future[None]:
    return asyncio.get_running_loop().create_future()


@pytest.mark.asyncio
async def test_starved_time_is_waited_again() -> None:
    late = never()

    class ThenItComes(Rising):
        """A future that is done when the time has run out, all of which was starved."""

        def read(self) -> float:
            if self.now:
                asyncio.get_running_loop().call_soon(late.set_result, None)
            return super().read()

    assert await Deadline(0.05, ThenItComes()).wait(late)


@pytest.mark.asyncio
async def test_what_never_comes_is_in_vain_once_nothing_is_starved() -> None:
    deadline = Deadline(0.02, Scripted(0.0, 0.01, 0.01))
    assert not await deadline.wait(never())
    assert deadline.undecided == 0


@pytest.mark.asyncio
async def test_starved_for_ever_it_ends_undecided() -> None:
    deadline = Deadline(0.01, Rising())
    assert not await deadline.wait(never())
    assert deadline.undecided == 1


@pytest.mark.asyncio
async def test_what_comes_soon_costs_no_reading() -> None:
    meter = Scripted(0.0)
    soon = never()
    asyncio.get_running_loop().call_soon(soon.set_result, None)
    assert await Deadline(1.0, meter).wait(soon)
    assert meter.asked == 0


async def waits_in_vain(probe: Probe) -> None:
    """Waits for an event that nobody delivers."""
    tenant = probe.make.tenant()
    listener = await probe.subscribe(EventPattern.all(tenant))
    event = probe.make.event(tenant, "late.event")
    await probe.publish(event)
    await listener.receive(event)


class Deaf(PliableClient):
    def hand(self, member: object, event: object) -> None:
        if getattr(event, "event_type", "") != "late.event":
            super().hand(member, event)  # type: ignore[arg-type]  # because: as the base has it


@pytest.mark.parametrize("busy", [False, True], ids=["idle", "busy"])
def test_a_busy_machine_accuses_nobody(busy: bool) -> None:
    settings = Settings(arrival_timeout_s=0.02, settle_s=0.0)
    meter = Rising() if busy else None
    cases = [instance(waits_in_vain)]
    result = examine(Hostile(Deaf).target, cases, settings=settings, meter=meter)
    (case,) = [one for one in result.cases if "waits_in_vain" in one.id]
    if busy:
        assert (case.outcome, case.blame, case.message) == ("error", "suite", STARVED)
        assert result.verdict == "inconclusive"
    else:
        assert [one.kind for one in case.violations] == ["lost-first"]


def test_what_was_delivered_stands_on_a_busy_machine_too() -> None:
    def breach(kind: str) -> Violation:
        return Violation(kind, ("PUB-01",), "", "")  # type: ignore[arg-type]  # because: made up

    assert stands(breach("leaked"), STARVED)
    assert not stands(breach("lost"), STARVED)


@pytest.mark.parametrize("listed", [True, False], ids=["listed", "looked-for"])
def test_the_meter_only_rises_and_counts_what_it_started(
    listed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if listed and not starvation._LISTS_CHILDREN:
        pytest.skip("this system does not list a process's children")
    monkeypatch.setattr(starvation, "_LISTS_CHILDREN", listed)
    meter = StarvationMeter()
    first = meter.read()
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        assert child.pid in list(starvation._descendants(os.getpid()))
        assert 0.0 <= first <= meter.read()
    finally:
        child.communicate(b"\n", timeout=10)


def test_where_the_system_tells_nothing_all_time_counts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(starvation, "_PROC", tmp_path / "none")
    monkeypatch.setattr(starvation, "_PRESSURE", tmp_path / "none")
    assert StarvationMeter(elsewhere=True).read() == 0.0


def test_looking_at_a_thousand_threads_holds_up_no_thousand_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock, looks = 0.0, 0
    look_s, wait_s, waits = 0.06, 0.0001, 1000

    class Costly(StarvationMeter):
        def _starved_s(self) -> float:
            nonlocal clock, looks
            clock, looks = clock + look_s, looks + 1
            return float(looks)

    monkeypatch.setattr(starvation, "monotonic", lambda: clock)
    meter = Costly()
    for _ in range(waits):
        meter.read()
        clock += wait_s
    assert 1 <= looks <= 1 + waits * wait_s / look_s
    before, clock = looks, clock + look_s
    meter.read()
    assert looks == before + 1, "a later wait is looked at anew"
