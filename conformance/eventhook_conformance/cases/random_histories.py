"""Histories that nobody wrote: random programs, judged by the same checker as every case."""

from __future__ import annotations

from eventhook_conformance.probe import Probe
from eventhook_conformance.programs import BreakingProgram, Program, check_program, play, search
from eventhook_conformance.specification import case


@case("PUB-01", "PUB-02", "PUB-03", "PUB-06", clients=1, self_contained=True)
async def no_random_history_breaks_a_rule(probe: Probe) -> None:
    """Tenants, patterns, clients coming, stalling, cancelling, leaving, in any order."""

    async def attempt(program: Program) -> BreakingProgram:
        return BreakingProgram(program, *await probe.apart(lambda apart: play(apart, program)))

    if probe.settings.replay is not None:
        breach: BreakingProgram | None = await attempt(check_program(probe.settings.replay))
    else:
        settings = probe.settings
        breach = await search(
            attempt, seed=settings.seed, examples=settings.examples, limit_s=settings.search_s
        )
    if breach is not None and breach.violations:
        probe.adopt(breach.program, breach.history, breach.violations)
