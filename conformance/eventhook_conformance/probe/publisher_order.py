"""Conclusions from publisher order (PUB-06): which events were overtaken, and which come first."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from eventhook_conformance.contract import FlovynEvent
from eventhook_conformance.history import History, Subscribed


def event_key(event: object) -> object:
    """Returns a key that tells events apart, even if they share an id across tenants."""
    try:
        if isinstance(event, FlovynEvent):
            # The hash of a UUID is computed in Python each time, those of numbers are not.
            key: object = (event.tenant_id.int, event.id.int)
        else:
            key = (event.workflow_execution_id, event.timestamp_ms)  # type: ignore[attr-defined]
        hash(key)
    except (AttributeError, TypeError):  # because: a target may deliver anything at all
        return object()
    return key


def overtaken(history: History, missing: AbstractSet[object], came: AbstractSet[object]) -> bool:
    """Returns whether a later event of the same publisher came before each missing one.

    If so, it is in vain to wait for them.
    """
    newest: dict[tuple[str, int], int] = {}
    for publish in history.publishes:
        if event_key(publish.event) in came:
            newest[publish.client, publish.epoch] = publish.called.step
    return all(
        publish.returned is not None
        and publish.returned.step < newest.get((publish.client, publish.epoch), 0)
        for publish in history.publishes
        if event_key(publish.event) in missing
    )


def reads_until(
    history: History,
    entry: Subscribed,
    missing: AbstractSet[object],
    came: AbstractSet[object],
) -> int:
    """Returns how many reads bring all missing events: those published before them come first."""
    latest: dict[str, int] = {}
    for publish in history.publishes:
        if event_key(publish.event) in missing:
            latest[publish.client] = publish.called.step
    return sum(
        publish.returned is not None
        and publish.returned.step < latest.get(publish.client, 0)
        and publish.outcome == "ok"
        and event_key(publish.event) not in came
        and entry.entered is not None
        and entry.entered.step < publish.called.step
        and entry.matches(publish.event)
        for publish in history.publishes
    ) + len(missing)
