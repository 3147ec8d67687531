"""Leaves absent members out instead of writing null."""

from skeleton import Driver, run


class LeavesOutNulls(Driver):
    async def next(self, subscription, max, timeout_ms):
        answer = await super().next(subscription, max, timeout_ms)
        return {**answer, "events": [without_nulls(one) for one in answer["events"]]}


def without_nulls(event):
    return {name: value for name, value in event.items() if value is not None or name == "data"}


run(LeavesOutNulls)
