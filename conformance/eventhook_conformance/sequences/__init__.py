"""Judges sequences of lifecycle events against scenarios, which are data.

Pure functions over lists of events. The order is partial: only the edges of a scenario demand which
event comes first.
"""

from eventhook_conformance.sequences.check import check, check_match
from eventhook_conformance.sequences.composed import compose
from eventhook_conformance.sequences.drawn import CORNERS, runs
from eventhook_conformance.sequences.finding import SequenceViolation
from eventhook_conformance.sequences.interleaving import Round, interleavings
from eventhook_conformance.sequences.matching import Match, match
from eventhook_conformance.sequences.outages import Published, Untold
from eventhook_conformance.sequences.output import check_output
from eventhook_conformance.sequences.picture import picture
from eventhook_conformance.sequences.scenario import (
    Ids,
    Scenario,
    covering,
    exact_scenario,
    scenario_of,
    scenarios,
)
from eventhook_conformance.sequences.strays import Observed, check_strays
from eventhook_conformance.sequences.twins import Streams, check_twins, twin_in
from eventhook_conformance.sequences.varied import varied

__all__ = [
    "CORNERS",
    "Ids",
    "Match",
    "Observed",
    "Published",
    "Round",
    "Scenario",
    "SequenceViolation",
    "Streams",
    "Untold",
    "check",
    "check_match",
    "check_output",
    "check_strays",
    "check_twins",
    "compose",
    "covering",
    "exact_scenario",
    "interleavings",
    "match",
    "picture",
    "runs",
    "scenario_of",
    "scenarios",
    "twin_in",
    "varied",
]
