"""The events that the engine publishes during a run; progress, reports and pytest subscribe.

A result never changes after it was announced, but by a `ResultRevised`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from eventhook_conformance.results import CaseResult, RunResult

INTERRUPTED: Final = "interrupted: what was not run is untested"
"""Why a run ended early that its user interrupted."""


@dataclass(frozen=True)
class RunStarted:
    """A target is opened next."""

    run: str
    """The target, as the user named it."""
    cases: int
    """How many cases apply to it."""


@dataclass(frozen=True)
class CaseStarted:
    """A case begins; it may begin again, where another disturbed it."""

    run: str
    case: str
    """Its ID."""


@dataclass(frozen=True)
class CaseGoesOn:
    """A case takes long, and its target still works."""

    run: str
    case: str
    """Its ID."""


@dataclass(frozen=True)
class CaseFinished:
    """One more case has a result."""

    run: str
    result: CaseResult


@dataclass(frozen=True)
class ResultRevised:
    """An audit found late arrivals: they change the result of a finished case."""

    run: str
    before: CaseResult
    after: CaseResult


@dataclass(frozen=True)
class RunFinished:
    """The run is judged, and all its clients are closed."""

    run: str
    result: RunResult


EngineEvent: TypeAlias = (
    RunStarted | CaseStarted | CaseGoesOn | CaseFinished | ResultRevised | RunFinished
)
EventSubscriber: TypeAlias = Callable[[EngineEvent], None]
