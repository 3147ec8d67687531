"""`open` answers a bare name."""

from skeleton import Driver, run


class WrongShape(Driver):
    async def open(self, address=None):
        return (await super().open(address))["client"]


run(WrongShape)
