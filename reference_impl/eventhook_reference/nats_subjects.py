"""The subjects that the bus uses on NATS (NAT-01, NAT-05).

Names hold nothing but `[A-Za-z0-9_-]` and single dots once they are validated, so no text that an
outsider controls can become a wildcard (TEN-05).
"""

from __future__ import annotations

from functools import lru_cache
from uuid import UUID

from eventhook_conformance.contract import EventPattern, FlovynEvent


def event_root(tenant_id: UUID) -> str:
    """Returns what all of the tenant's event subjects begin with; the event type follows."""
    return _root(tenant_id.int)


@lru_cache(maxsize=1024)
def _root(tenant: int) -> str:
    return f"flovyn.events.{UUID(int=tenant)}."


def event_subject(event: FlovynEvent) -> str:
    """Returns the subject that an event is published on."""
    return event_root(event.tenant_id) + event.event_type


def pattern_subject(pattern: EventPattern) -> str:
    """Returns the one subject that a subscription asks for.

    A prefix of several tokens would need two subjects, its own and its descendants', between which
    publisher order would be lost; it asks for its category, and the client does the rest.
    """
    root = event_root(pattern.tenant_id)
    if pattern.event_type_prefix is None:
        return root + ">"
    return f"{root}{pattern.event_type_prefix.partition('.')[0]}.>"


def stream_subject(workflow_execution_id: str) -> str:
    """Returns the subject of one key's stream."""
    return f"flovyn.streams.workflow.{workflow_execution_id}"
