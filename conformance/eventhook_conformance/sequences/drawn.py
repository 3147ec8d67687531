"""Chooses composed runs: a few by hand, and any number that a search draws."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from eventhook_conformance.sequences.composed import (
    BESIDE,
    OUTPUT,
    RETRIED,
    VALUES,
    Block,
    Body,
    Run,
)

_WAITS: Final[Body] = ((("signal",),), False)
_FAILS: Final[Body] = ((), True)
_FALSY: Final = range(4)
_ODD: Final = range(len(VALUES) - 8, len(VALUES))
_UNTIMED: Final = ("child", "promise", "task")
"""The kinds of things that may happen in any order; timers are due in one."""


def _run(*blocks: Block, fails: bool = False, cut: int | None = None) -> Run:
    return ("workflow", (blocks, fails), cut)


CORNERS: Final[Mapping[str, Run]] = {
    # Values that a careless server takes for none.
    "falsy results": _run(("promises", *_FALSY), *(("operation", value) for value in _FALSY)),
    "falsy state": _run(("state", *_FALSY), *(("cleared", value) for value in _FALSY)),
    # Values that a careless server trims, cuts, normalises or converts.
    "odd results": _run(("promises", *_ODD), *(("operation", value) for value in _ODD)),
    "odd state": _run(("state", *_ODD), ("cleared", _ODD[0])),
    # Values that a careless server merges with the ones before.
    "state of one shape": _run(("state", 4, 8, 4), ("state", 9, 10, 9), ("state", 7, 7, 5, 5)),
    "newest first": _run(*(("reversed", kind, 3) for kind in _UNTIMED)),
    "long delay": _run(("distant",), ("signal",)),
    "not awaited": _run(*(("beside", kind) for kind in sorted(BESIDE))),
    "promises of each outcome": _run(("promises", 5, -1, 6, -1)),
    **{
        f"{kind} with others between": _run(*(("between", kind, other) for other in sorted(BESIDE)))
        for kind in sorted(BESIDE)
    },
    "timers due together": _run(("simultaneous", 2), ("simultaneous", 4)),
    "signals that nobody awaits": _run(*(("stray", kind) for kind in sorted(BESIDE))),
    "reported again": _run(*(("late", kind) for kind in sorted(BESIDE))),
    "reported otherwise": _run(("contrary",)),
    "signals of one name": _run(("signals", 3)),
    "output of a task": ("task", (1, 1, len(OUTPUT), False)),
    "output of two tasks": _run(("tasks", (0, 0, len(OUTPUT), False), (1, 1, len(OUTPUT), False))),
    "failed children": _run(("children", _FAILS, _WAITS), ("abandoned", _FAILS, 2)),
    "cancelled children": _run(("cancelled_child", True), ("cancelled_child", False)),
    "tried again beside failed tasks": _run(
        ("tasks", (0, 1, 0, False), (1, 0, 0, False)), fails=True, cut=RETRIED
    ),
    "cancelled with grandchildren": _run(
        ("children", ((("children", _WAITS, _WAITS),), False), _WAITS), cut=15
    ),
    "cancelled when a child is over": _run(("children", _FAILS, _WAITS), cut=7),
    "cancelled when a task is over": _run(
        ("tasks", (0, 1, 0, False)), ("timers", True, True), cut=7
    ),
}
"""Runs that are chosen by hand, each by its name."""


def runs() -> Any:
    """Returns the strategy that draws runs. Imports hypothesis here: that takes a tenth of a second."""
    from hypothesis import strategies as st

    small, value = st.integers(0, 2), st.integers(0, len(VALUES) - 1)
    task = st.tuples(small, st.integers(0, 3), st.integers(0, len(OUTPUT)), st.booleans())

    def several(kind: str, choices: Any, most: int = 2) -> Any:
        listed = st.lists(choices, min_size=1, max_size=most)
        return listed.map(lambda chosen: (kind, *chosen))

    plain = st.one_of(
        several("tasks", task, 3),
        several("timers", st.booleans()),
        several("promises", st.integers(-1, len(VALUES) - 1)),
        st.just(("signal",)),
        st.tuples(st.just("operation"), value),
        several("state", value),
        st.tuples(st.just("retried"), st.integers(1, 2)),
        st.tuples(st.just("cleared"), value),
        st.just(("contrary",)),
        st.tuples(st.just("signals"), st.integers(2, 3)),
        st.tuples(st.sampled_from(["beside", "late", "stray"]), st.sampled_from(sorted(BESIDE))),
        st.tuples(st.just("between"), *(st.sampled_from(sorted(BESIDE)) for _ in range(2))),
        st.tuples(st.just("simultaneous"), st.integers(2, 4)),
        st.tuples(st.just("reversed"), st.sampled_from(_UNTIMED), st.integers(2, 3)),
    )

    def bodies(blocks: Any, least: int) -> Any:
        return st.tuples(st.lists(blocks, min_size=least, max_size=4).map(tuple), st.booleans())

    child = bodies(plain, 0)
    nested = st.one_of(
        plain,
        plain,
        several("children", child),
        st.tuples(st.just("abandoned"), child, st.integers(0, 6)),
        st.tuples(st.just("cancelled_child"), st.booleans()),
    )
    body = bodies(st.one_of(plain, several("children", bodies(nested, 0)), nested), 2)
    cut = st.one_of(st.none(), st.integers(RETRIED, 40))
    return st.one_of(
        st.tuples(st.just("workflow"), body, cut),
        st.tuples(st.just("workflow"), body, cut),
        st.tuples(st.just("task"), task),
    )
