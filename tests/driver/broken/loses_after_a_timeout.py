"""`next` goes on waiting after its time ran out, and loses the next event."""

from skeleton import Driver, run


class LosesAfterATimeout(Driver):
    async def next(self, subscription, max, timeout_ms):
        in_vain = self.__dict__.setdefault("in_vain", set())
        answer = await super().next(subscription, max, timeout_ms)
        if subscription in in_vain and answer["events"]:
            in_vain.discard(subscription)
            return await super().next(subscription, max, timeout_ms)
        if not answer["events"] and not answer["ended"]:
            in_vain.add(subscription)
        return answer


run(LosesAfterATimeout)
