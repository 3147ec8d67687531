"""Measures the memory of an open subscription, in this process and in those that the target started."""

from __future__ import annotations

import gc
import os
import tracemalloc
from collections.abc import Collection
from contextlib import AsyncExitStack
from pathlib import Path
from uuid import uuid4

from eventhook_conformance.bench.result import Memory
from eventhook_conformance.contract import EventPattern, StreamingBackend

_PROC = Path("/proc")


def descendants() -> set[int]:
    """Returns the children of this process and their children; empty if the system does not tell."""
    parents: dict[int, int] = {}
    for entry in _PROC.glob("[0-9]*"):
        try:
            # The name in brackets may hold anything, blanks and brackets too.
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has just ended
        parents[int(entry.name)] = int(fields[1])
    found: set[int] = set()
    new = {os.getpid()}
    while new:
        new = {pid for pid, parent in parents.items() if parent in new} - found
        found |= new
    return found


def resident_bytes(processes: Collection[int]) -> int:
    """Returns the memory that these processes use together."""
    pages = 0
    for process in processes:
        try:
            pages += int((_PROC / str(process) / "statm").read_text().split()[1])
        except OSError:
            continue  # it has ended
    return pages * os.sysconf("SC_PAGE_SIZE")


async def subscription_memory(
    backend: StreamingBackend,
    subscriptions: int,
    *,
    events: bool,
    in_process: bool,
    processes: Collection[int],
) -> Memory:
    """Opens subscriptions, each of another tenant or key, and measures their memory.

    Args:
        backend: the client that subscribes.
        subscriptions: the number of subscriptions.
        events: use the event side, else the stream side.
        in_process: the target runs in this process, at least in part.
        processes: the processes that the target started.
    """
    patterns = [EventPattern.all(uuid4()) for _ in range(subscriptions)]
    keys = [str(uuid4()) for _ in range(subscriptions)]
    async with AsyncExitStack() as stack:
        resident = resident_bytes(processes)
        gc.collect()
        tracemalloc.start()
        try:
            for pattern, key in zip(patterns, keys, strict=True):
                await stack.enter_async_context(
                    backend.events.subscribe(pattern) if events else backend.streams.subscribe(key)
                )
            gc.collect()
            traced = tracemalloc.get_traced_memory()[0]
        finally:
            tracemalloc.stop()
        grown = max(0, resident_bytes(processes) - resident)
    return Memory(
        subscriptions=subscriptions,
        python_bytes=traced / subscriptions if in_process else None,
        children_bytes=grown / subscriptions if processes else None,
    )
