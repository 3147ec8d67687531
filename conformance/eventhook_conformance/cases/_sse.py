"""Steps that several SSE cases share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from uuid import UUID

import pytest

from eventhook_conformance.contract import StreamEventType
from eventhook_conformance.history import Event
from eventhook_conformance.probe import Probe
from eventhook_conformance.sse.client import Answer
from eventhook_conformance.sse.paths import StreamKind
from eventhook_conformance.sse.session import Sse
from eventhook_conformance.target import Tenant

PROBLEM: Final = "application/problem+json"

every_endpoint: Final = pytest.mark.parametrize(
    "kind", ["workflow", "consolidated", "task", "tenant"]
)
"""Runs a case on each of the four endpoints."""
named: Final = pytest.mark.parametrize("kind", ["workflow", "consolidated", "task"])
"""Runs a case on those that an id names."""


def child_begun(sse: Sse, parent: UUID, child: UUID | str) -> Event:
    """Makes the event that tells a parent's readers of a child."""
    snapshot = {"childWorkflowId": str(child), "kind": "suite", "status": "PENDING"}
    return sse.event(parent, "child_workflow.initiated", data=snapshot)


async def subject(sse: Sse, kind: StreamKind, tenant: int = 0) -> UUID | None:
    """Makes the execution that the endpoint names; the tenant's own stream needs none."""
    if kind == "tenant":
        return None
    return await (sse.task(tenant) if kind == "task" else sse.workflow(tenant))


def both_sides(
    sse: Sse, kind: StreamKind, id: UUID | None, event_type: str = "task.created", tenant: int = 0
) -> list[Event]:
    """Returns a lifecycle event and, where the endpoint has that side, a stream event for its stream."""
    if id is None:
        return [sse.event(None, event_type, tenant=tenant)]
    if kind == "task":
        return [
            sse.event(None, event_type, task=id),
            sse.token(id, "some progress", StreamEventType.PROGRESS, task=id),
        ]
    return [sse.event(id, event_type), sse.token(id, "a token")]


def expect_problem(probe: Probe, answer: Answer, status: int, why: str) -> None:
    """Expects that a request was refused with that status, in the form of a problem."""
    about = f"{answer.method} {answer.url} ({why})"
    if answer.status != status:
        probe.found(f"{status} for {about}", f"{answer.status}")
        return
    if answer.method == "HEAD":
        return
    probe.expect(
        answer.media_type == PROBLEM,
        f"{PROBLEM} with the {status} for {about}",
        f"{answer.media_type or 'no content type'}",
    )
    probe.expect(
        answer.body.lstrip()[:1] == b"{", f"a JSON object for {about}", f"{answer.body[:60]!r}"
    )


def changed(tenants: Sequence[Tenant]) -> dict[str, dict[str, str]]:
    """Returns wrong credentials made of the first tenant's, by their error.

    Leaves out changes that make another tenant's credentials, such as 1 for 0 in `token-0`.
    """
    headers = tenants[0].headers
    bad: dict[str, dict[str, str]] = {"no credentials": {}}
    for name, value in headers.items():
        others = {one: text for one, text in headers.items() if one != name}
        last = "0" if value[-1] != "0" else "1"
        bad[f"{name} empty"] = {**others, name: ""}
        bad[f"{name} with another last letter"] = {**others, name: value[:-1] + last}
        bad[f"{name} cut short"] = {**others, name: value[:-1]}
        bad[f"{name} with a letter more"] = {**others, name: value + "0"}
        scheme, blank, token = value.partition(" ")
        if blank:
            bad[f"{name} without its scheme"] = {**others, name: token}
            bad[f"{name} with its scheme alone"] = {**others, name: scheme}
            bad[f"{name} of the scheme Basic"] = {**others, name: f"Basic {token}"}
            bad[f"{name} with another token"] = {**others, name: f"{scheme} null"}
    right = [dict(tenant.headers) for tenant in tenants]
    return {why: wrong for why, wrong in bad.items() if wrong not in right}
