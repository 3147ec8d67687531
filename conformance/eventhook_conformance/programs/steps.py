"""Holds the steps of a program as JSON: a name and a few small numbers.

A number picks an item of a list, modulo its length. So every program can be played on every target, also
after steps were removed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

Step: TypeAlias = tuple[Any, ...]
"""A name, then its numbers; for `together` a number of yields and two steps."""
Program: TypeAlias = tuple[Step, ...]

CLIENTS: Final = 2
"""The clients of a run; one more may come late, and is picked by the next number."""
TENANTS: Final = 2
KEYS: Final = 2
SIDES: Final = 2
SHAPES: Final = 9
TYPES: Final = (
    "task.created",
    "task.created.late",
    "workflow.started",
    "tasks.created",
    "Task.created",
    "task_x.created",
    "workflow.task.created",
    "task.createdx",
    "task.created.late.a.b",
)
SOURCES: Final = ("system", "worker:1", "System", "*", "system ", "", ">", "sys")
REFUSED: Final = ("task", "task..created", "task.*", "")
LISTENERS: Final = 6
YIELDS: Final = 4

NARROW: Final[Mapping[str, tuple[int, ...]]] = {
    "subscribe": (CLIENTS, TENANTS, SHAPES),
    "listen": (CLIENTS, KEYS),
    "publish": (CLIENTS, TENANTS, len(TYPES), 3, len(SOURCES)),
    "chain": (CLIENTS, TENANTS, 6),
    "burst": (CLIENTS, TENANTS, 4),
    "stream": (CLIENTS, KEYS, 4),
    "read": (LISTENERS,),
    "fence": (LISTENERS,),
    "leave": (LISTENERS,),
    "raise": (LISTENERS,),
    "cancel-read": (LISTENERS,),
    "again": (LISTENERS,),
    "cancel-enter": (CLIENTS, TENANTS, YIELDS),
    "cancel-publish": (CLIENTS, TENANTS, YIELDS),
    "cancel-stream": (CLIENTS, KEYS, YIELDS),
    "stream-burst": (CLIENTS, KEYS, 4),
    "unheard": (CLIENTS, 6),
    "cleanup": (CLIENTS,),
    "refuse": (CLIENTS, TENANTS, len(REFUSED)),
    "close": (TENANTS,),
    "yield": (YIELDS,),
}
"""How many choices each number of an operation has; version 1.0 of the specification draws only these."""

WIDE: Final[Mapping[str, tuple[int, ...]]] = {
    "world": (CLIENTS + 1, TENANTS, 6),
    "match": (CLIENTS + 1, TENANTS, 5, 3, 2, 9),
    "value": (CLIENTS + 1, SIDES, 1 << 16),
    "same-again": (CLIENTS + 1, SIDES, 3),
    "size": (CLIENTS + 1, SIDES, 18, 3),
    "reuse": (CLIENTS + 1, TENANTS),
    "ahead": (CLIENTS + 1, SIDES),
    "drain": (LISTENERS,),
    "refuse-value": (CLIENTS + 1, SIDES, 12),
    "refuse-pattern": (CLIENTS + 1, SIDES, 6),
    "guest": (),
    "close-full": (SIDES, 6),
    "crowd": (CLIENTS + 1, SIDES, 4),
}
"""Operations that act on many tenants, readers and values."""

COSTLY: Final[Mapping[str, tuple[int, ...]]] = {
    "overrun": (CLIENTS + 1, SIDES, 4),
    "rows": (CLIENTS + 1, SIDES, 3),
    "run": (CLIENTS + 1, SIDES, 3),
    "idle": (3,),
}
"""Operations that take as long as a hundred others."""

OPERATIONS: Final[Mapping[str, tuple[int, ...]]] = {**NARROW, **WIDE, **COSTLY}


def check_program(value: object) -> Program:
    """Returns a program read from JSON.

    Raises:
        ValueError: the value is no program; the message names the step.
    """
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise ValueError(f"expected a list of steps, got {value!r:.80}")
    return tuple(_check_step(step, f"step {number}") for number, step in enumerate(value, start=1))


def _check_step(step: object, where: str) -> Step:
    if not isinstance(step, Sequence) or isinstance(step, str) or not step:
        raise ValueError(f"{where}: expected a name and its numbers, got {step!r:.80}")
    name, *arguments = step
    if name == "together" and len(arguments) == 3:
        yields, first, second = arguments
        if not isinstance(yields, int):
            raise ValueError(f"{where}: expected a number of yields, got {yields!r:.80}")
        return (name, yields, _check_step(first, where), _check_step(second, where))
    if name not in OPERATIONS:
        raise ValueError(f"{where}: expected one of {', '.join(OPERATIONS)}, got {name!r:.80}")
    if len(arguments) != len(OPERATIONS[name]) or not all(isinstance(a, int) for a in arguments):
        count = len(OPERATIONS[name])
        numbers = f"{count} number{'' if count == 1 else 's'}"
        raise ValueError(f"{where}: expected {numbers} after {name}, got {arguments!r:.80}")
    return (name, *arguments)
