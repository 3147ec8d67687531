"""Twins: cases of events that run on streams too, and their requirements."""

from __future__ import annotations

import pytest

from eventhook_conformance.cases import cancelling, catalog, event
from eventhook_conformance.cases._twins import on_streams


def test_a_twin_has_its_own_requirement_and_the_needs_of_the_original() -> None:
    twin = catalog()["stream_twins::cancelled_read_takes_nothing_with_it_on_streams[other]"]
    assert twin.case.requirements == ("STR-06",)
    # Of PUB-14, which asks this of events.
    assert twin.needs["in_process"] == (True,)
    assert twin.parameters == {"via": "other"}


def test_each_set_of_parameters_has_a_twin() -> None:
    name = "cancelling_disturbs_nobody"
    originals = [one for one in catalog() if one.startswith(f"cancelling::{name}[")]
    twins = [one for one in catalog() if one.startswith(f"stream_twins::{name}_on_streams[")]
    assert len(originals) == len(twins) == 3


def test_a_twin_can_be_charged_to_another_requirement() -> None:
    twin = on_streams(cancelling.cancelled_read_takes_nothing_with_it, __name__, "STR-01")
    assert twin.__case__.requirements == ("STR-01",)  # type: ignore[attr-defined]  # because: the mark of a case


def test_a_case_without_sides_has_no_twin() -> None:
    with pytest.raises(ValueError, match="expected a parameter `side`"):
        on_streams(event.falsy_data_is_delivered, __name__)
