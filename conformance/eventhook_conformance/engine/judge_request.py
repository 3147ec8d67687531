"""The request from a supervisor to the process that judges for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from eventhook_conformance.settings import Settings

BEAT_S: Final = 0.5
"""How often the process tells that it lives, in seconds."""
UNHEARD: Final = 97
"""The exit status of a process that cannot reach its supervisor."""


@dataclass(frozen=True, kw_only=True)
class JudgeRequest:
    """One target to judge, with its settings and cases."""

    target: str
    settings: Settings
    drawn: bool
    """The results carry diagrams."""
    argv: list[str]
    """The command line: the target's module may look at it."""
    channel: int
    """The descriptor of the socket to the supervisor."""
    stacks: int
    """The descriptor of a file for the stack of a process that crashes or has to be ended."""
    mark: bytes
    """Marks errors of the suite, not of the target."""
