"""Swarm weights: programs differ in kind, and every operation comes up in some of them."""

from __future__ import annotations

from typing import Any

import pytest

from eventhook_conformance.history import History
from eventhook_conformance.programs import Program, narrow_programs, search, wide_programs
from eventhook_conformance.programs.draw import SWARMS, weights
from eventhook_conformance.programs.search import BreakingProgram
from eventhook_conformance.programs.steps import COSTLY, NARROW, OPERATIONS


async def drawn(strategy: Any, examples: int = 60) -> list[Program]:
    tried: list[Program] = []

    async def attempt(program: Program) -> BreakingProgram:
        tried.append(program)
        return BreakingProgram(program, History(), ())

    await search(attempt, seed=0, examples=examples, strategy=strategy)
    return tried


def names(programs: list[Program]) -> set[str]:
    steps = [step for program in programs for step in program]
    steps += [inner for step in steps if step[0] == "together" for inner in step[2:]]
    return {step[0] for step in steps} - {"together"}


def test_every_operation_has_a_weight_somewhere_and_is_missing_elsewhere() -> None:
    swarms = [weights(swarm) for swarm in range(SWARMS)]
    for name in OPERATIONS:
        having = sum(name in swarm for swarm in swarms)
        assert 0 < having < SWARMS, name


def test_some_programs_are_all_of_one_kind() -> None:
    swarms = [weights(swarm) for swarm in range(SWARMS)]
    for name in ("cleanup", "crowd", "cancel-read", "refuse-value", "close-full"):
        assert any(swarm.get(name, 0) * 12 > sum(swarm.values()) for swarm in swarms), name


def test_costly_operations_are_drawn_seldom() -> None:
    for swarm in map(weights, range(SWARMS)):
        assert sum(swarm.get(name, 0) for name in COSTLY) <= 2


@pytest.mark.asyncio
async def test_the_first_version_draws_the_operations_that_it_had() -> None:
    assert names(await drawn(narrow_programs)) <= set(NARROW)


@pytest.mark.asyncio
async def test_wide_programs_draw_more_than_those() -> None:
    assert names(await drawn(wide_programs)) - set(NARROW)
