"""Closing a second time is an error."""

from skeleton import Driver, run


class ClosesOnce(Driver):
    async def close(self, client):
        self.bus(client)
        return await super().close(client)


run(ClosesOnce)
