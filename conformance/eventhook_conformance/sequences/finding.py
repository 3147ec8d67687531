"""A breach found in a sequence of events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from eventhook_conformance.contract import FlovynEvent, StreamEvent

FindingKind: TypeAlias = Literal[
    "missing",
    "repeated",
    "extra",
    "after-end",
    "broken-edge",
    "misfiled",
    "unnamed",
    "source",
    "snapshot",
    "time",
    "twin-missing",
    "twin-repeated",
    "twin-alone",
    "twin-differs",
    "twin-named",
    "output",
    "stray",
]


@dataclass(frozen=True)
class SequenceViolation:
    """One thing that is wrong, and the requirements that it breaks."""

    kind: FindingKind
    requirements: tuple[str, ...]
    expected: str
    seen: str
    events: tuple[FlovynEvent | StreamEvent, ...] = ()
    """The observed events that show it."""
