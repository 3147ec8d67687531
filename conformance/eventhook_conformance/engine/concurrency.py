"""Chooses how many cases run concurrently, by a target's claims and its distance."""

from __future__ import annotations

from eventhook_conformance.engine.limits import Limits
from eventhook_conformance.target import Capabilities


def choose_concurrency(
    capabilities: Capabilities,
    round_trip_s: float,
    asked: int | None,
    limits: Limits,
    *,
    in_turn: bool = False,
) -> int:
    """Returns how many cases may run at once.

    Args:
        capabilities: the claims.
        round_trip_s: the fastest round trip that was seen, in seconds.
        asked: the user's choice; None leaves it to the round trip.
        limits: the engine's limits.
        in_turn: the target takes calls one after another.
    """
    if capabilities.overflow == "block":
        return 1  # a publisher that waits for one case's readers would hold up the others
    if capabilities.driver:
        return 1  # a crash of the driver would hit all cases, and none could be charged with it
    if asked is not None:
        return asked
    if in_turn:
        return 1  # each case would wait for the calls of all others
    return limits.concurrent_cases if round_trip_s > limits.far_s else 1


def choose_stream_concurrency(capabilities: Capabilities, asked: int | None, limits: Limits) -> int:
    """Returns how many cases of HTTP streams may run at once, however near the target is.

    Args:
        capabilities: the claims.
        asked: the user's limit, if any.
        limits: the engine's limits.
    """
    if capabilities.overflow == "block" or capabilities.driver:
        return 1
    return min(asked or limits.stream_cases, limits.stream_cases)


def choose_overlap(capabilities: Capabilities, asked: int | None, limits: Limits) -> int:
    """Returns how many cases may wait at once where they run one after another.

    Args:
        capabilities: the claims.
        asked: the user's limit, if any.
        limits: the engine's limits.
    """
    if capabilities.overflow == "block":
        return 1
    return asked or limits.concurrent_cases
