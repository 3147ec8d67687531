"""Publishes N events on one subject, in a process of its own: `nats_flood.py URL SUBJECT N`.

Standard input has the wire form of the event. So a benchmark of reading does not measure its publisher.
"""

from __future__ import annotations

import asyncio
import sys

import nats

FLUSH_S = 60


async def flood(url: str, subject: str, body: bytes, events: int) -> None:
    """Publishes as fast as the client library can."""
    client = await nats.connect(url)
    try:
        for _ in range(events):
            await client.publish(subject, body)
        await client.flush(FLUSH_S)
    finally:
        await client.close()


if __name__ == "__main__":
    _, url_, subject_, events_ = sys.argv
    asyncio.run(flood(url_, subject_, sys.stdin.buffer.read(), int(events_)))
