"""A message that expires unread takes its channel out of the group, in Django Channels' layer in memory.

After the default `expiry` of a minute a consumer that was busy is sent nothing any more, and is not told.
"""

import asyncio
import sys

from channels.layers import InMemoryChannelLayer


async def main() -> int:
    layer = InMemoryChannelLayer(expiry=0.1)
    channel = await layer.new_channel()
    await layer.group_add("news", channel)
    await layer.group_send("news", {"type": "unread"})
    await asyncio.sleep(0.3)
    await layer.group_send("news", {"type": "next"})
    receiving = asyncio.create_task(layer.receive(channel))
    done, _ = await asyncio.wait({receiving}, timeout=2)
    receiving.cancel()
    print(f"expected the next message to come; seen: {'it came' if done else 'nothing in 2 s'}")
    return 1 if done else 0


sys.exit(asyncio.run(main()))
