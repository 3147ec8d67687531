"""A subscription that was left is still known."""

from skeleton import Driver, run


class RemembersLeft(Driver):
    async def unsubscribe(self, subscription):
        self.find(self.subscriptions, subscription).end(discard=True)
        return {}


run(RemembersLeft)
