"""Errors of a bus's own classes: each is taken for the contract's class from which it derives."""

from __future__ import annotations

import pytest

from eventhook_conformance.cases import catalog
from eventhook_conformance.contract import (
    BusClosed,
    CursorExpired,
    InvalidEvent,
    InvalidPattern,
    PublishError,
)
from eventhook_conformance.engine.runner import judge
from eventhook_conformance.probe.failure import kinds
from eventhook_conformance.settings import Settings
from eventhook_reference.mutants.base import Event, PliableClient, Side, pliable_target


class Malformed(InvalidEvent):
    def __str__(self) -> str:
        return "no"


class TooLarge(PublishError, OSError):
    pass


class Pattern(InvalidPattern):
    pass


class Gone(BusClosed, RuntimeError):
    def __init__(self, code: int, *, where: str) -> None:
        super().__init__(f"{code} at {where}")


class OwnErrors(PliableClient):
    """Raises none of the contract's own classes."""

    def check_open(self) -> None:
        if self.closed:
            raise Gone(7, where="here")

    def check(self, side: Side, event: Event) -> None:
        try:
            super().check(side, event)
        except InvalidEvent as error:
            raise Malformed("malformed") from error
        except PublishError:
            raise TooLarge("too large") from None

    def check_selects(self, side: Side, selects: object) -> None:
        try:
            super().check_selects(side, selects)
        except InvalidPattern as error:
            raise Pattern(str(error)) from error


def test_refusals_by_classes_of_its_own_are_refusals() -> None:
    names = (
        "malformed_event_types",
        "larger_event_is_whole",
        "closed_client_refuses",
        "malformed_p",
    )
    cases = [one for one in catalog().values() if any(name in one.id for name in names)]
    assert len(cases) >= len(names)
    result = judge(pliable_target("own", OwnErrors), Settings(settle_s=0.0), cases)
    assert {one.id: one.message for one in result.cases if one.outcome != "passed"} == {}


class InvalidEventOfAnother(Exception):
    pass


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (InvalidEvent("no"), ("InvalidEvent", "StreamingError")),
        (Malformed("no"), ("Malformed", "InvalidEvent", "StreamingError")),
        (TooLarge("no"), ("TooLarge", "PublishError", "StreamingError")),
        (Gone(1, where="here"), ("Gone", "BusClosed", "StreamingError")),
        (CursorExpired("no"), ("CursorExpired", "StreamingError")),
        (InvalidEventOfAnother("no"), ("InvalidEventOfAnother",)),
        (ValueError("InvalidEvent: no"), ("ValueError",)),
    ],
)
def test_an_error_is_of_its_class_and_the_contracts(
    error: Exception, expected: tuple[str, ...]
) -> None:
    assert kinds(error) == expected
