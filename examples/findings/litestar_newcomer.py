"""Litestar's memory backend hands a newcomer what was published before it subscribed (PUB-05)."""

import asyncio
import sys

from litestar.channels import ChannelsPlugin
from litestar.channels.backends.memory import MemoryChannelsBackend


async def main() -> int:
    async with ChannelsPlugin(MemoryChannelsBackend(), channels=["news"]) as channels:
        await channels.subscribe("news")
        await channels.wait_published(b"old", "news")
        newcomer = await channels.subscribe("news")
        await channels.wait_published(b"new", "news")
        got = await anext(newcomer.iter_events())
    print(f"expected the newcomer to get b'new' first; seen: {got!r}")
    return 0 if got == b"old" else 1


sys.exit(asyncio.run(main()))
