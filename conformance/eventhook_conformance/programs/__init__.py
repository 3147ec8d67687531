"""Draws, shrinks, saves and plays programs: steps of a bus's clients as data."""

from eventhook_conformance.programs.draw import draw_program, narrow_programs
from eventhook_conformance.programs.play import Player, play
from eventhook_conformance.programs.saved import (
    RANDOM_CASE,
    RANDOM_CASES,
    load_program,
    save_program,
)
from eventhook_conformance.programs.search import BreakingProgram, search, search_drawn
from eventhook_conformance.programs.steps import OPERATIONS, Program, Step, check_program

__all__ = [
    "OPERATIONS",
    "RANDOM_CASE",
    "RANDOM_CASES",
    "BreakingProgram",
    "Player",
    "Program",
    "Step",
    "check_program",
    "draw_program",
    "load_program",
    "narrow_programs",
    "play",
    "save_program",
    "search",
    "search_drawn",
]
