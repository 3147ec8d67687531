"""One worker serves `next` and `publish_stream`: a waiting `next` holds up the other."""

import asyncio

from skeleton import Driver, run


class StreamsWaitForEvents(Driver):
    worker = asyncio.Lock()

    async def next(self, subscription, max, timeout_ms):
        async with self.worker:
            return await super().next(subscription, max, timeout_ms)

    async def publish_stream(self, client, event):
        async with self.worker:
            return await super().publish_stream(client, event)


run(StreamsWaitForEvents)
