"""Bugs of kinds that nobody had a case for: each was a survivor once."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from eventhook_conformance.contract import EventPattern, FlovynEvent, StreamEvent
from eventhook_conformance.target import Mutant
from eventhook_reference.mutants._register import bug
from eventhook_reference.mutants.base import Event, PliableClient

UNSEEN: list[Mutant] = []

_COLUMN: Final = 255


def _sorted(value: Any) -> Any:
    """Returns the value with each list of texts in order."""
    if isinstance(value, dict):
        return {key: _sorted(item) for key, item in value.items()}
    if isinstance(value, list):
        if all(isinstance(item, str) for item in value):
            return sorted(value)
        return [_sorted(item) for item in value]
    return value


@bug(UNSEEN, "EVT-02", seen="data")
class SortsListsOfTexts(PliableClient):
    """A list of texts is kept as a set of tags, and comes back in order."""

    def copy(self, event: Event) -> Event:
        copied = super().copy(event)
        if isinstance(copied, FlovynEvent):
            return msgspec.structs.replace(copied, data=_sorted(copied.data))
        return copied


@bug(UNSEEN, "STR-01", seen="task_execution_id")
class NamesOfTasksAreCut(PliableClient):
    """A task's name is cut where the column ends that it is kept in."""

    def copy(self, event: Event) -> Event:
        copied = super().copy(event)
        if isinstance(copied, StreamEvent):
            name = copied.task_execution_id[:_COLUMN]
            return msgspec.structs.replace(copied, task_execution_id=name)
        return copied


@bug(UNSEEN, "STR-05", seen="payload")
class QuotesArePeeledOff(PliableClient):
    """A payload within quotes is taken for JSON text, and handed on without them."""

    def copy(self, event: Event) -> Event:
        copied = super().copy(event)
        if isinstance(copied, StreamEvent) and len(text := copied.payload) > 1:
            peeled = text[1:-1] if text[0] == text[-1] == '"' else text
            return msgspec.structs.replace(copied, payload=peeled)
        return copied


@bug(UNSEEN, "CLN-02", seen="expected only events with")
class CleanupForgetsFilters(PliableClient):
    """After a cleanup the subscriptions that stay are entered anew, by their tenant alone."""

    async def cleanup_inactive_channels(self) -> int:
        removed = await super().cleanup_inactive_channels()
        for member in self.bus.members:
            if member.side == "events":
                member.selects = EventPattern.all(member.selects.tenant_id)
        return removed
