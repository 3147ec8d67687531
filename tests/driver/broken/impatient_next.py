"""`next` never waits."""

from skeleton import Driver, run


class ImpatientNext(Driver):
    async def next(self, subscription, max, timeout_ms):
        return await super().next(subscription, max, 0)


run(ImpatientNext)
