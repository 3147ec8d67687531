"""`next` returns all events, and ignores `max`."""

from skeleton import Driver, run


class GreedyNext(Driver):
    async def next(self, subscription, max, timeout_ms):
        return await super().next(subscription, 1000, timeout_ms)


run(GreedyNext)
