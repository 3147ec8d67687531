"""The engine's own limits; tests inject others."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Bounds that no user sets. Times are in seconds."""

    open_s: float = 30.0
    """How long entering a client, a server or a service may take."""
    case_s: float = 120.0
    """How long one case may take."""
    blocked_s: float | None = None
    """How long the target may block the event loop; None: twice the arrival timeout, at least 5."""
    parked: int = 400
    """How many subscriptions of finished cases stay open, at most."""
    close_loop_s: float = 5.0
    """How long tasks may resist when the event loop is closed."""
    concurrent_cases: int = 96
    """How many cases run at once on a distant target."""
    stream_cases: int = 12
    """How many cases of HTTP streams run at once: each waits most of the time."""
    far_s: float = 0.005
    """A target with a longer round trip is distant: waiting for it takes longer than judging it."""
    shared_clients: int = 2
    """Clients that all cases share; cases may open the rest of the claimed number."""
    failures_before_check: int = 8
    """After this many failed cases in a row, check whether the target works at all; then at 16, 32, …"""
    hopeless_cases: int = 24
    hopeless_s: float = 60.0
    """This many failed cases in a row that took this long together end the run."""
    starved_s: float = 900.0
    """As many cases in a row that a busy machine left undecided end it after so long."""
    slow_cases: int = 3
    slow_s: float = 240.0
    """So do these fewer, if they took longer still."""
