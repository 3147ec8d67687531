"""What a run may be told, and what each setting is if it is not."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings of one run; all of them are printed with its result."""

    seed: int = 0
    """Makes the random choices of a run repeatable; tenants and keys are fresh all the same."""
    arrival_timeout_s: float = 3.0
    """How long to wait for what must come, in seconds. Only a broken target ever takes that long."""
    settle_s: float = 0.2
    """How long to listen, once, for what must not come, in seconds."""
    at_once: int | None = None
    """How many cases may run at once; None: one, or several where a round trip takes long."""
    examples: int = 10
    """How many random histories."""
    search_s: float = 60.0
    """How long to search for a random history that breaks the target, in seconds."""
    profiles: tuple[str, ...] = ()
    """The profiles to test; empty: all that the target claims."""
    selection: str | None = None
    """A `-k` expression that narrows the cases."""
    browser: bool = False
    """Whether a real browser reads too; it has to be there then."""

    replay: Any = None
    """A random program to play in place of a search, as JSON values."""
    failures: Path | None = None
    """The directory in which random programs that broke the target are saved; None: nowhere."""

    def to_dict(self) -> dict[str, Any]:
        """The JSON form, as reports carry it."""
        return {
            "seed": self.seed,
            "arrival_timeout_s": self.arrival_timeout_s,
            "settle_s": self.settle_s,
            "selection": self.selection,
            "at_once": self.at_once,
            "examples": self.examples,
            "profiles": list(self.profiles),
            "browser": self.browser,
            "replay": self.replay,
        }
