"""aio-pika keeps the objects of a closed channel as long as its connection lives (PUB-25).

AMQP_URL names the server.
"""

import asyncio
import gc
import os
import sys

import aio_pika

CLOSED = 100


def tasks() -> int:
    """Returns how many tasks are held in memory, finished ones included."""
    gc.collect()
    return sum(isinstance(one, asyncio.Task) for one in gc.get_objects())


async def main() -> int:
    connection = await aio_pika.connect(os.environ.get("AMQP_URL", "amqp://127.0.0.1/"))
    before = tasks()
    for _ in range(CLOSED):
        async with connection.channel():
            pass
    kept = tasks() - before
    print(f"expected the tasks of {CLOSED} closed channels to be freed; seen: {kept} are kept")
    await connection.close()
    return 0 if kept >= CLOSED else 1


sys.exit(asyncio.run(main()))
