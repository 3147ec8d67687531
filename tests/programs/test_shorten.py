"""Shorter programs: each leaves something out or is plainer, and all that a breach needs not goes."""

from __future__ import annotations

from eventhook_conformance.programs import Program, check_program
from eventhook_conformance.programs.shorten import shorter_programs

PROGRAM: Program = (
    ("subscribe", 1, 0, 3),
    ("together", 2, ("cleanup", 1), ("publish", 0, 1, 2, 0, 1)),
    ("yield", 0),
)


def weight(program: Program) -> tuple[int, int]:
    flat = [number for step in program for number in _numbers(step)]
    return len(str(program).split("(")), sum(flat)


def _numbers(step: tuple[object, ...]) -> list[int]:
    inner = [number for one in step if isinstance(one, tuple) for number in _numbers(one)]
    return [one for one in step if isinstance(one, int)] + inner


def test_each_is_a_program_and_less_than_the_one_given() -> None:
    for program in shorter_programs(PROGRAM):
        assert check_program(program) == program
        assert weight(program) < weight(PROGRAM)


def test_the_first_leaves_out_everything() -> None:
    assert next(shorter_programs(PROGRAM)) == ()


def test_one_after_the_other_leads_to_what_it_takes() -> None:
    def breaks(program: Program) -> bool:
        return "cleanup" in str(program)

    program = PROGRAM
    while (shorter := next(filter(breaks, shorter_programs(program)), None)) is not None:
        program = shorter
    assert program == (("cleanup", 0),)
