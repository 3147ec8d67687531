"""In channels_redis' core layer a channel that was left is kept for ever (PUB-25).

A consumer goes as Channels has it: its waiting `receive` is cancelled. REDIS_URL names the server.
"""

import asyncio
import os
import sys

from channels_redis.core import RedisChannelLayer

LEFT = 200


async def main() -> int:
    layer = RedisChannelLayer(hosts=[os.environ.get("REDIS_URL", "redis://127.0.0.1:6379")])
    for _ in range(LEFT):
        receiving = asyncio.create_task(layer.receive(await layer.new_channel()))
        await asyncio.wait({receiving}, timeout=0.01)
        receiving.cancel()
        await asyncio.wait({receiving})
    kept = len(layer.receive_buffer)
    print(f"expected none of {LEFT} channels that were left to be kept; seen: {kept} are")
    return 0 if kept > LEFT // 2 else 1


sys.exit(asyncio.run(main()))
