"""Runs a bench: several targets in turn, point by point, round by round."""

from __future__ import annotations

import gc
import math
import os
import platform
import time
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from typing import Final

from eventhook_conformance.bench.budget import Budget, factor
from eventhook_conformance.bench.delivery_check import place_of
from eventhook_conformance.bench.measured_target import MeasuredTarget
from eventhook_conformance.bench.recording import Part, Recording
from eventhook_conformance.bench.result import BenchResult, Measure, Open
from eventhook_conformance.bench.shape import Plan, Point, block
from eventhook_conformance.bench.traffic import Even
from eventhook_conformance.probe.client_pool import TargetUnusable
from eventhook_conformance.probe.context_task import ContextTask
from eventhook_conformance.target import Target

Watch = Callable[[str, int, int], None]
"""Takes the current activity in words, the number of steps done, and that of all steps."""

_FEW: Final = 16
_WARM_UP: Final = 0.1
"""The warm-up, as a part of the measurement that follows."""
_MOST_EVENTS: Final = 100_000
_MOST_DELIVERIES: Final = 200_000
_LOAD: Final = 0.5
"""The open loop offers at most this part of what the slowest target can do. Beyond that, queues grow
without end, and their length only shows how long one measured."""


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
            subject = MeasuredTarget(name, target, plan.wait_s)
            stack.push_async_callback(subject.close)
            try:
                await subject.open()
                watch(f"{name}: checking each delivery", 0, 1)
                await subject.check()
            except TargetUnusable as error:
                raise TargetUnusable(f"target {name!r}: {error}") from error
            subjects.append(subject)
        running = _Bench(subjects, plan, watch)
        rounds = await running.run(began)
    return BenchResult(
        plan=plan,
        results=[one.result for one in subjects],
        rounds=rounds,
        machine=where,
        duration_s=time.perf_counter() - began,
    )


def machine() -> str:
    """Returns the machine, and how busy it was before."""
    return (
        f"{platform.python_implementation()} {platform.python_version()}, "
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors, "
        f"load {os.getloadavg()[0]:.1f} before"
    )


class _Bench:
    def __init__(self, subjects: list[MeasuredTarget], plan: Plan, watch: Watch) -> None:
        self._subjects = subjects
        self._plan = plan
        self._watch = watch
        self._rates: dict[Point, float] = {}
        claims = [one.capabilities for one in subjects]
        shared = frozenset.intersection(*[frozenset(one.profiles) for one in claims])
        self._points = plan.points(sorted(shared), min(one.max_subscriptions for one in claims))

    async def run(self, began: float) -> int:
        """Measures everything. Returns the number of rounds for which the time was enough."""
        total = self._plan.rounds * len(self._points)
        # First, while no process still holds memory of a greater load.
        self._watch("memory of subscriptions", 0, total)
        for subject in self._subjects:
            if subject.alive:
                await subject.weigh(self._plan.memory_subscriptions)
        spent_s = time.perf_counter() - began
        budget = Budget(self._plan, self._points, len(self._subjects), spent_s)
        for number in range(self._plan.rounds):
            if number and not budget.another():
                return number
            # Each target begins a round in turn: the first one finds the machine in another state.
            turn = number % len(self._subjects)
            order = [*self._subjects[turn:], *self._subjects[:turn]]
            for place, point in enumerate(self._points):
                where = f"{point.dimension} {point.value}".strip()
                self._watch(
                    f"round {number + 1} of {self._plan.rounds}: {where}",
                    number * len(self._points) + place,
                    total,
                )
                start = time.perf_counter()
                length_s = budget.length_s(number, place)
                subjects = [one for one in order if one.alive]
                await self._measure(point, subjects, length_s * factor(point))
                budget.spent(place, length_s, time.perf_counter() - start)
        return self._plan.rounds

    async def _measure(self, point: Point, subjects: list[MeasuredTarget], length_s: float) -> None:
        opened: list[tuple[MeasuredTarget, ContextTask[Recording], Recording]] = []
        gc.collect()  # of the point before: it is not a cost of this one
        try:
            for subject in subjects:
                if point.shape.payload + 512 <= subject.capabilities.max_event_bytes:
                    entered = await subject.enter(Even(point.shape))
                    opened += [(subject, *entered)] if entered else []
            for subject, _, recording in opened:
                if point.closed:
                    await self._closed(subject, recording, point, length_s)
            for subject, _, recording in opened:
                if subject.alive:
                    await self._open(subject, recording, point, length_s)
        finally:
            for subject, held, recording in opened:
                await subject.leave(held, recording)

    async def _closed(
        self, subject: MeasuredTarget, recording: Recording, point: Point, length_s: float
    ) -> None:
        shape, measure = point.shape, subject.measure(point)
        size = block(subject.capabilities, shape)
        most = min(_MOST_EVENTS, _MOST_DELIVERIES // shape.subscribers)
        least = max(_FEW, shape.publishers)
        speed = measure.throughputs[-1] if measure.throughputs else None

        async def phase(events: int) -> float | None:
            """Returns the events a second; None if not all of them came."""
            part = await subject.bounded(
                lambda: recording.closed(events, shape.publishers, size), recording
            )
            if part is not None and not part.complete:
                await subject.stalled()
            return part.events / part.duration_s if part is not None and part.complete else None

        events = least if speed is None else int(speed * length_s * _WARM_UP)
        events = min(max(events, least), most)
        warm = await phase(events)
        # The first few events say little about many.
        while warm is not None and speed is None and events < min(most, warm * length_s * _WARM_UP):
            events = min(4 * events, most)
            warm = await phase(events)
        if warm is None:
            return
        events = min(max(least, int((speed or warm) * length_s)), most)
        found = await phase(events)
        if found is not None:
            measure.throughputs.append(found)

    async def _open(
        self, subject: MeasuredTarget, recording: Recording, point: Point, length_s: float
    ) -> None:
        rate = self._rate(point)
        events = max(20, int(rate * length_s))
        part = await subject.bounded(
            lambda: recording.open(events, point.shape.publishers, rate), recording
        )
        if part is not None:
            subject.measure(point).opens.append(_opened(recording, part, rate))

    def _rate(self, point: Point) -> float:
        """Returns the rate, the same for all targets and rounds, known after the closed loop."""
        if point not in self._rates:
            measures: list[Measure | None] = [
                one.result.measures.get(point) for one in self._subjects
            ]
            speeds = [one.throughputs[-1] for one in measures if one and one.throughputs]
            self._rates[point] = min([point.rate, *(_LOAD * speed for speed in speeds)])
        return self._rates[point]


def _opened(recording: Recording, part: Part, rate: float) -> Open:
    """Returns the latency of every owed delivery, from the moment its event was due."""
    latencies: list[float] = []
    base, sent = recording.traffic.base, recording.sent
    until = part.first + part.events
    tenants = {one.selects for one in recording.readers}
    owed = part.events * len(recording.readers) // max(1, len(tenants))
    for reader, before in zip(recording.readers, part.read_before, strict=True):
        for event, stamp in zip(reader.got[before:], reader.stamps[before:], strict=True):
            place = place_of(event, sent, base)
            if part.first <= place < until:
                latencies.append((stamp - part.due[place - part.first]) / 1e3)
    latencies += [math.inf] * (owed - len(latencies))
    calls = [one.called for one in sent[part.first : until] if one.called]
    took = (max(calls) - part.due[0]) / 1e9 if calls else math.inf
    return Open(rate, (len(calls) - 1) / took if took > 0 else 0.0, sorted(latencies))
