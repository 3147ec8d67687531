"""A `next` without time to wait answers nothing, whether something is there or not."""

from skeleton import Driver, run


class NeedsTime(Driver):
    async def next(self, subscription, max, timeout_ms):
        self.find(self.subscriptions, subscription)
        if not timeout_ms:
            return {"events": [], "ended": False, "dropped": 0}
        return await super().next(subscription, max, timeout_ms)


run(NeedsTime)
