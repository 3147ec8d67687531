"""A server in another process, judged by its URL, its tenants' tokens, and the NATS bus behind it.

    eventhook-conformance serve --backend nats --port 0 --json > served.json &
    SERVED=served.json eventhook-conformance run my_bus_server:target --profile sse

`provision` uses your server's own API: most servers have one that starts a workflow. This one
learns of workflows and tasks from their events, so that an event is published, and the server asked
until it knows.
"""

import asyncio
import json
import os
import urllib.request
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.error import HTTPError
from uuid import UUID, uuid4

from eventhook_conformance import Capabilities, FlovynEvent, HttpTarget, Target, Tenant
from eventhook_reference.nats import GivenServer, connect

SERVED = json.loads(Path(os.environ["SERVED"]).read_text(encoding="utf-8").splitlines()[0])
TENANTS = [Tenant(UUID(one["id"]), one["base_path"], one["headers"]) for one in SERVED["tenants"]]


def status_of(tenant, path):
    request = urllib.request.Request(  # noqa: S310  # because: `serve` printed it, an http URL
        SERVED["base_url"] + tenant.base_path + path, headers=dict(tenant.headers), method="HEAD"
    )
    try:
        with urllib.request.urlopen(request) as answer:  # noqa: S310  # because: as above
            return answer.status
    except HTTPError as error:
        return error.code


@asynccontextmanager
async def http(backend):
    async def provision(tenant, kind, parent=None):
        made = uuid4()
        if kind == "task":
            event = FlovynEvent.new(tenant.id, "task.created", "system", {"kind": "suite"})
            event = event.with_task(made)
            event = event if parent is None else event.with_workflow(parent)
            path = f"/task-executions/{made}/stream"
        else:
            snapshot = {"kind": "suite", "parentWorkflowExecutionId": parent and str(parent)}
            event = FlovynEvent.new(tenant.id, "workflow.created", "system", snapshot)
            event = event.with_workflow(made)
            path = f"/workflow-executions/{made}/stream"
        await backend.events.publish(event)
        while await asyncio.to_thread(status_of, tenant, path) != 200:  # noqa: ASYNC110  # because: no event tells
            await asyncio.sleep(0.01)
        return made

    yield HttpTarget(SERVED["base_url"], TENANTS, 15.0, provision)


@asynccontextmanager
async def nats():
    # Its monitoring tells what the server in the other process holds there (SSE-08).
    yield GivenServer(SERVED["nats_url"], SERVED["nats_monitor_url"])


target = Target(
    "my-bus",
    server=nats,
    connect=connect,
    http=http,
    capabilities=Capabilities(profiles={"events", "streams", "sse"}, causal_order=True),
)
