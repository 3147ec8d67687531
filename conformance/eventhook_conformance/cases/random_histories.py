"""Runs random programs, judged by the same checker as every case."""

from __future__ import annotations

from eventhook_conformance.probe import Probe
from eventhook_conformance.programs import (
    BreakingProgram,
    Program,
    check_program,
    draw_program,
    narrow_programs,
    play,
    search,
    search_drawn,
)
from eventhook_conformance.specification import case

_CLIENTS = 2
_CROWD = 180
_SHARE = 5
_TRIPS = 20
"""The fewest round trips of a program; several times as many if channels are counted."""


@case(
    "PUB-01",
    "PUB-02",
    "PUB-03",
    "PUB-06",
    clients=_CLIENTS,
    subscriptions=_CROWD,
    self_contained=True,
)
async def no_random_history_breaks_a_rule(probe: Probe) -> None:
    """Runs random programs of subscriptions, clients and cancellations: no history may break a rule."""
    await _search(probe, probe.settings.examples, counting=False)


@case(
    "CLN-01",
    "CLN-03",
    "CLN-04",
    clients=_CLIENTS,
    subscriptions=_CROWD,
    exclusive="counts",
    self_contained=True,
)
async def no_random_history_leaves_channels_behind(probe: Probe) -> None:
    """Runs random programs with counts around each cleanup: no channel may be left over."""
    await _search(probe, max(1, probe.settings.examples // _SHARE), counting=True)


async def _search(probe: Probe, examples: int, *, counting: bool) -> None:
    async def attempt(program: Program) -> BreakingProgram:
        return BreakingProgram(
            program, *await probe.apart(lambda apart: play(apart, program, counting=counting))
        )

    settings = probe.settings
    examples = probe.distance.fit(examples, trips=3 * _TRIPS if counting else _TRIPS)
    limits = {"limit_s": settings.search_s, "shrink_s": settings.shrink_s}
    breach: BreakingProgram | None
    if settings.replay is not None:
        breach = await attempt(check_program(settings.replay))
    elif settings.specification == "1.0":
        breach = await search(
            attempt, seed=settings.seed, examples=examples, strategy=narrow_programs, **limits
        )
    else:
        breach = await search_drawn(
            attempt, seed=settings.seed, examples=examples, draw=draw_program, **limits
        )
    if breach is not None and breach.violations:
        probe.adopt(breach.program, breach.history, breach.violations)
