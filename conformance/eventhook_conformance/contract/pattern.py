"""Patterns, which select the events of a subscription."""

from __future__ import annotations

from typing import Self
from uuid import UUID

import msgspec

from eventhook_conformance.contract.errors import InvalidPattern
from eventhook_conformance.contract.events import FlovynEvent
from eventhook_conformance.contract.grammar import check_prefix
from eventhook_conformance.contract.json_value import check_text

_encode = msgspec.json.Encoder().encode


class EventPattern(msgspec.Struct, frozen=True, kw_only=True):
    """One tenant's events, narrowed by any of four filters, which combine by *and* (PAT-08).

    Constructing does not validate; `validate`, `from_json` and entering a subscription do.
    """

    tenant_id: UUID
    workflow_execution_id: UUID | None = None
    task_execution_id: UUID | None = None
    event_type_prefix: str | None = None
    """Whole tokens: `workflow` is the category, `webhook.github` that type and its descendants."""
    source: str | None = None
    """Matches exactly and whole; never a wildcard (PAT-07, PAT-11)."""

    @classmethod
    def all(cls, tenant_id: UUID) -> Self:
        """Returns a pattern for every event of the tenant."""
        return cls(tenant_id=tenant_id)

    @classmethod
    def for_workflow(cls, tenant_id: UUID, workflow_execution_id: UUID) -> Self:
        """Returns the events of one workflow; an event without a workflow never matches (PAT-05)."""
        return cls(tenant_id=tenant_id, workflow_execution_id=workflow_execution_id)

    @classmethod
    def for_task(cls, tenant_id: UUID, task_execution_id: UUID) -> Self:
        """Returns the events of one task; an event without a task never matches (PAT-06)."""
        return cls(tenant_id=tenant_id, task_execution_id=task_execution_id)

    @classmethod
    def by_type(cls, tenant_id: UUID, event_type_prefix: str) -> Self:
        """Returns the events of a category, or of a type and its descendants (PAT-02, PAT-03)."""
        return cls(tenant_id=tenant_id, event_type_prefix=event_type_prefix)

    def matches(self, event: FlovynEvent) -> bool:
        """Returns whether the event passes every filter that is set."""
        return self.missed_by(event) is None

    def missed_by(self, event: FlovynEvent) -> str | None:
        """Returns the name of the first filter that the event does not pass; None if it matches."""
        if event.tenant_id != self.tenant_id:
            return "tenant_id"
        if self.workflow_execution_id not in (None, event.workflow_execution_id):
            return "workflow_execution_id"
        if self.task_execution_id not in (None, event.task_execution_id):
            return "task_execution_id"
        if self.event_type_prefix is not None and not _descends(
            event.event_type, self.event_type_prefix
        ):
            return "event_type_prefix"
        if self.source not in (None, event.source):
            return "source"
        return None

    def to_json(self) -> bytes:
        """Returns the wire form, compact UTF-8, absent filters as null."""
        return _encode(self)

    @classmethod
    def from_json(cls, text: bytes | str) -> Self:
        """Reads the wire form: unknown members are ignored, missing filters are None.

        Raises:
            InvalidPattern: it is no JSON, has the wrong shape, or is no valid pattern.
        """
        try:
            pattern = msgspec.json.decode(text, type=cls)
        except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
            raise InvalidPattern(f"this is no EventPattern: {error}") from error
        pattern.validate()
        return pattern

    def validate(self) -> None:
        """Checks all that the contract asks of a pattern (PAT-10).

        Raises:
            InvalidPattern: names the member, its value, and what would be right.
        """
        if not isinstance(self.tenant_id, UUID):
            raise InvalidPattern(f"tenant_id is {self.tenant_id!r}; expected a UUID")
        for name in ("workflow_execution_id", "task_execution_id"):
            value = getattr(self, name)
            if value is not None and not isinstance(value, UUID):
                raise InvalidPattern(f"{name} is {value!r}; expected a UUID or None")
        if self.event_type_prefix is not None and (problem := check_prefix(self.event_type_prefix)):
            raise InvalidPattern(
                f"event_type_prefix {problem}",
                field="event_type_prefix",
                value=self.event_type_prefix,
            )
        if self.source is not None and (problem := check_text(self.source, "source")):
            raise InvalidPattern(problem)


def _descends(event_type: str, prefix: str) -> bool:
    return event_type == prefix or event_type.startswith(prefix + ".")
