"""`next` puts the first of its answer in the place of the second."""

from skeleton import Driver, run


class RepeatsTheFirst(Driver):
    async def next(self, subscription, max, timeout_ms):
        answer = await super().next(subscription, max, timeout_ms)
        if len(answer["events"]) > 1:
            answer["events"][1] = answer["events"][0]
        return answer


run(RepeatsTheFirst)
