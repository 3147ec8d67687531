"""Stream events of every client go out by the first one, which may be closed."""

from skeleton import Driver, run


class StreamsByTheFirst(Driver):
    async def publish_stream(self, client, event):
        self.bus(client)
        first = next(one for one in self.clients if one in self.closed or one == client)
        return await super().publish_stream(first, event)


run(StreamsByTheFirst)
