"""The end of a closed subscription is told twice; then its `next` answers an event once more."""

from skeleton import Driver, run


class EndsTwice(Driver):
    async def next(self, subscription, max, timeout_ms):
        answer = await super().next(subscription, max, timeout_ms)
        if answer["events"]:
            self.__dict__.setdefault("last", {})[subscription] = answer["events"][-1]
        elif answer["ended"]:
            ends = self.__dict__.setdefault("ends", {})
            ends[subscription] = ends.get(subscription, 0) + 1
            if ends[subscription] > 2 and subscription in self.__dict__.get("last", {}):
                return {"events": [self.last[subscription]], "ended": False, "dropped": 0}
        return answer


run(EndsTwice)
