"""Exceptions that end a case early, and words for what a target raised.

CaseAborted   the case cannot continue: the history (or the violation carried) says why
NotOffered    the target's server lacks what the case looks at: it is not claimed
Undecided     the case cannot be decided, and who is to blame for that: the target's driver, or
              the suite itself
"""

from __future__ import annotations

from typing import Any, Final, Literal

from eventhook_conformance.checker import Violation
from eventhook_conformance.contract import errors

_NAME: Final[Any] = type.__dict__["__name__"]
_MRO: Final[Any] = type.__dict__["__mro__"]
_CONTRACT: Final = frozenset(
    one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, Exception)
)


class CaseAborted(Exception):
    """The target did something after which the case cannot go on."""

    def __init__(self, violation: Violation | None = None) -> None:
        super().__init__(violation.message if violation else "the history shows why")
        self.violation = violation


class NotOffered(Exception):
    """The target's server lacks something that the case needs; the message names it."""


class Undecided(Exception):
    """The case could not be decided."""

    def __init__(self, message: str, blame: Literal["driver", "suite"] = "suite") -> None:
        super().__init__(message)
        self.blame = blame


class TargetTimeout(Exception):
    """The target did not return in time; the message says which call."""


def describe(error: BaseException) -> str:
    """Returns an exception in one line."""
    try:
        text = " ".join(str.split(str(error)))
    except KeyboardInterrupt:
        raise
    except BaseException as other:  # because: a target's exception may not bear to be printed
        text = f"its text cannot be read: {class_name(other)}"
    name = class_name(error)
    return f"{name}: {text:.300}" if text else name


def class_name(value: object) -> str:
    """Returns the name of an object's class, without asking the class: it may lie, or raise."""
    return str(_NAME.__get__(type(value)))


def kinds(error: BaseException) -> tuple[str, ...]:
    """Returns the name of an exception's class, and of each error of the contract that it derives from.

    A vendor may have classes of its own under those of the contract.
    """
    bases: tuple[type, ...] = _MRO.__get__(type(error))
    known = (_NAME.__get__(base) for base in bases if base in _CONTRACT)
    return tuple(dict.fromkeys((class_name(error), *known)))


def is_honest(error: BaseException) -> bool:
    """Returns whether an exception tells its class; `isinstance` trusts its answer."""
    try:
        return error.__class__ is type(error)
    except BaseException:  # because: it may raise whatever it is asked
        return False


def outcome_of(error: BaseException) -> str:
    """Returns the outcome of a call to the target, as messages say it."""
    return str(error) if isinstance(error, TargetTimeout) else f"it raised {describe(error)}"
