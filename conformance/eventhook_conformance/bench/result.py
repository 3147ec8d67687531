"""The result of a bench, and its JSON form."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from eventhook_conformance.bench.delivery_check import Account
from eventhook_conformance.bench.shape import Dimension, Plan, Point, base_value
from eventhook_conformance.bench.statistics import Growth, Spread, growth, quantile
from eventhook_conformance.target import Capabilities

QUANTILES: Final = (("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999))


@dataclass
class Open:
    """One round in the open loop."""

    rate: float
    """The events a second that the schedule asked for."""
    reached: float
    """The events a second that were published."""
    latencies_us: list[float]
    """The latency of every owed delivery, rising; infinite if it never came."""


@dataclass
class Measure:
    """One point of one target, over all rounds."""

    point: Point
    throughputs: list[float] = field(default_factory=list)
    """The events a second that every reader read, for each round."""
    opens: list[Open] = field(default_factory=list)

    @property
    def throughput(self) -> Spread | None:
        return Spread.of(self.throughputs) if self.throughputs else None

    @property
    def rate(self) -> float | None:
        """Returns the rate in the open loop."""
        return self.opens[0].rate if self.opens else None

    @property
    def behind(self) -> bool:
        """True if most rounds could not keep the schedule."""
        late = sum(one.reached < 0.9 * one.rate for one in self.opens)
        return 2 * late > len(self.opens)

    def latency_us(self, q: float) -> float | None:
        """Returns a quantile over all rounds; infinite if events never came, None for too few samples."""
        return quantile(sorted(us for one in self.opens for us in one.latencies_us), q)

    def latency_rounds(self, q: float) -> list[float | None]:
        """Returns the quantile of each round."""
        return [quantile(one.latencies_us, q) for one in self.opens]


@dataclass
class Memory:
    """The memory of one open subscription."""

    subscriptions: int
    python_bytes: float | None = None
    """In this process, by tracemalloc; None if the target is not in it."""
    children_bytes: float | None = None
    """In the processes that the target started, by resident set; None if there are none."""


@dataclass
class TargetResult:
    """The result of one target."""

    name: str
    about: str
    capabilities: Capabilities
    account: Account = field(default_factory=Account)
    measures: dict[Point, Measure] = field(default_factory=dict)
    memory: Memory | None = None
    failure: str | None = None
    """Why the measurement ended early."""

    @property
    def verdict(self) -> Literal["delivers", "loses", "breaks", "fails"]:
        """Returns the verdict; the checker proved `loses` and `breaks`."""
        if self.account.lost and not self.reorders:
            return "loses"
        if self.account.violations:
            return "breaks"
        return "fails" if self.failure or self.account.errors else "delivers"

    @property
    def reorders(self) -> bool:
        """True if a publisher's order was broken: the fence may have overtaken what did not come."""
        return "PUB-06" in self.account.broken

    @property
    def reason(self) -> str:
        """Returns the verdict in one line."""
        account = self.account
        counts = f"{account.deliveries:,} deliveries"
        broken = ", ".join(account.broken)
        if account.lost and not self.reorders:
            return f"loses: {account.lost:,} of {account.owed:,} owed never came ({broken})"
        if account.violations:
            first = account.violations[0]
            return f"breaks {broken}: {first.message}"
        if self.failure or account.errors:
            return f"fails: {self.failure or account.errors[0]}"
        if account.missing:
            return f"{counts}, {account.missing:,} more overflowed as it claims"
        return f"{counts}, all as owed"

    @property
    def base(self) -> Measure | None:
        """Returns the measure with which all dimensions begin."""
        return next(
            (one for point, one in self.measures.items() if point.dimension == "base"), None
        )

    def series(self, dimension: Dimension, plan: Plan) -> list[tuple[int | str, Measure]]:
        """Returns the measures of one dimension in the order of its values, with the base."""
        base = self.base
        found: dict[int | str, Measure] = {
            point.value: one
            for point, one in self.measures.items()
            if point.dimension == dimension and (one.throughputs or one.opens)
        }
        if base is not None and (dimension != "rate" or base.rate == plan.rate):
            value = base_value(dimension, base.point.shape, plan.rate)
            found.setdefault(value, base)
        numbers = sorted(value for value in found if isinstance(value, int))
        words = sorted(
            (value for value in found if isinstance(value, str)),
            key=lambda value: found[value].point.dimension != "base",
        )
        ordered: list[int | str] = [*numbers, *words]
        return [(value, found[value]) for value in ordered]

    def growth(self, dimension: Dimension, plan: Plan) -> Growth | None:
        """Returns how the cost of an event grows along a dimension; None if nothing can be fitted."""
        points = [
            (float(value), [1 / one for one in measure.throughputs])
            for value, measure in self.series(dimension, plan)
            if isinstance(value, int) and value > 0 and measure.throughputs
        ]
        return growth([size for size, _ in points], [costs for _, costs in points])


@dataclass
class BenchResult:
    """The results of all targets, side by side."""

    plan: Plan
    results: list[TargetResult]
    machine: str
    rounds: int
    """The number of rounds for which the time was enough."""
    duration_s: float = 0.0

    @property
    def exit_code(self) -> int:
        """Returns 1 if a target lost events, broke a requirement or failed, else 0."""
        return int(any(one.verdict != "delivers" for one in self.results))

    @property
    def base(self) -> str:
        """Returns the base in words."""
        return next((str(one.base.point.shape) for one in self.results if one.base), "")

    def values(self, dimension: Dimension) -> list[int | str]:
        """Returns the measured values of a dimension: numbers by size, words in their order."""
        found = [value for one in self.results for value, _ in one.series(dimension, self.plan)]
        numbers = sorted({value for value in found if isinstance(value, int)})
        return [*numbers, *dict.fromkeys(value for value in found if isinstance(value, str))]

    @property
    def dimensions(self) -> list[Dimension]:
        """Returns the dimensions of which more than the base was measured."""
        return [
            dimension
            for dimension in self.plan.sweeps
            if any(
                point.dimension == dimension and (one.throughputs or one.opens)
                for result in self.results
                for point, one in result.measures.items()
            )
        ]

    def to_dict(self) -> dict[str, Any]:
        """Returns the JSON form."""
        return {
            "schema": 1,
            "kind": "bench",
            "machine": self.machine,
            "duration_s": round(self.duration_s, 3),
            "rounds": self.rounds,
            "plan": self.plan.to_dict(len(self.results)),
            "targets": [_target(one, self) for one in self.results],
        }


def _target(result: TargetResult, bench: BenchResult) -> dict[str, Any]:
    account, memory = result.account, result.memory
    return {
        "name": result.name,
        "about": result.about,
        "capabilities": result.capabilities.to_dict(),
        "verdict": result.verdict,
        "reason": result.reason,
        "deliveries": {
            "owed": account.owed,
            "delivered": account.deliveries,
            "missing": account.missing,
            "lost": account.lost,
            "judged": account.judged,
        },
        "violations": [
            {"requirements": list(one.requirements), "count": one.count, "message": one.message}
            for one in account.violations
        ],
        "memory": None
        if memory is None
        else {
            "subscriptions": memory.subscriptions,
            "python_bytes": memory.python_bytes,
            "children_bytes": memory.children_bytes,
        },
        "measures": [_measure(one) for one in result.measures.values()],
        "growth": {
            dimension: {"exponent": found.exponent, "least": found.least, "most": found.most}
            for dimension in bench.dimensions
            if (found := result.growth(dimension, bench.plan)) is not None
        },
    }


def _measure(measure: Measure) -> dict[str, Any]:
    shape = measure.point.shape
    throughput = measure.throughput
    return {
        "dimension": measure.point.dimension,
        "value": measure.point.value,
        "shape": {
            name: getattr(shape, name)
            for name in (
                "publishers",
                "subscribers",
                "tenants",
                "idle",
                "payload",
                "filter",
                "side",
            )
        },
        "events_per_s": None
        if throughput is None
        else {
            "median": throughput.median,
            "least": throughput.least,
            "most": throughput.most,
            "rounds": measure.throughputs,
        },
        "offered_per_s": measure.rate,
        "behind": measure.behind,
        "samples": sum(len(one.latencies_us) for one in measure.opens),
        "latency_us": {name: _finite(measure.latency_us(q)) for name, q in QUANTILES},
        "latency_us_rounds": {
            name: [_finite(one) for one in measure.latency_rounds(q)] for name, q in QUANTILES
        },
    }


def _finite(value: float | None) -> float | str | None:
    return "never" if value is not None and math.isinf(value) else value
