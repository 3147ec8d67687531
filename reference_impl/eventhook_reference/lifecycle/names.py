"""Older names and event types of lifecycle events, by the vector file alone (LIF-04).

A naive replacement of underscores would make `child.workflow.failed` of CHILD_WORKFLOW_FAILED, so
nothing here takes a name apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Literal

from eventhook_fixtures import load

Retried = Literal["workflow", "task"]


class UnknownName(LookupError):
    """No lifecycle event has that name; names beyond the table are never guessed."""


@cache
def _table() -> Mapping[tuple[str, str | None], str]:
    rows = load("lifecycle_names")["names"]
    return {(row["older"], row["retried"]): row["event_type"] for row in rows}


@cache
def _older() -> Mapping[str, str]:
    return {event_type: older for (older, _), event_type in _table().items()}


def event_type_of(older: str, retried: Retried | None = None) -> str:
    """Returns the event type of an older name.

    Args:
        older: such as `CHILD_WORKFLOW_FAILED`.
        retried: the kind of the retried execution; RETRY_REQUESTED alone does not say.

    Raises:
        UnknownName: the table has no such name.
    """
    found = _table().get((older, retried))
    if found is None:
        of = f" of a {retried}" if retried else ""
        raise UnknownName(f"no lifecycle event has the older name {older!r}{of}")
    return found


def older_name_of(event_type: str) -> str:
    """Returns the older name of an event type.

    Raises:
        UnknownName: the table has no such event type.
    """
    found = _older().get(event_type)
    if found is None:
        raise UnknownName(f"no lifecycle event has the type {event_type!r}")
    return found
