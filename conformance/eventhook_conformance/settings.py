"""The settings of a run, and their defaults."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from eventhook_fixtures import load

# Read here, not from `specification`, which imports pytest and the checker.
_NEWEST: Final[str] = load("requirements")["specification"]

Depth: TypeAlias = Literal["quick", "normal", "deep"]
DEPTHS: Final[tuple[Depth, ...]] = ("quick", "normal", "deep")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings of one run. Reports carry all but the last two."""

    specification: str = _NEWEST
    """The version of the specification that is asked; its requirements alone are judged."""
    seed: int = 0
    """Makes the random choices of a run repeatable; tenants and keys are fresh in every run."""
    arrival_timeout_s: float = 3.0
    """Timeout: how long to wait for an event that must come, in seconds."""
    settle_s: float = 0.2
    """How long to listen, once, for events that must not come, in seconds."""
    at_once: int | None = None
    """Maximum concurrent cases; None: one, or several where a round trip takes long."""
    examples: int = 10
    """Number of random histories."""
    search_s: float = 60.0
    """How long to search for a random history that breaks the target, in seconds."""
    shrink_s: float = 15.0
    """How long to look for the shortest history that breaks it, in seconds."""
    depth: Depth = "normal"
    """How many events and how long silences cases use: quick for a first look, deep for a release."""
    profiles: tuple[str, ...] = ()
    """The profiles to test; empty: all that the target claims."""
    selection: str | None = None
    """A `-k` expression that narrows the cases."""
    cases: tuple[str, ...] | None = None
    """The IDs of the only cases to run, such as those that failed last; None: all."""
    max_failures: int | None = None
    """How many failed or undecided cases end the run; None: none do."""
    browser: bool = False
    """Read the SSE streams with a real browser too."""

    replay: Any = None
    """A random program to play instead of searching for one, as JSON values."""
    failures: Path | None = None
    """The directory for random programs that broke the target; None: they are not saved."""
    docs_url: str = ""
    """The address of the documentation's site, to which reports link requirements; empty: no links."""

    @property
    def repeat_options(self) -> str:
        """The command-line options that repeat the run with the same seed and depth."""
        seed = f"--seed {self.seed}" if self.seed else ""
        depth = f"--depth {self.depth}" if self.depth != "normal" else ""
        return " ".join(filter(None, (seed, depth)))

    def to_dict(self) -> dict[str, Any]:
        """Returns the JSON form, as reports carry it."""
        return {
            "seed": self.seed,
            "arrival_timeout_s": self.arrival_timeout_s,
            "settle_s": self.settle_s,
            "selection": self.selection,
            "at_once": self.at_once,
            "examples": self.examples,
            "depth": self.depth,
            "profiles": list(self.profiles),
            "cases": None if self.cases is None else list(self.cases),
            "max_failures": self.max_failures,
            "browser": self.browser,
            "replay": self.replay,
        }
