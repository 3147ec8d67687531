"""Swarm weights: programs differ in kind, and every operation comes up in some of them."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest

from eventhook_conformance.history import History
from eventhook_conformance.programs import (
    BreakingProgram,
    Program,
    check_program,
    draw_program,
    narrow_programs,
    search,
)
from eventhook_conformance.programs.draw import draw_weights
from eventhook_conformance.programs.steps import COSTLY, NARROW, OPERATIONS
from eventhook_conformance.programs.values import draw_value

PROGRAMS = [draw_program(Random(number)) for number in range(600)]


def names(*programs: Program) -> list[str]:
    steps = [step for program in programs for step in program]
    steps += [inner for step in steps if step[0] == "together" for inner in step[2:]]
    return [step[0] for step in steps if step[0] != "together"]


def test_every_program_is_one_that_can_be_read_back() -> None:
    for program in PROGRAMS:
        assert check_program(json.loads(json.dumps(program))) == program


def test_every_operation_is_drawn_in_some_programs_and_missing_in_most() -> None:
    for name in OPERATIONS:
        having = sum(name in names(program) for program in PROGRAMS)
        assert 0 < having < len(PROGRAMS) / 2, name


def test_some_programs_are_mostly_of_one_kind() -> None:
    swarms = [draw_weights(Random(number)) for number in range(300)]
    for name in ("cleanup", "crowd", "cancel-read", "refuse-value", "close-full"):
        assert any(swarm.get(name, 0) * 9 > sum(swarm.values()) for swarm in swarms), name


def test_a_program_has_no_more_than_one_costly_step() -> None:
    for program in PROGRAMS:
        assert sum(name in COSTLY for name in names(program)) <= 1


@pytest.mark.asyncio
async def test_the_first_version_draws_the_operations_that_it_had() -> None:
    tried: list[Program] = []

    async def attempt(program: Program) -> BreakingProgram:
        tried.append(program)
        return BreakingProgram(program, History(), ())

    await search(attempt, seed=0, examples=60, strategy=narrow_programs)
    assert set(names(*tried)) <= set(NARROW)
    assert len(set(names(*tried))) > len(NARROW) / 2


def kinds(value: Any) -> set[type]:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return {type(value)}.union(*(kinds(one) for one in inner))


def test_values_are_json_of_every_kind() -> None:
    values = [draw_value(Random(number)) for number in range(300)]
    assert set.union(*map(kinds, values)) == {dict, list, str, int, float, bool, type(None)}
    for value in values:
        assert json.loads(json.dumps(value, allow_nan=False)) == value
        json.dumps(value, ensure_ascii=False).encode()
