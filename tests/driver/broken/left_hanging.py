"""`unsubscribe` forgets the `next` that waits."""

from skeleton import Driver, run


class LeftHanging(Driver):
    async def unsubscribe(self, subscription):
        self.find(self.subscriptions, subscription)
        del self.subscriptions[subscription]
        return {}


run(LeftHanging)
