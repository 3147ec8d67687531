"""The part of a case's history that reports show: lines and diagrams, as plain values.

It crosses from the process that judged in place of the history, which may hold thousands of entries.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Weight: TypeAlias = Literal["offence", "evidence", "context"]
"""The step is the breach, shows it, or went on beside it."""

RowStyle: TypeAlias = Literal["plain", "broken", "lost", "missing", "note", "gap", "fault"]


@dataclass(frozen=True)
class Lane:
    """A vertical line: a client, the bus, or a subscription."""

    name: str
    under: str
    kind: Literal["client", "bus", "reader"]
    x: int


@dataclass(frozen=True)
class Row:
    """One step; an arrow if it goes from one lane to another."""

    y: int
    time: str
    start: int
    end: int
    label: str
    detail: str
    weight: Weight
    style: RowStyle

    @property
    def middle(self) -> float:
        """The middle of the span, where its label stands."""
        return (self.start + self.end) / 2


@dataclass(frozen=True)
class Bar:
    """The time in which a subscription was active."""

    x: int
    top: int
    bottom: int


@dataclass(frozen=True)
class Diagram:
    """A whole diagram."""

    lanes: tuple[Lane, ...]
    rows: tuple[Row, ...]
    bars: tuple[Bar, ...]
    width: int
    height: int
    notes_x: int


@dataclass(frozen=True)
class BreachEvidence:
    """The lines and the diagram that show one violation."""

    lines: tuple[str, ...]
    diagram: Diagram | None


@dataclass(frozen=True)
class Evidence:
    """The lines and diagrams that show the violations of a case."""

    length: int
    """The number of publishes, subscriptions, deliveries and waits: of two cases the shorter tells more."""
    lines: tuple[str, ...]
    """The lines of all its violations together."""
    breaches: tuple[BreachEvidence, ...]
    """One for each violation, in order."""
