"""In channels_redis' core layer one tenant's unread messages cost another tenant its own (TEN-06).

The capacity of 100 is that of the process: all channels of a layer share one key. REDIS_URL names the
server.
"""

import asyncio
import os
import sys

from channels_redis.core import RedisChannelLayer


async def main() -> int:
    layer = RedisChannelLayer(hosts=[os.environ.get("REDIS_URL", "redis://127.0.0.1:6379")])
    slow, other = await layer.new_channel(), await layer.new_channel()
    await layer.group_add("tenant-a", slow)
    await layer.group_add("tenant-b", other)
    for _ in range(100):
        await layer.group_send("tenant-a", {"type": "unread"})
    await layer.group_send("tenant-b", {"type": "lost"})
    receiving = asyncio.create_task(layer.receive(other))
    done, _ = await asyncio.wait({receiving}, timeout=2)
    receiving.cancel()
    print(f"expected tenant-b's message; seen: {'it came' if done else 'nothing within 2 s'}")
    return 1 if done else 0


sys.exit(asyncio.run(main()))
