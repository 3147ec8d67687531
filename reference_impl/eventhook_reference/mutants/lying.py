"""Bugs of deceptive values: delivered objects that equal anything, or cannot be read."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec

from eventhook_conformance.contract import FlovynEvent
from eventhook_conformance.target import Mutant
from eventhook_reference.mutants._register import bug
from eventhook_reference.mutants.base import Event, Member, PliableClient

LYING: list[Mutant] = []


class _EqualText(str):
    __slots__ = ()
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        return True

    def __ne__(self, other: object) -> bool:
        return False


class _EqualObject(dict[str, Any]):  # noqa: PLW1641  # because: no dict has a hash
    def __eq__(self, other: object) -> bool:
        return True

    def __ne__(self, other: object) -> bool:
        return False


class _EqualNumber(int):
    __hash__ = int.__hash__

    def __eq__(self, other: object) -> bool:
        return True


class _EqualId(UUID):
    __slots__ = ()
    __hash__ = UUID.__hash__

    def __eq__(self, other: object) -> bool:
        return True


class _Masked(PliableClient):
    def hand(self, member: Member, event: Event) -> None:
        if isinstance(event, FlovynEvent):
            event = self.mask(event)
        super().hand(member, event)

    def mask(self, event: FlovynEvent) -> Any:
        """Returns the object delivered in place of an event."""
        return event


@bug(LYING, "PUB-03", "EVT-01", seen="source = ")
class SourcesThatEqualAnything(_Masked):
    """Replaces the source by an object that compares equal to any text."""

    def mask(self, event: FlovynEvent) -> Any:
        return msgspec.structs.replace(event, source=_EqualText("lost"))


@bug(LYING, "PUB-03", "EVT-01", seen="data = ")
class DataThatEqualsAnything(_Masked):
    """Replaces the data by an object that compares equal to any other."""

    def mask(self, event: FlovynEvent) -> Any:
        return msgspec.structs.replace(event, data=_EqualObject(lost=True))


@bug(LYING, "PUB-03", "EVT-01", seen="timestamp_ms = 0")
class TimesThatEqualAnything(_Masked):
    """Replaces the time by an object of the value 0 that compares equal to any other."""

    def mask(self, event: FlovynEvent) -> Any:
        return msgspec.structs.replace(event, timestamp_ms=_EqualNumber(0))


@bug(LYING, "PUB-03", "EVT-01", seen="workflow_execution_id = ")
class WorkflowsThatEqualAnything(_Masked):
    """Replaces ids of workflows and tasks, and other references, by objects that compare equal to any."""

    def mask(self, event: FlovynEvent) -> Any:
        return msgspec.structs.replace(
            event, workflow_execution_id=_EqualId(int=1), correlation_id=_EqualText("none")
        )


class _Unreadable(FlovynEvent, frozen=True):
    def __getattribute__(self, name: str) -> Any:
        if name == "data":
            raise RuntimeError("not loaded")
        return super().__getattribute__(name)


@bug(LYING, "PUB-03", seen="that cannot be read: RuntimeError")
class DataIsLoadedTooLate(_Masked):
    """Delivers every third event with data that raises when it is read."""

    handed = 0

    def mask(self, event: FlovynEvent) -> Any:
        self.handed += 1
        if self.handed % 3:
            return event
        return _Unreadable(**{name: getattr(event, name) for name in event.__struct_fields__})
