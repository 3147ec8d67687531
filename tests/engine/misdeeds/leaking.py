"""Misdeeds that leave things behind."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from typing import Final

from engine.misdeeds.registry import kept, misdeed

_STAYS: Final = "import time; time.sleep(3600)"


@misdeed
def leaks_tasks() -> None:
    for _ in range(100):
        kept.append(asyncio.get_running_loop().create_task(asyncio.sleep(3600)))


@misdeed
def leaks_a_task_that_cannot_be_cancelled() -> None:
    async def stays() -> None:
        while True:
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(3600)

    kept.append(asyncio.get_running_loop().create_task(stays()))


@misdeed
def leaks_threads() -> None:
    for _ in range(10):
        threading.Thread(target=time.sleep, args=(3600,)).start()


@misdeed
def leaks_a_process() -> None:
    kept.append(subprocess.Popen(["sleep", "3600"]))


@misdeed
def leaks_a_session() -> None:
    kept.append(subprocess.Popen(["sleep", "3600"], start_new_session=True))


@misdeed
def leaks_descriptors() -> None:
    kept.extend(socket.socketpair() for _ in range(50))


@misdeed
def leaks_a_daemon() -> None:
    name = f"eventhook-{os.environ.get('HOSTILE_ROW', '')}"
    subprocess.Popen(
        ["/bin/sh", "-c", 'exec "$@" &', "sh", sys.executable, "-c", _STAYS, name],
        env={},
        start_new_session=True,
    ).wait()
