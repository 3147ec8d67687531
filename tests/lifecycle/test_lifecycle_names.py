"""Older names and event types: by the table, and never by a guess."""

from __future__ import annotations

import inspect

import pytest

from eventhook_fixtures import load
from eventhook_reference.lifecycle import dispatch, engine, scheduler, task_execution
from eventhook_reference.lifecycle.names import UnknownName, event_type_of, older_name_of

ROWS = load("lifecycle_names")["names"]
MODULES = {"dispatch": dispatch, "task_execution": task_execution, "scheduler": scheduler}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row["event_type"]))
def test_names_map_both_ways(row: dict[str, str]) -> None:
    assert event_type_of(row["older"], row["retried"]) == row["event_type"]  # type: ignore[arg-type]
    assert older_name_of(row["event_type"]) == row["older"]


@pytest.mark.parametrize("vector", load("lifecycle_names")["unknown"], ids=lambda v: str(v["why"]))
def test_unknown_names_are_errors(vector: dict[str, str]) -> None:
    with pytest.raises(UnknownName):
        event_type_of(vector["value"])


def test_what_is_retried_has_to_be_said_and_only_there() -> None:
    with pytest.raises(UnknownName, match="RETRY_REQUESTED"):
        event_type_of("RETRY_REQUESTED")
    with pytest.raises(UnknownName, match="of a task"):
        event_type_of("TASK_CREATED", "task")
    with pytest.raises(UnknownName, match=r"child\.workflow\.failed"):
        older_name_of("child.workflow.failed")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row["event_type"]))
def test_each_name_is_published_by_its_module_alone(row: dict[str, str]) -> None:
    said = f'"{row["older"]}"'
    by = {name for name, module in MODULES.items() if said in inspect.getsource(module)}
    assert by == {row["publisher"]}
    assert said not in inspect.getsource(engine)
