"""The whole bench: several targets in turn, point by point, round by round."""

from __future__ import annotations

import gc
import math
import os
import platform
import time
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from typing import Final

from eventhook_conformance.bench.account import place_of
from eventhook_conformance.bench.result import BenchResult, Measure, Open
from eventhook_conformance.bench.session import Part, Session
from eventhook_conformance.bench.shape import Plan, Point, block
from eventhook_conformance.bench.subject import Subject
from eventhook_conformance.bench.traffic import Even
from eventhook_conformance.clients import TargetUnusable
from eventhook_conformance.probe.held import Held
from eventhook_conformance.target import Target

Watch = Callable[[str, int, int], None]
"""Told what is going on, and how many steps of how many are done."""

_PILOT: Final = 64
_MOST_EVENTS: Final = 100_000
_MOST_DELIVERIES: Final = 200_000
_BASE_FACTOR: Final = 4
_LOAD: Final = 0.5
"""The open loop asks for this part of what the slowest target can do at most: beyond, queues grow
without end, and their length says nothing but how long one looked."""


async def bench(targets: Mapping[str, Target], plan: Plan, watch: Watch) -> BenchResult:
    """Measures targets side by side.

    Raises:
        TargetUnusable: one of them cannot be opened, entered or published to; names it.
    """
    began, where = time.perf_counter(), machine()
    async with AsyncExitStack() as stack:
        subjects = []
        for name, target in targets.items():
            watch(f"{name}: opening", 0, 1)
            subject = Subject(name, target, plan.wait_s)
            stack.push_async_callback(subject.close)
            try:
                await subject.open()
                watch(f"{name}: checking each delivery", 0, 1)
                await subject.check()
            except TargetUnusable as error:
                raise TargetUnusable(f"target {name!r}: {error}") from error
            subjects.append(subject)
        await _Bench(subjects, plan, watch).run()
    return BenchResult(
        plan=plan,
        results=[one.result for one in subjects],
        machine=where,
        duration_s=time.perf_counter() - began,
    )


def machine() -> str:
    """Where the numbers hold, and how busy it was before."""
    return (
        f"{platform.python_implementation()} {platform.python_version()}, "
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors, "
        f"load {os.getloadavg()[0]:.1f} before"
    )


class _Bench:
    def __init__(self, subjects: list[Subject], plan: Plan, watch: Watch) -> None:
        self._subjects = subjects
        self._plan = plan
        self._watch = watch
        self._rates: dict[Point, float] = {}
        claims = [one.capabilities for one in subjects]
        shared = frozenset.intersection(*[frozenset(one.profiles) for one in claims])
        self._points = plan.points(sorted(shared), min(one.max_subscriptions for one in claims))

    async def run(self) -> None:
        total = self._plan.rounds * len(self._points)
        # First, while no process has room left over from greater load.
        self._watch("memory of subscriptions", 0, total)
        for subject in self._subjects:
            if subject.alive:
                await subject.weigh(self._plan.memory_subscriptions)
        for number in range(self._plan.rounds):
            # Each begins a round in turn: whoever comes first finds the machine otherwise.
            turn = number % len(self._subjects)
            order = [*self._subjects[turn:], *self._subjects[:turn]]
            for place, point in enumerate(self._points):
                where = f"{point.dimension} {point.value}".strip()
                self._watch(
                    f"round {number + 1} of {self._plan.rounds}: {where}",
                    number * len(self._points) + place,
                    total,
                )
                await self._measure(point, [one for one in order if one.alive])

    async def _measure(self, point: Point, subjects: list[Subject]) -> None:
        opened: list[tuple[Subject, Held[Session], Session]] = []
        gc.collect()  # of the point before, which is no cost of this one
        try:
            for subject in subjects:
                if point.shape.payload + 512 <= subject.capabilities.max_event_bytes:
                    entered = await subject.enter(Even(point.shape))
                    opened += [(subject, *entered)] if entered else []
            for subject, _, session in opened:
                if point.closed:
                    await self._closed(subject, session, point)
            for subject, _, session in opened:
                if subject.alive:
                    await self._open(subject, session, point)
        finally:
            for subject, held, session in opened:
                await subject.leave(held, session)

    async def _closed(self, subject: Subject, session: Session, point: Point) -> None:
        shape, measure = point.shape, subject.measure(point)
        size = block(subject.capabilities, shape)
        pilot = await subject.bounded(
            lambda: session.closed(_PILOT, shape.publishers, size), session
        )
        if pilot is None:
            return
        if not pilot.complete:
            await subject.stalled()
            return
        speed = measure.throughputs[-1] if measure.throughputs else pilot.events / pilot.duration_s
        most = min(_MOST_EVENTS, _MOST_DELIVERIES // shape.subscribers)
        events = min(most, max(_PILOT, int(speed * self._duration_s(point))))
        part = await subject.bounded(
            lambda: session.closed(events, shape.publishers, size), session
        )
        if part is None:
            return
        if not part.complete:
            await subject.stalled()
        else:
            measure.throughputs.append(part.events / part.duration_s)

    async def _open(self, subject: Subject, session: Session, point: Point) -> None:
        rate = self._rate(point)
        events = max(20, int(rate * self._duration_s(point)))
        part = await subject.bounded(
            lambda: session.open(events, point.shape.publishers, rate), session
        )
        if part is not None:
            subject.measure(point).opens.append(_opened(session, part, rate))

    def _duration_s(self, point: Point) -> float:
        return self._plan.duration_s * (_BASE_FACTOR if point.dimension == "base" else 1)

    def _rate(self, point: Point) -> float:
        """The same for all targets and rounds, settled when all were measured in the closed loop."""
        if point not in self._rates:
            measures: list[Measure | None] = [
                one.result.measures.get(point) for one in self._subjects
            ]
            speeds = [one.throughputs[-1] for one in measures if one and one.throughputs]
            self._rates[point] = min([point.rate, *(_LOAD * speed for speed in speeds)])
        return self._rates[point]


def _opened(session: Session, part: Part, rate: float) -> Open:
    """The latency of every delivery that was owed, from the moment its event was due."""
    latencies: list[float] = []
    base, sent = session.traffic.base, session.sent
    until = part.first + part.events
    tenants = {one.selects for one in session.readers}
    owed = part.events * len(session.readers) // max(1, len(tenants))
    for reader, before in zip(session.readers, part.read_before, strict=True):
        for event, stamp in zip(reader.got[before:], reader.stamps[before:], strict=True):
            place = place_of(event, sent, base)
            if part.first <= place < until:
                latencies.append((stamp - part.due[place - part.first]) / 1e3)
    latencies += [math.inf] * (owed - len(latencies))
    calls = [one.called for one in sent[part.first : until] if one.called]
    took = (max(calls) - part.due[0]) / 1e9 if calls else math.inf
    return Open(rate, (len(calls) - 1) / took if took > 0 else 0.0, sorted(latencies))
