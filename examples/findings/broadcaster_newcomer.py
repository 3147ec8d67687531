"""Broadcaster's memory backend hands a newcomer what was published before it subscribed (PUB-05)."""

import asyncio
import sys

from broadcaster import Broadcast


async def main() -> int:
    async with (
        Broadcast("memory://") as broadcast,
        broadcast.subscribe("news"),
    ):
        await broadcast.publish("news", "old")
        async with broadcast.subscribe("news") as newcomer:
            await broadcast.publish("news", "new")
            got = (await newcomer.get()).message
    print(f"expected the newcomer to get 'new' first; seen: {got!r}")
    return 0 if got == "old" else 1


sys.exit(asyncio.run(main()))
