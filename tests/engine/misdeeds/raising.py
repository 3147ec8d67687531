"""Misdeeds that raise: each kind of exception."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import NoReturn

from engine.misdeeds.registry import MISDEEDS
from eventhook_conformance.probe.failure import class_name


class Odd(BaseException):
    """An exception that is no `Exception`."""


class Unprintable(Exception):
    """An exception that cannot be described."""

    def __str__(self) -> str:
        raise RuntimeError("no text")

    def __repr__(self) -> str:
        raise RuntimeError("no repr")


class Codeless(SystemExit):
    """An exit whose code cannot be read."""

    @property
    def code(self) -> NoReturn:  # type: ignore[override]  # because: it is a misdeed
        raise ValueError("no code")


class _Nameless(type):
    @property
    def __name__(cls) -> NoReturn:  # type: ignore[override]  # because: it is a misdeed
        raise ValueError("no name")


class Nameless(Exception, metaclass=_Nameless):
    """An exception of a class that does not tell its name."""


class Impostor(Exception):
    """An exception that says it is an interruption."""

    @property  # type: ignore[misc]  # because: it is a misdeed
    def __class__(self) -> type:
        return KeyboardInterrupt


class Closed(Exception):
    """An exception that raises in each of its methods."""

    def __getattribute__(self, name: str) -> NoReturn:
        raise ValueError(name)


def raising(error: BaseException) -> Callable[..., NoReturn]:
    """Returns a function that raises."""

    def raise_it(*_: object) -> NoReturn:
        raise error

    return raise_it


for _error in (
    ValueError("no"),
    OSError(5, "no"),
    TimeoutError("no"),
    MemoryError("no"),
    RecursionError("no"),
    StopIteration("no"),
    StopAsyncIteration("no"),
    GeneratorExit("no"),
    KeyboardInterrupt("no"),
    SystemExit(0),
    asyncio.CancelledError("no"),
    Odd("no"),
    Unprintable("no"),
    ExceptionGroup("no", [ValueError("one"), OSError("two")]),
    UnicodeDecodeError("utf-8", b"\xff", 0, 1, "no"),
    ValueError("x" * 1_000_000),
    ValueError("\ud800\x00\x1b[31m"),
    Codeless(),
    Nameless(),
    Impostor(),
    Closed(),
):
    _name = f"raises_{class_name(_error)}"
    MISDEEDS[_name if _name not in MISDEEDS else f"{_name}_{len(MISDEEDS)}"] = raising(_error)
