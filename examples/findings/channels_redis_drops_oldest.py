"""In channels_redis' core layer a full channel drops its oldest while another one is read (OVF-01).

The documented policy is that a channel at its capacity takes nothing new. REDIS_URL names the server.
"""

import asyncio
import os
import sys

from channels_redis.core import RedisChannelLayer


async def main() -> int:
    layer = RedisChannelLayer(hosts=[os.environ.get("REDIS_URL", "redis://127.0.0.1:6379")])
    slow, fast = await layer.new_channel(), await layer.new_channel()
    await layer.group_add("news", slow)
    await layer.group_add("news", fast)
    for number in range(150):
        await layer.group_send("news", {"type": "event", "number": number})
        await layer.receive(fast)
    first = (await layer.receive(slow))["number"]
    print(f"expected the slow channel's oldest, 0, to be there; seen: its first is {first}")
    return 0 if first != 0 else 1


sys.exit(asyncio.run(main()))
