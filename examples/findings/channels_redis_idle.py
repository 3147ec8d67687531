"""With redis-py 8, `receive` of channels_redis' core layer fails when nothing came for 5 seconds.

It waits by a command of 5 seconds, and 5 seconds is also redis-py's limit for any command. REDIS_URL names
the server.
"""

import asyncio
import os
import sys

from channels_redis.core import RedisChannelLayer


async def main() -> int:
    layer = RedisChannelLayer(hosts=[os.environ.get("REDIS_URL", "redis://127.0.0.1:6379")])
    receiving = asyncio.create_task(layer.receive(await layer.new_channel()))
    await asyncio.wait({receiving}, timeout=12)
    seen = repr(receiving.exception()) if receiving.done() else "it waits"
    receiving.cancel()
    print(f"expected receive to wait for a message; seen after at most 12 s: {seen}")
    return 0 if "TimeoutError" in seen else 1


sys.exit(asyncio.run(main()))
