"""Random programs: their form, the search and its shrinking, playing, saving, replaying."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from eventhook_conformance.cases import catalog
from eventhook_conformance.checker import Violation
from eventhook_conformance.engine.runner import judge
from eventhook_conformance.history import History
from eventhook_conformance.programs import (
    RANDOM_CASE,
    BreakingProgram,
    Program,
    check_program,
    draw_program,
    load_program,
    save_program,
    search_drawn,
)
from eventhook_conformance.results import CaseResult
from eventhook_conformance.selftest.examine import registered_mutants
from eventhook_conformance.settings import Settings
from eventhook_reference.memory import target as memory
from eventhook_reference.mutants.base import pliable_target

RANDOM = [catalog()[RANDOM_CASE]]
QUICK = Settings(arrival_timeout_s=0.3, settle_s=0.0, examples=400)


def breach(program: Program, *, broken: bool) -> BreakingProgram:
    violation = Violation("failed", ("PUB-01",), "nothing", "something")
    return BreakingProgram(program, History(), (violation,) if broken else ())


async def find(broken: Any, **options: Any) -> tuple[BreakingProgram | None, list[Program]]:
    tried: list[Program] = []

    async def attempt(program: Program) -> BreakingProgram:
        tried.append(program)
        return breach(program, broken=broken(program))

    return await search_drawn(
        attempt, **{"seed": 0, "examples": 200, "draw": draw_program, **options}
    ), tried


# The form


def test_a_program_is_read_back_from_json() -> None:
    program = (("subscribe", 0, 1, 2), ("together", 3, ("cleanup", 0), ("leave", 1)))
    assert check_program(json.loads(json.dumps(program))) == program


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("subscribe", "expected a list of steps, got 'subscribe'"),
        ([["no-such", 1]], "step 1: expected one of .*, got 'no-such'"),
        (
            [["yield", 0], ["subscribe", 0]],
            r"step 2: expected 3 numbers after subscribe, got \[0\]",
        ),
        ([["subscribe", 0, 1, "all"]], "expected 3 numbers after subscribe"),
        ([["together", "x", ["yield", 0], ["yield", 0]]], "expected a number of yields, got 'x'"),
        ([5], "step 1: expected a name and its numbers, got 5"),
    ],
)
def test_what_is_no_program_says_why(value: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_program(value)


def test_a_saved_program_is_loaded_again(tmp_path: Path) -> None:
    program: Program = (("publish", 0, 0, 0, 0, 0),)
    path = save_program(tmp_path / "deep", "my:bus", "random_histories::x", program)
    assert path.name == "my-bus.x.json"
    assert load_program(path) == program


@pytest.mark.parametrize("text", ["{", "[]", '{"schema": 2, "program": []}', '{"schema": 1}'])
def test_a_broken_file_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "broken.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match="expected"):
        load_program(path)


# The search


@pytest.mark.asyncio
async def test_nothing_is_found_where_nothing_is_broken() -> None:
    found, tried = await find(lambda program: False, examples=30)
    assert found is None
    assert len(tried) >= 20


@pytest.mark.asyncio
async def test_what_is_found_is_shrunk_to_the_shortest() -> None:
    def broken(program: Program) -> bool:
        return "cleanup" in [step[0] for step in program]

    found, _ = await find(broken)
    assert found is not None
    assert found.program == (("cleanup", 0),)


@pytest.mark.asyncio
async def test_the_same_seed_tries_the_same_programs() -> None:
    _, once = await find(lambda program: False, examples=20, seed=5)
    _, again = await find(lambda program: False, examples=20, seed=5)
    _, other = await find(lambda program: False, examples=20, seed=6)
    assert once == again
    assert once != other


@pytest.mark.asyncio
async def test_a_breach_that_does_not_come_twice_is_kept() -> None:
    came: list[Program] = []

    def broken(program: Program) -> bool:
        came.append(program)
        return len(came) == 7

    found, _ = await find(broken)
    assert found is not None


@pytest.mark.asyncio
async def test_the_search_ends_in_time() -> None:
    _, tried = await find(lambda program: False, examples=100_000, limit_s=0.0)
    assert len(tried) <= 200


# Playing


@pytest.mark.parametrize("target", [memory, pliable_target("pliable")], ids=lambda one: one.name)
def test_a_correct_bus_passes(target: Any) -> None:
    (result,) = judge(target, replace(QUICK, examples=60), RANDOM).cases
    assert result.outcome == "passed", result.message


def judged(mutant: str, settings: Settings = QUICK) -> CaseResult:
    (result,) = judge(registered_mutants()[mutant].target(), settings, RANDOM).cases
    return result


@pytest.mark.parametrize(
    ("mutant", "charged"),
    [
        ("swallows-the-first", "PUB-04"),
        ("retains-the-last", "PUB-05"),
        ("finds-workflows-by-id-alone", "TEN-01"),
    ],
)
def test_a_broken_bus_is_found_and_the_history_is_short(mutant: str, charged: str) -> None:
    result = judged(mutant)
    assert result.outcome == "failed"
    assert charged in {one for v in result.violations for one in v.requirements}
    assert len(result.program) <= 3


def test_what_was_found_fails_again_when_played_again(tmp_path: Path) -> None:
    first = judged("retains-the-last", replace(QUICK, failures=tmp_path))
    assert first.saved is not None
    program = load_program(Path(first.saved))
    again = judged("retains-the-last", replace(QUICK, replay=program))
    assert again.outcome == "failed"
    (result,) = judge(memory, Settings(replay=program), RANDOM).cases
    assert result.outcome == "passed"
