"""SSE-06: names another tenant in every place of a request that no credential belongs in."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID, uuid4

from eventhook_conformance.cases._sse import both_sides, every_endpoint, subject
from eventhook_conformance.probe import Probe
from eventhook_conformance.specification import case
from eventhook_conformance.sse.paths import StreamKind
from eventhook_conformance.sse.session import Sse, sse_session


@every_endpoint
@case("SSE-06", since="1.1")
async def tenant_comes_from_the_credentials_alone(probe: Probe, kind: StreamKind) -> None:
    """Sends one's own credentials beside headers, cookies and parameters that name another tenant."""
    async with sse_session(probe) as sse:
        mine, its = sse.tenants[0].headers, await subject(sse, kind, 1)
        for owner in (0, 1):
            if kind == "tenant" and owner == 0:
                continue  # one's own stream, which stays open to oneself
            path = sse.path(kind, its or "", owner)
            added = _named(sse, path)
            token = sse.tenants[1].base_path.rpartition("/")[2]
            query = f"?tenant={token}&tenant_id={sse.tenants[1].id}&tenantId={sse.tenants[1].id}"
            for what, where, headers in (
                ("with headers that name its tenant", path, {**mine, **added}),
                ("with parameters that name its tenant", path + query, dict(mine)),
            ):
                answer = await sse.ask("GET", where, headers)
                probe.expect(
                    answer.status != 200,
                    f"a refusal of another tenant's {kind} {what}",
                    f"{answer.status} for GET {where}",
                )


@every_endpoint
@case("SSE-06", since="1.1")
async def another_tenants_name_opens_nothing(probe: Probe, kind: StreamKind) -> None:
    """Reads one's own stream with headers that name another tenant: its events must stay out."""
    async with sse_session(probe, implicates={"crossed", "lost", "strayed"}) as sse:
        it, its = [await subject(sse, kind, tenant) for tenant in (0, 1)]
        added = _named(sse, sse.path(kind, its or "", 1))
        stream = await sse.stream(kind, it, headers=added)
        events = both_sides(sse, kind, it)
        await sse.publish(*both_sides(sse, kind, its or _unless_named(kind), tenant=1), *events)
        await stream.receive(*events)
        await sse.fence(stream)


def _unless_named(kind: StreamKind) -> UUID | None:
    return None if kind == "tenant" else uuid4()


def _named(sse: Sse, path: str) -> Mapping[str, str]:
    """Returns headers by which proxies and gateways name a tenant or a path; no client's own."""
    its, taken = sse.tenants[1], {name.lower() for name in sse.tenants[0].headers}
    named = {
        "X-Tenant-Id": str(its.id),
        "X-Tenant": its.base_path.rpartition("/")[2],
        "Tenant-Id": str(its.id),
        "X-Organization-Id": str(its.id),
        "X-Original-URL": path,
        "X-Rewrite-URL": path,
        "X-Forwarded-Uri": path,
        "X-Forwarded-Prefix": its.base_path,
        "Cookie": f"tenant={its.id}; tenant_id={its.id}",
    }
    return {name: value for name, value in named.items() if name.lower() not in taken}
