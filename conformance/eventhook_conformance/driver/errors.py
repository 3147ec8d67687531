"""The exceptions that a driver's answer, or its failure, raises."""

from __future__ import annotations

import signal
from typing import Final

from eventhook_conformance.contract import Unsupported
from eventhook_conformance.driver.messages import ERRORS, UNKNOWN_METHOD, Failure

_OPTIONAL: Final = ("cleanup", "channels", "purge")
"""The methods that a bus need not offer."""


class DriverFailed(Exception):
    """The driver broke the protocol or ended; the message names it, what it did, and its last lines."""


class LineTooLong(Exception):
    """A request does not fit into a line."""


class Refused(Exception):
    """The driver answered with an error that means a fault of its own."""

    def __init__(self, method: str, error: Failure) -> None:
        super().__init__(f"answered `{method}` with the error {error.code} ({error.message:.200})")
        self.code = error.code


def error_of(method: str, error: Failure) -> Exception:
    """Returns the contract's error that a driver answered with, or `Refused` if it is none."""
    if error.code in ERRORS:
        return ERRORS[error.code](error.message)
    if error.code == UNKNOWN_METHOD and method in _OPTIONAL:
        return Unsupported(error.message)
    return Refused(method, error)


def exit_text(code: int) -> str:
    """Returns how a process ended, by its exit code."""
    if code >= 0:
        return f"exited with {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = str(-code)
    return f"was ended by {name}"
