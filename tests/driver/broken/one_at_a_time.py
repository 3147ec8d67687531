"""Answers a request before it looks at the next."""

import asyncio

from skeleton import Driver, run


class OneAtATime(Driver):
    lock = asyncio.Lock()

    async def answer(self, request):
        async with self.lock:
            await super().answer(request)


run(OneAtATime)
