"""Leaving a full subscription of Litestar's channels never returns (`backoff`): PUB-11, PUB-23, OVF-03."""

import asyncio
import sys

from litestar.channels import ChannelsPlugin
from litestar.channels.backends.memory import MemoryChannelsBackend


async def main() -> int:
    plugin = ChannelsPlugin(MemoryChannelsBackend(), channels=["news"], subscriber_max_backlog=1)
    async with plugin as channels:
        subscriber = await channels.subscribe("news")
        await channels.wait_published(b"fills it", "news")
        await asyncio.sleep(0.1)
        leaving = asyncio.create_task(channels.unsubscribe(subscriber))
        done, _ = await asyncio.wait({leaving}, timeout=2)
        leaving.cancel()
    print(f"expected unsubscribe to return; seen: {'it did' if done else 'not within 2 s'}")
    return 1 if done else 0


sys.exit(asyncio.run(main()))
