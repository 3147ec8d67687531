"""`-k` selects cases by words of their ID, their requirements, and the target's name."""

from __future__ import annotations

import pytest

from eventhook_conformance.cases import catalog
from eventhook_conformance.engine.selection import WrongSelection, selector

FIRST = catalog()["publish::first_event_is_never_lost[same]"]


@pytest.mark.parametrize(
    "expression",
    [
        *("PUB-04", "pub-04", "PUB", "publish::", "first_event", "my-bus", FIRST.id, "", None, " "),
        *("PUB-04 and same", "TEN or PUB", "not TEN", "(TEN or PUB) and not other"),
    ],
)
def test_it_is_selected(expression: str | None) -> None:
    assert selector(expression, "my-bus")(FIRST)


@pytest.mark.parametrize(
    "expression", ["TEN", "other", "not PUB", "PUB-04 and other", "another-bus", "PUB-0 and TEN"]
)
def test_it_is_not_selected(expression: str) -> None:
    assert not selector(expression, "my-bus")(FIRST)


@pytest.mark.parametrize("expression", ["PUB-04 or", "and", "(PUB", "PUB PUB", "not"])
def test_an_expression_that_cannot_be_read_is_one_line(expression: str) -> None:
    with pytest.raises(WrongSelection) as raised:
        selector(expression, "my-bus")
    message = str(raised.value)
    assert message.startswith("expected an expression such as 'PUB-04 or TEN', got ")
    assert repr(expression) in message
    assert "\n" not in message
