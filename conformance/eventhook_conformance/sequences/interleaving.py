"""Schedules for several runs of one scenario in one engine, generated from its steps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

RUNS: Final = 3
"""Each site is passed by a run that began earlier and by one that began later than the one between."""


@dataclass(frozen=True)
class Round:
    """One step, taken by every run before any run takes the next one."""

    step: str
    order: tuple[int, ...]
    """The runs by number, in the order in which they take the step."""
    at_once: bool
    """True if they take it at the same time; their publishes then interleave."""


def interleavings(steps: Sequence[str], runs: int = RUNS) -> Iterator[tuple[Round, ...]]:
    """Yields pairs of schedules in lockstep.

    In the first, the run that began first takes each step first, and ends first; in the second, it
    takes each step last, and ends last. A step that is taken in turn by one schedule is taken at
    the same time by the other.

    Args:
        steps: the names of the scenario's steps, in order.
        runs: how many runs take them.
    """
    forward = tuple(range(runs))
    for parity, order in enumerate((forward, forward[::-1])):
        yield tuple(
            Round(step, order, at_once=place % 2 == parity) for place, step in enumerate(steps)
        )
