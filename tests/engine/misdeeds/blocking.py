"""Misdeeds that block, spin or swell."""

from __future__ import annotations

import ctypes
import signal
import sys
import threading
import time
from contextlib import suppress

from engine.misdeeds.registry import kept, misdeed


@misdeed
def blocks_in_c() -> None:
    ctypes.PyDLL(None).sleep(3600)


@misdeed
def swallows_interruptions() -> None:
    while True:
        with suppress(BaseException):
            time.sleep(3600)


@misdeed
def spins() -> None:
    while True:
        pass


@misdeed
def reads_standard_input() -> None:
    sys.stdin.read()


@misdeed
def locks_itself_up() -> None:
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()


@misdeed
def spins_in_a_thread() -> None:
    threading.Thread(target=spins).start()


@misdeed
def spins_in_daemon_threads() -> None:
    for _ in range(8):
        threading.Thread(target=spins, daemon=True).start()


@misdeed
def never_switches_threads() -> None:
    sys.setswitchinterval(1e6)
    threading.Thread(target=spins, daemon=True).start()


@misdeed
def spins_beyond_signals() -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    spins()


@misdeed
def swells() -> None:
    while True:
        kept.append(bytearray(1 << 23))
        time.sleep(0.002)


@misdeed
def swells_in_a_thread() -> None:
    threading.Thread(target=swells, daemon=True).start()
