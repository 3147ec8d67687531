"""In which order mutants are examined: what keeps a processor busy stands between what waits."""

from __future__ import annotations

from itertools import pairwise

from eventhook_conformance.selftest.examine import mixed, registered_mutants

MUTANTS = registered_mutants()
VARIANTS = [name for name, mutant in MUTANTS.items() if not mutant.caught_by]


def test_all_are_examined_once() -> None:
    assert sorted(mixed(list(MUTANTS))) == sorted(MUTANTS)


def test_variants_begin_in_the_first_half_and_not_side_by_side() -> None:
    order = mixed(list(MUTANTS))
    places = [order.index(name) for name in VARIANTS]
    assert max(places) < len(order) / 2
    assert min(later - sooner for sooner, later in pairwise(places)) > 4


def test_any_selection_keeps_its_names() -> None:
    assert mixed([]) == []
    assert mixed(VARIANTS) == VARIANTS
    few = ["swallows-the-first", "retains-the-last"]
    assert mixed(few) == few
    assert sorted(mixed([*few, *VARIANTS])) == sorted([*few, *VARIANTS])
