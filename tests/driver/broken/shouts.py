"""Writes UUIDs in capitals."""

from skeleton import Driver, run


class Shouts(Driver):
    async def next(self, subscription, max, timeout_ms):
        answer = await super().next(subscription, max, timeout_ms)
        events = [{**one, "id": one["id"].upper()} for one in answer["events"] if "id" in one]
        return {**answer, "events": events}


run(Shouts)
