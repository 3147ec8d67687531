"""Misdeeds that change the state of the process."""

from __future__ import annotations

import asyncio
import builtins
import faulthandler
import gc
import io
import json
import locale
import logging
import os
import pathlib
import random
import resource
import shutil
import signal
import sys
import tempfile
import threading
import time
import uuid
import warnings
from contextlib import suppress
from typing import NoReturn

import msgspec

from engine.misdeeds.blocking import spins
from engine.misdeeds.raising import Odd, raising
from engine.misdeeds.registry import kept, misdeed


@misdeed
def closes_all_descriptors() -> None:
    os.closerange(3, 4096)


@misdeed
def closes_standard_streams() -> None:
    for descriptor in (0, 1, 2):
        os.close(descriptor)


@misdeed
def writes_garbage_everywhere() -> None:
    for name in list(os.listdir("/proc/self/fd")):  # noqa: PTH208  # because: numbers are wanted
        with suppress(OSError):
            os.set_blocking(int(name), False)
            os.write(int(name), b"garbage\n" * 3)


@misdeed
def floods_the_console() -> None:
    for _ in range(2_000):
        sys.stdout.write("x" * 1000 + "\n")


@misdeed
def replaces_json() -> None:
    json.dumps = json.loads = json.JSONEncoder = None  # type: ignore[assignment,misc]  # because: it is a misdeed
    msgspec.json.encode = msgspec.json.decode = None  # type: ignore[assignment]  # because: as above


@misdeed
def replaces_time() -> None:
    time.monotonic = time.perf_counter = time.time = lambda: 0.0
    time.sleep = lambda _: None


@misdeed
def replaces_builtins() -> None:
    builtins.print = builtins.repr = builtins.sorted = None  # type: ignore[assignment]  # because: it is a misdeed


@misdeed
def replaces_random() -> None:
    random.seed(0)
    uuid.uuid4 = lambda: uuid.UUID(int=7)


@misdeed
def replaces_streams() -> None:
    sys.stdout = sys.stderr = None


@misdeed
def replaces_os() -> None:
    os._exit = os.getpid = os.write = None  # type: ignore[assignment]  # because: it is a misdeed


@misdeed
def ignores_signals() -> None:
    for number in (signal.SIGALRM, signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    signal.setitimer(signal.ITIMER_REAL, 0)


@misdeed
def disables_faulthandler() -> None:
    faulthandler.disable()
    os._exit(7)


@misdeed
def changes_directory() -> None:
    os.chdir("/")


@misdeed
def removes_the_working_directory() -> None:
    shutil.rmtree(pathlib.Path.cwd())


@misdeed
def removes_the_temporary_folder() -> None:
    shutil.rmtree(tempfile.gettempdir(), ignore_errors=True)


@misdeed
def limits_descriptors() -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))


@misdeed
def limits_file_size() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


@misdeed
def limits_memory() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (1 << 20, 1 << 20))


@misdeed
def limits_recursion() -> None:
    sys.setrecursionlimit(max(60, len(_frames()) + 8))


def _frames() -> list[object]:
    found: list[object] = []
    frame = sys._getframe()
    while frame is not None:
        found.append(frame)
        frame = frame.f_back  # type: ignore[assignment]  # because: None ends it
    return found


@misdeed
def turns_warnings_into_errors() -> None:
    warnings.simplefilter("error")
    gc.set_threshold(1)


@misdeed
def clears_modules() -> None:
    for name in [one for one in sys.modules if one.startswith(("json", "msgspec"))]:
        del sys.modules[name]


@misdeed
def clears_the_environment() -> None:
    os.environ.clear()
    os.umask(0o777)
    logging.disable()


@misdeed
def closes_outputs() -> None:
    os.close(1)
    os.close(2)


@misdeed
def puts_others_in_place_of_descriptors() -> None:
    null = os.open(os.devnull, os.O_RDWR)
    for number in range(1024):
        if number != null:
            os.dup2(null, number)


@misdeed
def replaces_asyncio() -> None:
    for name in ("wait", "sleep", "create_task", "gather", "wait_for", "current_task"):
        setattr(asyncio, name, None)


@misdeed
def replaces_warnings() -> None:
    warnings.warn = warnings.showwarning = raising(Odd("no"))
    warnings.simplefilter("always")


@misdeed
def replaces_the_collector() -> None:
    gc.collect = gc.freeze = raising(Odd("no"))
    gc.callbacks.append(lambda *_: os._exit(0) if len(kept) > 1 << 20 else None)
    gc.disable()


@misdeed
def replaces_files() -> None:
    pathlib.Path.open = pathlib.Path.read_text = pathlib.Path.iterdir = None  # type: ignore[assignment,method-assign]  # because: it is a misdeed
    builtins.open = io.open = os.listdir = os.scandir = None  # type: ignore[assignment]  # because: as above


@misdeed
def replaces_threads() -> None:
    threading.Thread.start = threading.enumerate = threading.current_thread = None  # type: ignore[assignment,method-assign]  # because: it is a misdeed


@misdeed
def replaces_signals() -> None:
    signal.signal = signal.setitimer = signal.getsignal = None  # type: ignore[assignment]  # because: it is a misdeed


@misdeed
def clears_all_modules() -> None:
    sys.modules.clear()


@misdeed
def changes_the_locale() -> None:
    for name in ("tr_TR.UTF-8", "de_DE.UTF-8", "C"):
        with suppress(locale.Error):
            locale.setlocale(locale.LC_ALL, name)
    os.environ["LC_ALL"] = "no_SUCH"


@misdeed
def traces() -> None:
    def trace(*_: object) -> NoReturn:
        raise ValueError("no trace")

    sys.settrace(trace)


@misdeed
def profiles_slowly() -> None:
    sys.setprofile(lambda *_: time.sleep(0.0001))


@misdeed
def limits_processor_time() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (1, 1))
    spins()


@misdeed
def limits_stack_and_processes() -> None:
    resource.setrlimit(resource.RLIMIT_STACK, (1 << 16, 1 << 16))
    resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))


@misdeed
def lifts_the_recursion_limit() -> None:
    sys.setrecursionlimit(1 << 30)

    def again() -> None:
        again()

    again()


@misdeed
def replaces_the_import() -> None:
    builtins.__import__ = raising(ImportError("no imports"))
