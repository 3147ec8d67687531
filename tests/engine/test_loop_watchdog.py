"""The alarm for a blocked loop: not for a process that waits for a processor."""

from __future__ import annotations

import asyncio
import signal
import time
from contextlib import suppress
from pathlib import Path

import pytest

from eventhook_conformance.engine import loop_watchdog as watchdog
from eventhook_conformance.engine.loop_watchdog import LoopBlocked, Watchdog, starved_s

LIMIT_S = 0.2


def sleep(for_s: float) -> None:
    """Blocks the event loop, as a careless target does."""
    time.sleep(for_s)


def block(for_s: float) -> str:
    """Blocks a watched loop for so long; where, if the alarm came."""
    dog = Watchdog(LIMIT_S)

    async def watched() -> None:
        with dog.watching():
            await asyncio.sleep(0)
            with suppress(LoopBlocked):
                sleep(for_s)

    asyncio.run(watched())
    return dog.take() or ""


def starving(monkeypatch: pytest.MonkeyPatch, *seconds: float) -> None:
    """Makes the system give these answers in turn; the last one stays."""
    told = [*seconds]

    def tell() -> float:
        return told.pop(0) if len(told) > 1 else told[0]

    monkeypatch.setattr(watchdog, "starved_s", tell)


def test_a_blocked_loop_is_interrupted() -> None:
    assert "sleep" in block(30.0)


def test_waiting_for_a_processor_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    starving(monkeypatch, 0.0, LIMIT_S * 5)
    assert block(LIMIT_S * 2) == ""


def test_a_loop_that_stays_blocked_is_interrupted_after_that(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    starving(monkeypatch, 0.0, LIMIT_S * 2)
    began = time.monotonic()
    assert "sleep" in block(30.0)
    assert time.monotonic() - began >= LIMIT_S * 3


def test_what_the_suite_makes_is_no_block_of_the_target(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchdog, "_MAKING", frozenset({__file__}))
    assert block(LIMIT_S * 2) == ""


def test_what_the_system_tells_only_rises() -> None:
    first = starved_s()
    assert 0.0 <= first <= starved_s()


def test_where_the_system_tells_nothing_all_time_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchdog, "_SCHEDULED", Path("/nowhere/at/all"))
    assert starved_s() == 0.0
    assert "sleep" in block(30.0)


def alarm(dog: Watchdog) -> None:
    """Raises the alarm now, as a foreign one may come."""
    before = signal.signal(signal.SIGALRM, dog._on_alarm)
    try:
        signal.raise_signal(signal.SIGALRM)
    finally:
        signal.signal(signal.SIGALRM, before)


def test_an_alarm_while_no_loop_is_watched_interrupts_nothing() -> None:
    dog = Watchdog(LIMIT_S)
    alarm(dog)

    async def watched() -> None:
        with dog.watching():
            await asyncio.sleep(0)
        alarm(dog)  # as one that comes between two cases

    asyncio.run(watched())
    assert dog.take() is None


def test_a_dog_that_stops_leaves_no_alarm_though_somebody_never_left_its_context() -> None:
    dog, others = Watchdog(60.0), signal.getsignal(signal.SIGALRM)

    async def watched() -> None:
        abandoned = dog.watching()
        abandoned.__enter__()
        assert signal.getsignal(signal.SIGALRM) == dog._on_alarm
        dog.stop()
        assert signal.getsignal(signal.SIGALRM) is others
        abandoned.__exit__(None, None, None)

    asyncio.run(watched())
    assert signal.getsignal(signal.SIGALRM) is others
