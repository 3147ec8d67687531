"""Bugs of identity: ids and keys that are taken for equal, absent, or of another kind.

Over 300 lines: independent bugs, each of a few lines, found by their names.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from uuid import UUID

import msgspec

from eventhook_conformance.contract import EventPattern, FlovynEvent
from eventhook_conformance.target import Mutant
from eventhook_reference.mutants._register import bug
from eventhook_reference.mutants.base import Event, Member, PliableClient, Side

IDENTITIES: list[Mutant] = []

_NIL = UUID(int=0)


def _first_eight(value: UUID) -> object:
    return value.hex[:8]


def _last_twelve(value: UUID) -> object:
    return value.hex[-12:]


def _high_half(value: UUID) -> object:
    return value.int >> 64


def _low_half(value: UUID) -> object:
    return value.int & (1 << 64) - 1


class _TenantsAlike(PliableClient):
    """Compares tenants by a part of their ids."""

    part: Callable[[UUID], object]

    def matches(self, pattern: EventPattern, event: FlovynEvent) -> bool:
        part = type(self).part
        if part(pattern.tenant_id) != part(event.tenant_id):
            return False
        return super().matches(pattern, msgspec.structs.replace(event, tenant_id=pattern.tenant_id))


@bug(IDENTITIES, "TEN-01", seen="nothing of another tenant")
class TenantsByEightDigits(_TenantsAlike):
    """Finds tenants by the first eight digits of their ids."""

    part = staticmethod(_first_eight)


@bug(IDENTITIES, "TEN-01", seen="nothing of another tenant")
class TenantsByTwelveDigits(_TenantsAlike):
    """Finds tenants by the last twelve digits of their ids."""

    part = staticmethod(_last_twelve)


@bug(IDENTITIES, "TEN-01", seen="nothing of another tenant")
class TenantsByHighHalf(_TenantsAlike):
    """Keeps the upper half of a tenant's id only."""

    part = staticmethod(_high_half)


@bug(IDENTITIES, "TEN-01", seen="nothing of another tenant")
class TenantsByLowHalf(_TenantsAlike):
    """Keeps the lower half of a tenant's id only."""

    part = staticmethod(_low_half)


@bug(IDENTITIES, "TEN-01", seen="nothing of another tenant")
class NilTenantHearsEverybody(PliableClient):
    """Delivers the events of all tenants to the nil tenant."""

    def matches(self, pattern: EventPattern, event: FlovynEvent) -> bool:
        if pattern.tenant_id == _NIL:
            event = msgspec.structs.replace(event, tenant_id=_NIL)
        return super().matches(pattern, event)


@bug(IDENTITIES, "TEN-01", seen="nothing of another tenant")
class NilTenantIsHeardByEverybody(PliableClient):
    """Delivers the events of the nil tenant to all tenants."""

    def matches(self, pattern: EventPattern, event: FlovynEvent) -> bool:
        if event.tenant_id == _NIL:
            event = msgspec.structs.replace(event, tenant_id=pattern.tenant_id)
        return super().matches(pattern, event)


class _FilterAlike(PliableClient):
    """Compares one of the filters by a part of the id."""

    member: str
    part: Callable[[UUID], object]

    def matches(self, pattern: EventPattern, event: FlovynEvent) -> bool:
        part = type(self).part
        wanted, found = getattr(pattern, self.member), getattr(event, self.member)
        if wanted is not None and found is not None and part(wanted) == part(found):
            pattern = msgspec.structs.replace(pattern, **{self.member: None})
        return super().matches(pattern, event)


@bug(IDENTITIES, "PAT-05", seen="only events with workflow_execution_id")
class WorkflowsByEightDigits(_FilterAlike):
    """Compares workflows by the first eight digits of their ids, as logs show them."""

    member = "workflow_execution_id"
    part = staticmethod(_first_eight)


@bug(IDENTITIES, "PAT-05", seen="only events with workflow_execution_id")
class WorkflowsByLowHalf(_FilterAlike):
    """Keeps the lower half of a workflow's id only."""

    member = "workflow_execution_id"
    part = staticmethod(_low_half)


@bug(IDENTITIES, "PAT-06", seen="only events with task_execution_id")
class TasksByTwelveDigits(_FilterAlike):
    """Compares tasks by the last twelve digits of their ids."""

    member = "task_execution_id"
    part = staticmethod(_last_twelve)


@bug(IDENTITIES, "PAT-06", seen="only events with task_execution_id")
class TasksByHighHalf(_FilterAlike):
    """Keeps the upper half of a task's id only."""

    member = "task_execution_id"
    part = staticmethod(_high_half)


@bug(IDENTITIES, "PAT-05", seen="only events with workflow_execution_id")
class NilWorkflowIsNoFilter(PliableClient):
    """Takes a filter by the nil workflow for no filter."""

    def matches(self, pattern: EventPattern, event: FlovynEvent) -> bool:
        if pattern.workflow_execution_id == _NIL:
            pattern = msgspec.structs.replace(pattern, workflow_execution_id=None)
        return super().matches(pattern, event)


@bug(IDENTITIES, "PAT-06", seen="only events with task_execution_id")
class NilTaskIsNoTask(PliableClient):
    """Selects the events without a task by a filter for the nil task."""

    def matches(self, pattern: EventPattern, event: FlovynEvent) -> bool:
        if pattern.task_execution_id == _NIL and event.task_execution_id is None:
            pattern = msgspec.structs.replace(pattern, task_execution_id=None)
        return super().matches(pattern, event)


class _Rewriting(PliableClient):
    """Hands on an event with other ids."""

    def copy(self, event: Event) -> Event:
        copied = super().copy(event)
        return self.rewrite(copied) if isinstance(copied, FlovynEvent) else copied

    def rewrite(self, event: FlovynEvent) -> FlovynEvent:
        """Returns the event with other ids."""
        return event


@bug(IDENTITIES, "EVT-01", seen="workflow_execution_id = None")
class NilWorkflowIsAbsent(_Rewriting):
    """Stores a nil workflow as no workflow."""

    def rewrite(self, event: FlovynEvent) -> FlovynEvent:
        if event.workflow_execution_id == _NIL:
            return msgspec.structs.replace(event, workflow_execution_id=None)
        return event


@bug(IDENTITIES, "EVT-01", seen="workflow_execution_id")
class WorkflowsBecomeVersionFour(_Rewriting):
    """Rebuilds a workflow's id as a UUID of version 4, whatever its version was."""

    def rewrite(self, event: FlovynEvent) -> FlovynEvent:
        workflow = event.workflow_execution_id
        if workflow is None:
            return event
        return msgspec.structs.replace(
            event, workflow_execution_id=UUID(bytes=workflow.bytes, version=4)
        )


@bug(IDENTITIES, "EVT-09", seen="which was active and asked for it")
class IdsBecomeVersionFour(_Rewriting):
    """Rebuilds an event's id as a UUID of version 4, whatever its version was."""

    def rewrite(self, event: FlovynEvent) -> FlovynEvent:
        return msgspec.structs.replace(event, id=UUID(bytes=event.id.bytes, version=4))


@bug(IDENTITIES, "EVT-09", seen="which was active and asked for it")
class NilEventIdGetsAnother(_Rewriting):
    """Replaces the nil id of an event by a new one."""

    def rewrite(self, event: FlovynEvent) -> FlovynEvent:
        if event.id == _NIL:
            return msgspec.structs.replace(event, id=UUID(int=1))
        return event


class _Deduplicating(PliableClient):
    """Drops an event that it takes for one it has delivered already."""

    part: Callable[[UUID], object]

    def hand(self, member: Member, event: Event) -> None:
        if member.side == "events":
            seen: set[object] = self.bus.memory.setdefault("seen", {}).setdefault(member, set())
            mark = type(self).part(event.id)
            if mark in seen:
                return
            seen.add(mark)
        super().hand(member, event)


@bug(IDENTITIES, "EVT-09", seen="came instead")
class EventsByEightDigits(_Deduplicating):
    """Drops an event whose id has the same first eight digits as an earlier one."""

    part = staticmethod(_first_eight)


@bug(IDENTITIES, "EVT-09", seen="came instead")
class EventsByLowHalf(_Deduplicating):
    """Drops an event whose id has the same lower half as an earlier one."""

    part = staticmethod(_low_half)


@bug(IDENTITIES, "EVT-06", seen="which was active and asked for it")
class RefusedIdsAreSpent(PliableClient):
    """Drops an event, once corrected, whose id it refused before: it takes it for a repeat."""

    def check(self, side: Side, event: Event) -> None:
        if side == "events":
            spent: set[object] = self.bus.memory.setdefault("spent", set())
            try:
                super().check(side, event)
            except ValueError:
                spent.add(event.id)
                raise
        else:
            super().check(side, event)

    def admits(self, member: Member, event: Event) -> bool:
        if member.side == "events" and event.id in self.bus.memory.get("spent", ()):
            return False
        return super().admits(member, event)


class _KeysAlike(PliableClient):
    """Compares the keys of streams by something made of them."""

    mark: Callable[[str], object]

    def admits(self, member: Member, event: Event) -> bool:
        if member.side == "events":
            return super().admits(member, event)
        mark = type(self).mark
        return mark(member.selects) == mark(event.workflow_execution_id)


@bug(IDENTITIES, "STR-02", seen="got an event of the stream")
class KeysByChecksum(_KeysAlike):
    """Finds streams by the CRC-32 of their keys."""

    mark = staticmethod(lambda key: zlib.crc32(key.encode()))


@bug(IDENTITIES, "STR-02", seen="got an event of the stream")
class KeysByShortHash(_KeysAlike):
    """Finds streams by 12 bits of a hash of their keys."""

    mark = staticmethod(lambda key: zlib.adler32(key.encode()) * 2654435761 >> 8 & 0xFFF)


@bug(IDENTITIES, "STR-02", seen="got an event of the stream")
class KeysBySum(_KeysAlike):
    """Finds streams by the sum of the letters of their keys."""

    mark = staticmethod(lambda key: sum(key.encode()))


@bug(IDENTITIES, "STR-02", seen="got an event of the stream")
class KeysByEightLetters(_KeysAlike):
    """Finds streams by the first eight letters of their keys."""

    mark = staticmethod(lambda key: key[:8])


@bug(IDENTITIES, "STR-02", seen="got an event of the stream")
class KeysByTwelveLastLetters(_KeysAlike):
    """Finds streams by the last twelve letters of their keys."""

    mark = staticmethod(lambda key: key[-12:])


@bug(IDENTITIES, "STR-02", seen="got an event of the stream")
class KeysAreNumbers(_KeysAlike):
    """Reads a key of digits as a number, without its leading zeros."""

    mark = staticmethod(lambda key: int(key) if key.isdecimal() else key)


@bug(IDENTITIES, "STR-02", seen="got an event of the stream")
class KeysWithoutHyphens(_KeysAlike):
    """Removes hyphens and underscores from keys, as from a UUID's text."""

    mark = staticmethod(lambda key: key.replace("-", "").replace("_", ""))


@bug(IDENTITIES, "STR-01", seen="which was active and asked for it")
class KeysOfThePrototype(PliableClient):
    """Keeps streams in a plain JavaScript object, where `constructor` and its like exist already."""

    def admits(self, member: Member, event: Event) -> bool:
        if member.side == "streams" and member.selects in (
            "constructor",
            "__proto__",
            "toString",
            "hasOwnProperty",
        ):
            return False
        return super().admits(member, event)


@bug(IDENTITIES, "STR-01", seen="which was active and asked for it")
class FalsyKeysAreAbsent(PliableClient):
    """Takes the keys `0`, `null` and `false` for no key."""

    def admits(self, member: Member, event: Event) -> bool:
        if member.side == "streams" and member.selects in ("0", "null", "false", "None"):
            return False
        return super().admits(member, event)
