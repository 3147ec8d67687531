"""The shapes of traffic to measure, and how they vary. Plain data."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from eventhook_conformance.report.text import counted
from eventhook_conformance.target import Capabilities

Filter: TypeAlias = Literal["none", "workflow", "task", "type", "source"]
Dimension: TypeAlias = Literal[
    "base", "publishers", "subscribers", "tenants", "idle", "payload", "filter", "rate", "side"
]
Side: TypeAlias = Literal["events", "streams"]


@dataclass(frozen=True, kw_only=True)
class Shape:
    """One kind of traffic."""

    publishers: int = 8
    """Concurrent publishes on one client."""
    subscribers: int = 1
    """Subscriptions of each tenant that get all its events."""
    tenants: int = 1
    """Tenants (or streams), each with its share of the events."""
    idle: int = 0
    """Subscriptions that match nothing: half of other tenants, half on other workflows."""
    payload: int = 256
    """Bytes of text in each event's data."""
    filter: Filter = "none"
    """The filter of every pattern; each event passes it."""
    side: Side = "events"

    def __str__(self) -> str:
        parts = [
            counted(self.publishers, "publisher"),
            counted(self.subscribers, "subscriber"),
            counted(self.tenants, "tenant" if self.side == "events" else "stream"),
            f"{self.payload} bytes of payload",
        ]
        return ", ".join(parts)

    @property
    def subscriptions(self) -> int:
        """Returns the number of open subscriptions."""
        return self.subscribers * self.tenants + self.idle


@dataclass(frozen=True)
class Point:
    """One shape, as one value of one dimension; `base` belongs to every dimension."""

    dimension: Dimension
    value: int | str
    shape: Shape
    rate: float
    """Events a second in the open loop, at most."""
    closed: bool = True
    """True if its throughput is measured too."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The plan of a bench, without the targets."""

    rounds: int = 3
    seconds: float | None = None
    """The seconds for everything, roughly; None: a fixed time for each target."""
    target_seconds: float = 15.0
    duration_s: float | None = None
    """The seconds of each measurement, roughly; the base takes four times as long. None: divided."""
    rate: float = 2000.0
    """Events a second in the open loop; less if a target cannot keep up."""
    sweeps: dict[Dimension, tuple[int | str, ...]] = dataclasses.field(
        default_factory=lambda: dict(SWEEPS)
    )
    memory_subscriptions: int = 500
    wait_s: float = 3.0
    """The timeout for events that must come."""

    def seconds_for(self, targets: int) -> float:
        """Returns the seconds for everything."""
        return self.target_seconds * targets if self.seconds is None else self.seconds

    def points(self, sides: Sequence[str], most_subscriptions: int) -> list[Point]:
        """Returns the base, then each dimension, without points that no target can be asked for."""
        side: Side = "events" if "events" in sides else "streams"
        return list(self._points(Shape(side=side), sides, most_subscriptions))

    def _points(self, base: Shape, sides: Sequence[str], most: int) -> Iterator[Point]:
        yield Point("base", "", base, self.rate)
        for dimension, values in self.sweeps.items():
            for value in values:
                if dimension == "rate":
                    yield Point("rate", value, base, float(value), closed=False)
                    continue
                members: dict[str, Any] = {dimension: value}
                shape = dataclasses.replace(base, **members)
                if shape == base or shape.subscriptions > most or shape.side not in sides:
                    continue
                if base.side == "streams" and (dimension == "filter" or shape.idle):
                    continue
                yield Point(dimension, value, shape, self.rate)

    def to_dict(self, targets: int) -> dict[str, Any]:
        """Returns the JSON form for a number of targets."""
        return {
            "rounds": self.rounds,
            "seconds": self.seconds_for(targets) if self.duration_s is None else None,
            "duration_s": self.duration_s,
            "rate": self.rate,
            "sweeps": {name: list(values) for name, values in self.sweeps.items()},
            "memory_subscriptions": self.memory_subscriptions,
            "wait_s": self.wait_s,
        }


SWEEPS: Final[dict[Dimension, tuple[int | str, ...]]] = {
    "publishers": (1, 8, 64),
    "subscribers": (1, 10, 100),
    "tenants": (1, 10, 100),
    "idle": (10, 100, 900),
    "payload": (256, 2048, 16384),
    "filter": ("workflow", "type", "source"),
    "side": ("streams",),
    "rate": (500, 8000),
}
QUICK: Final[dict[Dimension, tuple[int | str, ...]]] = {
    "publishers": (1, 8, 64),
    "subscribers": (1, 10, 100),
    "payload": (256, 2048, 16384),
}

TITLES: Final[dict[Dimension, str]] = {
    "base": "base",
    "publishers": "publishers",
    "subscribers": "subscribers",
    "tenants": "tenants",
    "idle": "idle subscriptions",
    "payload": "payload bytes",
    "filter": "filter",
    "side": "side",
    "rate": "events/s offered",
}


def quick_plan(**changes: Any) -> Plan:
    """Returns a plan of a few seconds: fewer dimensions, one round."""
    return dataclasses.replace(
        Plan(rounds=1, target_seconds=4.0, sweeps=dict(QUICK), memory_subscriptions=200),
        **changes,
    )


def base_value(dimension: Dimension, base: Shape, rate: float) -> int | str:
    """Returns the value of the base in a dimension."""
    value: int | str = int(rate) if dimension == "rate" else getattr(base, dimension)
    return value


def block(capabilities: Capabilities, shape: Shape) -> int:
    """Returns the number of events in a block of the closed loop.

    At most two blocks are unread; the checker, which counts overflow generously, may count four. That must
    stay below the claimed capacity, or a loss would pass for a lawful overflow.
    """
    events = shape.side == "events"
    capacity = capabilities.event_capacity if events else capabilities.stream_capacity
    if capabilities.overflow_scope == "tenant":
        capacity = max(1, capacity // shape.tenants)
    return max(1, min(capacity // 8, 256 // shape.tenants)) * shape.tenants
