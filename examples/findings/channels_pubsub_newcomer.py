"""channels_redis' pub/sub layer hands a newcomer what was sent before it joined (PUB-05).

REDIS_URL names the server.
"""

import asyncio
import os
import sys

from channels_redis.pubsub import RedisPubSubChannelLayer


async def main() -> int:
    layer = RedisPubSubChannelLayer(hosts=[os.environ.get("REDIS_URL", "redis://127.0.0.1:6379")])
    first, newcomer = await layer.new_channel(), await layer.new_channel()
    await layer.group_add("news", first)
    await layer.group_send("news", {"type": "old"})
    await layer.group_add("news", newcomer)
    await layer.group_send("news", {"type": "new"})
    got = (await layer.receive(newcomer))["type"]
    await layer.flush()
    print(f"expected the newcomer to get 'new' first; seen: {got!r}")
    return 0 if got == "old" else 1


sys.exit(asyncio.run(main()))
