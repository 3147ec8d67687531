"""Tells, without decoding it, that a pattern leaves out a tenant's message.

The server knows tenants and categories, and no other filter (NAT-05). A client that follows one workflow
gets all that its tenant publishes, and would spend its time on decoding what is for others.
"""

from __future__ import annotations

from uuid import UUID

import msgspec

from eventhook_conformance.contract import EventPattern
from eventhook_reference.nats_subjects import event_root


class _Selected(msgspec.Struct):
    """Members that patterns select by and a subject does not tell; the rest of a body is skipped unread."""

    workflow_execution_id: UUID | None = None
    task_execution_id: UUID | None = None
    source: str | None = None


_peek = msgspec.json.Decoder(_Selected).decode


def _number(uuid: UUID | None) -> int | None:
    """Returns a UUID as an integer: comparing integers is faster, since it is done in C."""
    return None if uuid is None else uuid.int


class Prefilter:
    """A first look at messages for one pattern."""

    def __init__(self, pattern: EventPattern) -> None:
        self._workflow = _number(pattern.workflow_execution_id)
        self._task = _number(pattern.task_execution_id)
        self._source = pattern.source
        self._peeks = (self._workflow, self._task, self._source) != (None, None, None)
        self._type = None
        if pattern.event_type_prefix is not None:
            self._type = event_root(pattern.tenant_id) + pattern.event_type_prefix

    def surely_misses(self, subject: str, body: bytes) -> bool:
        """Returns whether this is for others of the tenant, or for nobody; if not, decode it and see.

        A body that names another type than its subject is for nobody (NAT-08), so the subject's counts.
        """
        if self._type is not None and not (
            subject == self._type or subject.startswith(self._type + ".")
        ):
            return True
        if not self._peeks:
            return False
        try:
            seen = _peek(body)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            return False
        return (
            (self._workflow is not None and _number(seen.workflow_execution_id) != self._workflow)
            or (self._task is not None and _number(seen.task_execution_id) != self._task)
            or (self._source is not None and seen.source != self._source)
        )
