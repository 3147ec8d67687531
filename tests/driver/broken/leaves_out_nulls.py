"""Leaves absent members out instead of writing null."""

from skeleton import Driver, run


class LeavesOutNulls(Driver):
    async def next(self, subscription, max, timeout_ms):
        answer = await super().next(subscription, max, timeout_ms)
        events = [{k: v for k, v in one.items() if v is not None} for one in answer["events"]]
        return {**answer, "events": events}


run(LeavesOutNulls)
