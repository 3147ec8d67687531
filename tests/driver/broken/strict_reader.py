"""Refuses members that it does not know."""

from skeleton import Driver, Refusal, run

KNOWN = {
    *("id", "tenant_id", "workflow_execution_id", "task_execution_id"),
    *("event_type", "source", "data", "timestamp_ms", "correlation_id"),
}


class StrictReader(Driver):
    async def publish(self, client, event):
        if set(event) - KNOWN:
            raise Refusal(-32001, f"unknown members: {sorted(set(event) - KNOWN)}")
        return await super().publish(client, event)


run(StrictReader)
