"""LIF: compares every member of each run's events, in both forms, with other runs beside it."""

from __future__ import annotations

from typing import Final

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
from eventhook_conformance.probe import Probe
from eventhook_conformance.sequences import covering, interleavings, scenarios
from eventhook_conformance.specification import case

_CHOSEN: Final = [name for name, one in scenarios().items() if one.since or name in covering()]
"""The scenarios with steps that occur in no other."""

_RUNS: Final = 2


@pytest.mark.parametrize("scenario", _CHOSEN)
@case(*EXACT, *EVERY_RUN, since="1.1")
async def interleaved_runs_tell_exactly_their_own(probe: Probe, scenario: str) -> None:
    """Plays runs of two tenants in lockstep, with different data: each gets exactly its own events."""
    watch = Watch()
    *_, schedule = interleavings(scenarios()[scenario].steps, _RUNS)
    runs = runs_of(scenarios()[scenario].raw, _RUNS)
    with charged_when_aborted(probe, "LIF-17"):
        plays = await play_interleaved(probe, runs, schedule, watch=watch)
    judge_exactly(probe, plays, watch)
