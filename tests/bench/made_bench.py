"""Results of a bench as the tests of its reports need them: no bus, no clock."""

from __future__ import annotations

import dataclasses
import math

from eventhook_conformance.bench.delivery_check import Account
from eventhook_conformance.bench.result import BenchResult, Measure, Memory, Open, TargetResult
from eventhook_conformance.bench.shape import Plan, Point
from eventhook_conformance.checker import Violation
from eventhook_conformance.target import Capabilities

PLAN = Plan(rounds=3, rate=1000.0)


def measure(point: Point, *, speed: float, latency_us: float, lost: int = 0) -> Measure:
    """Returns a point whose rounds differ by five percent."""
    made = Measure(point)
    if point.closed:
        made.throughputs = [speed * 0.95, speed, speed * 1.05]
    latencies = sorted([*(latency_us * (1 + one / 500) for one in range(500)), *[math.inf] * lost])
    made.opens = [Open(point.rate, point.rate, latencies) for _ in range(3)]
    return made


def target(
    name: str, *, speed: float = 100_000.0, grows: float = 1.0, lost: int = 0
) -> TargetResult:
    """Returns a target whose cost grows only with the number of subscribers, to that power."""
    made = TargetResult(name, f"{name} 1.0", Capabilities())
    for point in PLAN.points(["events", "streams"], 1000):
        made.measures[point] = measure(
            point, speed=speed / point.shape.subscribers**grows, latency_us=100.0, lost=lost
        )
    made.memory = Memory(500, python_bytes=1880.0, children_bytes=12_000.0)
    made.account = Account(deliveries=10_000, owed=10_000)
    if lost:
        made.account.missing = lost
        made.account.violations = [violation("lost", "PUB-01", lost)]
    return made


def violation(kind: str, requirement: str, count: int = 1) -> Violation:
    """Returns a breach."""
    made = Violation("lost", (requirement,), "#1 on s1", "#2 came instead", count=count)
    return dataclasses.replace(made, kind=kind)  # type: ignore[arg-type]  # because: tests name it freely


def bench(*targets: TargetResult) -> BenchResult:
    """Returns all of them side by side."""
    return BenchResult(PLAN, list(targets), "Test 3.11, 2 processors", PLAN.rounds, 12.0)
