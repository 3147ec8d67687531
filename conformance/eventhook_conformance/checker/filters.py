"""Finds the filter that a delivered event does not pass, and the requirement that this breaks."""

from __future__ import annotations

from typing import Final

from eventhook_conformance.checker.violation import shown
from eventhook_conformance.contract import EventPattern, FlovynEvent

_FILTERS: Final = {
    "workflow_execution_id": "PAT-05",
    "task_execution_id": "PAT-06",
    "source": "PAT-07",
}


def requirement_of_filter(pattern: EventPattern, event: FlovynEvent, missed: str) -> str:
    """Returns the requirement that a pattern broke by selecting an event against the filter `missed`."""
    if missed != "event_type_prefix":
        return _FILTERS[missed]
    prefix = pattern.event_type_prefix or ""
    folded = str(event.event_type).casefold()
    if folded == prefix.casefold() or folded.startswith(prefix.casefold() + "."):
        return "PAT-04"
    return "PAT-03" if "." in prefix else "PAT-02"


def filter_value(pattern: EventPattern, filter_name: str) -> str:
    """Returns the value of a filter, for messages."""
    return str(getattr(pattern, filter_name))


def member_text(event: FlovynEvent, filter_name: str) -> str:
    """Returns the member of an event that a filter selects by, for messages."""
    member = "event_type" if filter_name == "event_type_prefix" else filter_name
    value = getattr(event, member)
    return f"{member} is {shown(value if value is None else str(value))}"
