"""After `close`, `ended` comes beside the last events."""

from skeleton import Driver, run


class EndsWithTheLast(Driver):
    async def next(self, subscription, max, timeout_ms):
        held = self.find(self.subscriptions, subscription)
        answer = await held.next(max, timeout_ms)
        return {**answer, "ended": held.ended and not held.events}


run(EndsWithTheLast)
