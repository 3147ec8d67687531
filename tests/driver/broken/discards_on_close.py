"""`close` discards the buffers."""

from skeleton import Driver, run


class DiscardsOnClose(Driver):
    async def close(self, client):
        for subscription in self.subscriptions.values():
            subscription.end(discard=True)
        return await super().close(client)


run(DiscardsOnClose)
