"""Draws programs by swarm testing: each has its own weights, so that some are all cleanup, some all crowds.

With equal weights for all operations, hardly any program does one thing often enough to fill or wear out
something, and hardly any does without the operations that would heal it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from random import Random
from typing import Any, Final

from eventhook_conformance.programs.steps import COSTLY, NARROW, OPERATIONS, WIDE, YIELDS

SWARMS: Final = 256
"""Different sets of weights."""
_LONGEST: Final = 24
_LENGTHS: Final = (6, 12, 24, 40)
_BASIS: Final = ("subscribe", "match", "listen", "publish", "stream", "read", "fence")
_THEMES: Final[tuple[tuple[str, ...], ...]] = (
    ("cleanup", "unheard", "leave", "crowd", "subscribe", "listen", "fence"),
    ("crowd", "rows", "unheard", "world", "close"),
    ("cancel-read", "cancel-enter", "cancel-publish", "cancel-stream", "publish", "stream"),
    ("refuse", "refuse-value", "refuse-pattern", "publish", "stream"),
    ("close", "close-full", "guest", "chain", "stream", "publish"),
    ("overrun", "run", "burst", "stream-burst", "drain"),
    ("match", "world", "publish", "chain", "subscribe"),
    ("same-again", "size", "reuse", "ahead", "world"),
    ("idle", "publish", "stream", "ahead", "leave", "again"),
    ("burst", "stream-burst", "chain", "stream", "drain", "leave", "raise", "again"),
)
_STRONG: Final = 8
_EVERY: Final = 4


def narrow_programs() -> Any:
    """Returns the strategy of version 1.0 of the specification: equal weights, and few operations."""
    from hypothesis import strategies as st

    return st.lists(_steps(dict.fromkeys(NARROW, 1)), max_size=_LONGEST).map(tuple)


def wide_programs() -> Any:
    """Returns the strategy that draws the weights first, and then the steps."""
    from hypothesis import strategies as st

    return st.integers(0, SWARMS - 1).flatmap(_programs_of)


@lru_cache(maxsize=SWARMS)
def _programs_of(swarm: int) -> Any:
    from hypothesis import strategies as st

    longest = _LENGTHS[Random(swarm).randrange(len(_LENGTHS))]
    return st.lists(_steps(weights(swarm)), min_size=0, max_size=longest).map(tuple)


def weights(swarm: int) -> Mapping[str, int]:
    """Returns how often each operation is drawn; one that is missing never is.

    Each fourth has all that is cheap; the others some of it, and most of them a theme besides.
    """
    random = Random(swarm)
    cheap = {**NARROW, **WIDE}
    if swarm % _EVERY == 0:
        return dict.fromkeys(cheap, 1)
    chosen = {name: random.randint(1, 3) for name in cheap if random.random() < 0.4}
    chosen |= {name: 2 for name in _BASIS if random.random() < 0.8}
    theme = _THEMES[random.randrange(len(_THEMES))]
    for name in theme:
        chosen[name] = 1 if name in COSTLY else _STRONG
    return chosen


def _steps(chosen: Mapping[str, int]) -> Any:
    from hypothesis import strategies as st

    one = {
        name: st.tuples(st.just(name), *(st.integers(0, n - 1) for n in OPERATIONS[name]))
        for name in chosen
    }
    plain = st.sampled_from([name for name, weight in chosen.items() for _ in range(weight)])
    step = plain.flatmap(one.__getitem__)
    together = st.tuples(st.just("together"), st.integers(0, YIELDS - 1), step, step)
    return st.integers(0, 3).flatmap(lambda kind: together if kind == 3 else step)
