"""Draws programs by swarm testing: each has weights of its own, and so a theme, such as cleanup.

With equal weights for all operations, hardly any program does one thing often enough to fill
something, and hardly any leaves out the operations that would repair it.
"""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any, Final

from eventhook_conformance.programs.steps import (
    COSTLY,
    NARROW,
    OPERATIONS,
    WIDE,
    YIELDS,
    Program,
    Step,
)

_LONGEST: Final = 24
_LENGTHS: Final = (3, 6, 6, 12, 12, 24, 40)
_COSTLY_ONES: Final = 1
"""Costly steps in one program, at most."""
_BASIS: Final = ("subscribe", "match", "listen", "publish", "stream", "read", "fence")
_THEMES: Final[tuple[tuple[str, ...], ...]] = (
    ("cleanup", "unheard", "leave", "crowd", "subscribe", "listen", "fence"),
    ("crowd", "rows", "unheard", "world", "close"),
    ("cancel-read", "cancel-enter", "cancel-publish", "cancel-stream", "publish", "stream"),
    ("refuse", "refuse-value", "refuse-pattern", "publish", "stream"),
    ("close", "close-full", "guest", "chain", "stream", "publish"),
    ("overrun", "burst", "stream-burst", "drain", "publish", "stream"),
    ("match", "world", "publish", "chain"),
    ("same-again", "size", "value", "reuse", "ahead", "world"),
    ("idle", "publish", "stream", "ahead", "leave", "again"),
    ("burst", "stream-burst", "chain", "stream", "drain", "leave", "raise", "again"),
    ("run", "rows", "drain", "chain", "fence"),
)
_STRONG: Final = 8
_EVERY: Final = 4
"""One program in so many has all cheap operations."""
_TOGETHER: Final = 0.2
"""The share of steps that run two operations at once."""


def narrow_programs() -> Any:
    """Returns the strategy of version 1.0 of the specification: equal weights, and few operations."""
    from hypothesis import strategies as st

    plain = st.one_of(
        [
            st.tuples(st.just(name), *(st.integers(0, choices - 1) for choices in numbers))
            for name, numbers in NARROW.items()
        ]
    )
    together = st.tuples(st.just("together"), st.integers(0, YIELDS - 1), plain, plain)
    return st.lists(st.one_of(plain, plain, plain, together), max_size=_LONGEST).map(tuple)


def draw_program(random: Random) -> Program:
    """Returns a program with weights, and a length, of its own."""
    chosen = draw_weights(random)
    names, shares = list(chosen), list(chosen.values())
    length = random.randint(1, random.choice(_LENGTHS))
    steps: list[Step] = []
    costly = 0

    def step() -> Step:
        nonlocal costly
        (name,) = random.choices(names, shares)
        if name in COSTLY:
            costly += 1
            if costly > _COSTLY_ONES:
                name = "publish"
        return (name, *(random.randrange(choices) for choices in OPERATIONS[name]))

    for _ in range(length):
        if random.random() < _TOGETHER:
            steps.append(("together", random.randrange(YIELDS), step(), step()))
        else:
            steps.append(step())
    return tuple(steps)


def draw_weights(random: Random) -> Mapping[str, int]:
    """Returns how often each operation is drawn; one that is missing never is.

    Some programs have all cheap operations; the others have some of them, and a theme.
    """
    cheap = {**NARROW, **WIDE}
    if random.randrange(_EVERY) == 0:
        return dict.fromkeys(cheap, 1)
    chosen = {name: random.randint(1, 3) for name in cheap if random.random() < 0.3}
    chosen |= {name: 2 for name in _BASIS if random.random() < 0.8}
    for name in random.choice(_THEMES):
        chosen[name] = _STRONG
    return chosen
