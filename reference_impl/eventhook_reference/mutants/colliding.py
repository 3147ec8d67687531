"""Bugs that take a hash for the thing itself: ids, sources, types and keys that share one are mixed up."""

from __future__ import annotations

import zlib
from typing import Final
from uuid import UUID

import msgspec

from eventhook_conformance.contract import EventPattern, FlovynEvent
from eventhook_conformance.target import Mutant
from eventhook_reference.mutants._register import bug
from eventhook_reference.mutants.base import Event, Member, PliableClient

COLLIDING: list[Mutant] = []

_HALF: Final = (1 << 64) - 1


def _xor_of_halves(identifier: UUID) -> int:
    return (identifier.int >> 64) ^ (identifier.int & _HALF)


def _java_hash(identifier: UUID) -> int:
    halves = _xor_of_halves(identifier)
    return (halves >> 32) ^ (halves & 0xFFFFFFFF)


@bug(COLLIDING, "TEN-01", seen="another tenant")
class TenantsByOneXorOfHalves(PliableClient):
    """Looks tenants up by 64 bits: one half of the id, exclusive or the other."""

    def matches(self, pattern: EventPattern, event: FlovynEvent) -> bool:
        tenant = event.tenant_id
        if _xor_of_halves(tenant) != _xor_of_halves(pattern.tenant_id):
            return False
        return super().matches(msgspec.structs.replace(pattern, tenant_id=tenant), event)


@bug(COLLIDING, "TEN-01", seen="another tenant")
class TenantsByHashOfTheLanguage(PliableClient):
    """Looks tenants up by the hash that the language gives to their ids."""

    def matches(self, pattern: EventPattern, event: FlovynEvent) -> bool:
        tenant = event.tenant_id
        if hash(tenant) != hash(pattern.tenant_id):
            return False
        return super().matches(msgspec.structs.replace(pattern, tenant_id=tenant), event)


@bug(COLLIDING, "TEN-01", seen="another tenant")
class TenantsByChecksumOfTheirText(PliableClient):
    """Looks tenants up by the CRC-32 of their ids as text."""

    def matches(self, pattern: EventPattern, event: FlovynEvent) -> bool:
        tenant = event.tenant_id
        texts = (str(tenant), str(pattern.tenant_id))
        if zlib.crc32(texts[0].encode()) != zlib.crc32(texts[1].encode()):
            return False
        return super().matches(msgspec.structs.replace(pattern, tenant_id=tenant), event)


@bug(COLLIDING, "PAT-05", seen="expected only events with")
class WorkflowsByHashOfJava(PliableClient):
    """Compares workflows by the 32 bits that Java has for the hash of a UUID."""

    def matches(self, pattern: EventPattern, event: FlovynEvent) -> bool:
        wanted, workflow = pattern.workflow_execution_id, event.workflow_execution_id
        if wanted and workflow and _java_hash(wanted) == _java_hash(workflow):
            pattern = msgspec.structs.replace(pattern, workflow_execution_id=workflow)
        return super().matches(pattern, event)


@bug(COLLIDING, "PAT-06", seen="expected only events with")
class TasksByChecksum(PliableClient):
    """Compares tasks by the CRC-32 of the bytes of their ids."""

    def matches(self, pattern: EventPattern, event: FlovynEvent) -> bool:
        wanted, task = pattern.task_execution_id, event.task_execution_id
        if wanted and task and zlib.crc32(wanted.bytes) == zlib.crc32(task.bytes):
            pattern = msgspec.structs.replace(pattern, task_execution_id=task)
        return super().matches(pattern, event)


@bug(COLLIDING, "PAT-07", seen="expected only events with")
class SourcesByChecksum(PliableClient):
    """Compares sources by their CRC-32."""

    def matches(self, pattern: EventPattern, event: FlovynEvent) -> bool:
        wanted = pattern.source
        if wanted and zlib.crc32(wanted.encode()) == zlib.crc32(event.source.encode()):
            pattern = msgspec.structs.replace(pattern, source=event.source)
        return super().matches(pattern, event)


@bug(COLLIDING, "PAT-07", seen="expected only events with")
class SourcesByAdler(PliableClient):
    """Compares sources by their Adler-32."""

    def matches(self, pattern: EventPattern, event: FlovynEvent) -> bool:
        wanted = pattern.source
        if wanted and zlib.adler32(wanted.encode()) == zlib.adler32(event.source.encode()):
            pattern = msgspec.structs.replace(pattern, source=event.source)
        return super().matches(pattern, event)


@bug(COLLIDING, "PAT-02", seen="expected only events with")
class CategoriesByChecksum(PliableClient):
    """Looks categories up by their CRC-32."""

    def matches(self, pattern: EventPattern, event: FlovynEvent) -> bool:
        wanted, category = pattern.event_type_prefix, event.event_type.partition(".")[0]
        if wanted and zlib.crc32(wanted.encode()) == zlib.crc32(category.encode()):
            pattern = msgspec.structs.replace(pattern, event_type_prefix=category)
        return super().matches(pattern, event)


@bug(COLLIDING, "STR-02", seen="expected its own key's only")
class KeysByAdler(PliableClient):
    """Looks streams up by the Adler-32 of their keys."""

    def admits(self, member: Member, event: Event) -> bool:
        if member.side == "events":
            return super().admits(member, event)
        key = event.workflow_execution_id
        return zlib.adler32(member.selects.encode()) == zlib.adler32(key.encode())
