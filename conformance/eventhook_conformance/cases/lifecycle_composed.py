"""LIF: plays composed scenarios, of every kind of step, and judges them like the written ones."""

from __future__ import annotations

import pytest

from eventhook_conformance.cases._lifecycle import play_interleaved
from eventhook_conformance.cases._lifecycle_exact import (
    EVERY_RUN,
    EXACT,
    charged_when_aborted,
    judge_exactly,
    runs_of,
)
from eventhook_conformance.cases._lifecycle_watch import Watch
from eventhook_conformance.probe import NotOffered, Probe
from eventhook_conformance.programs import BreakingProgram, Program, search
from eventhook_conformance.sequences import CORNERS, compose, interleavings, runs
from eventhook_conformance.specification import case


@pytest.mark.parametrize("corner", CORNERS)
@case(*EXACT, *EVERY_RUN, since="1.1")
async def corner_tells_exactly_its_own(probe: Probe, corner: str) -> None:
    """Plays a chosen composition for two tenants in lockstep: each gets exactly its own events."""
    await _play(probe, CORNERS[corner])


@case(*EXACT, *EVERY_RUN, since="1.1", self_contained=True)
async def composed_runs_tell_exactly_their_own(probe: Probe) -> None:
    """Plays compositions drawn by the seed for two tenants in lockstep: each gets its own events only."""
    refused: list[NotOffered] = []

    async def attempt(program: Program) -> BreakingProgram:
        async def play(apart: Probe) -> None:
            try:
                await _play(apart, program)
            except NotOffered as reason:
                refused.append(reason)

        return BreakingProgram(program, *await probe.apart(play))

    breach = await search(
        attempt,
        seed=probe.settings.seed,
        examples=max(1, 2 * probe.settings.examples),
        limit_s=probe.settings.search_s,
        shrink_s=probe.settings.shrink_s,
        strategy=runs,
    )
    if breach is not None:
        probe.adopt(None, breach.history, breach.violations)
    elif refused:
        raise refused[0]


async def _play(probe: Probe, program: Program) -> None:
    watch = Watch()
    played = runs_of(compose(program), 2)
    schedule, _ = interleavings(played[0].steps, len(played))
    with charged_when_aborted(probe, "LIF-17"):
        plays = await play_interleaved(probe, played, schedule, watch=watch)
    judge_exactly(probe, plays, watch)
