"""Targets that misbehave once, at one call, in one way: `engine.hostile_targets:PLACE__MISDEED`.

Each is the correct bus of the zoo but for that. Some misdeeds can be undone by no one in the process.
"""

from __future__ import annotations

import asyncio
import atexit
import builtins
import ctypes
import faulthandler
import gc
import json
import logging
import os
import random
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
import warnings
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any, Final, NoReturn

import msgspec

from eventhook_conformance.contract import StreamingBackend, Subscription
from eventhook_conformance.target import Capabilities, Target
from eventhook_reference.mutants.base import Event, PliableBus, PliableClient, Side

MISDEEDS: Final[dict[str, Callable[[], object]]] = {}
LIES: Final[dict[str, Callable[[Event], Event]]] = {}
_WHEN: Final = {"open": 1, "subscribe": 3, "publish": 8, "read": 6, "leave": 2, "close": 1}
"""At which call of each place it happens: the suite has looked that the target works until then."""
_calls: Final[Counter[str]] = Counter()
_kept: Final[list[object]] = []


def misdeed(function: Callable[[], object]) -> Callable[[], object]:
    """Enters a function into the table under its name."""
    MISDEEDS[function.__name__] = function
    return function


def lie(function: Callable[[Event], Event]) -> Callable[[Event], Event]:
    """Enters a change of what is delivered into the table."""
    LIES[function.__name__] = function
    return function


# Each kind of exception


class Odd(BaseException):
    """An exception that is no `Exception`."""


class Unprintable(Exception):
    """An exception that cannot be described."""

    def __str__(self) -> str:
        raise RuntimeError("no text")

    def __repr__(self) -> str:
        raise RuntimeError("no repr")


def _raises(error: BaseException) -> Callable[[], NoReturn]:
    def raise_it() -> NoReturn:
        raise error

    return raise_it


for _error in (
    ValueError("no"),
    OSError(5, "no"),
    TimeoutError("no"),
    MemoryError("no"),
    RecursionError("no"),
    StopIteration("no"),
    StopAsyncIteration("no"),
    GeneratorExit("no"),
    KeyboardInterrupt("no"),
    SystemExit(0),
    asyncio.CancelledError("no"),
    Odd("no"),
    Unprintable("no"),
    ExceptionGroup("no", [ValueError("one"), OSError("two")]),
    UnicodeDecodeError("utf-8", b"\xff", 0, 1, "no"),
    ValueError("x" * 1_000_000),
    ValueError("\ud800\x00\x1b[31m"),
):
    _name = f"raises_{type(_error).__name__}"
    MISDEEDS[_name if _name not in MISDEEDS else f"{_name}_{len(MISDEEDS)}"] = _raises(_error)


# Ending and crashing the process


@misdeed
def exits_0() -> None:
    os._exit(0)


@misdeed
def exits_1() -> None:
    os._exit(1)


@misdeed
def crashes() -> None:
    ctypes.string_at(0)


@misdeed
def aborts() -> None:
    os.abort()


@misdeed
def kills_itself() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@misdeed
def stops_itself() -> None:
    os.kill(os.getpid(), signal.SIGSTOP)


@misdeed
def interrupts_itself() -> None:
    os.kill(os.getpid(), signal.SIGINT)


@misdeed
def replaces_itself() -> None:
    os.execv("/bin/true", ["true"])  # noqa: S606  # because: it is a misdeed


@misdeed
def exits_at_exit() -> None:
    atexit.register(os._exit, 0)


@misdeed
def hangs_at_exit() -> None:
    atexit.register(time.sleep, 3600)


@misdeed
def forks() -> None:
    os.fork()


@misdeed
def forks_and_stays() -> None:
    if os.fork() == 0:
        time.sleep(3600)


# Blocking


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


# Changing the process


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


# Leaking


@misdeed
def leaks_tasks() -> None:
    for _ in range(100):
        _kept.append(asyncio.get_running_loop().create_task(asyncio.sleep(3600)))


@misdeed
def leaks_a_task_that_cannot_be_cancelled() -> None:
    async def stays() -> None:
        while True:
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(3600)

    _kept.append(asyncio.get_running_loop().create_task(stays()))


@misdeed
def leaks_threads() -> None:
    for _ in range(10):
        threading.Thread(target=time.sleep, args=(3600,)).start()


@misdeed
def leaks_a_process() -> None:
    _kept.append(subprocess.Popen(["sleep", "3600"]))


@misdeed
def leaks_a_session() -> None:
    _kept.append(subprocess.Popen(["sleep", "3600"], start_new_session=True))


@misdeed
def leaks_descriptors() -> None:
    _kept.extend(socket.socketpair() for _ in range(50))


# Lying about what is delivered


class EqualText(str):
    """Text that is equal to all."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return True

    def __ne__(self, other: object) -> bool:
        return False

    __hash__ = str.__hash__


class EqualDict(dict[str, Any]):
    """A dictionary that is equal to all."""

    def __eq__(self, other: object) -> bool:
        return True

    def __ne__(self, other: object) -> bool:
        return False

    __hash__ = None


class Raising(str):
    """Text that raises for whatever is asked of it."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("no comparison")

    def __repr__(self) -> str:
        raise RuntimeError("no repr")

    __hash__ = str.__hash__


def _with(event: Event, **members: Any) -> Event:
    return msgspec.structs.replace(event, **members) if hasattr(event, "source") else event


@lie
def delivers_a_source_equal_to_all(event: Event) -> Event:
    return _with(event, source=EqualText("forged"))


@lie
def delivers_data_equal_to_all(event: Event) -> Event:
    return _with(event, data=EqualDict(forged=True))


@lie
def delivers_members_that_raise(event: Event) -> Event:
    return _with(event, source=Raising("forged"), event_type=Raising("a"))


@lie
def delivers_an_object(_event: Event) -> Event:
    return object()


@lie
def delivers_deep_data(event: Event) -> Event:
    data: list[Any] = []
    for _ in range(50_000):
        data = [data]
    return _with(event, data=data)


@lie
def delivers_much_data(event: Event) -> Event:
    return _with(event, data="x" * 30_000_000)


@lie
def delivers_members_of_wrong_types(event: Event) -> Event:
    return _with(event, id=None, tenant_id=[], event_type=7, timestamp_ms="now")


# The targets


class Hostile(PliableClient):
    """Misbehaves once at one place."""

    place = ""

    def act(self) -> None:
        """The misdeed."""

    def at(self, place: str) -> None:
        """Counts a call, and acts if it is the one."""
        if place == self.place:
            _calls[place] += 1
            if _calls[place] == _WHEN[place]:
                self.act()

    async def publish(self, side: Side, event: Event) -> None:
        self.at("publish")
        await super().publish(side, event)

    @asynccontextmanager
    async def subscription(self, side: Side, selects: Any) -> AsyncIterator[Subscription[Any]]:
        self.at("subscribe")
        async with super().subscription(side, selects) as channel:
            yield _Reading(channel, self)
            self.at("leave")

    async def aclose(self) -> None:
        self.at("close")
        await super().aclose()


class _Reading(Subscription[Any]):
    def __init__(self, channel: Subscription[Any], client: Hostile) -> None:
        self._channel = channel
        self._client = client

    @property
    def dropped(self) -> int | None:  # type: ignore[override]  # because: it follows the channel's
        return self._channel.dropped

    async def __anext__(self) -> Any:
        self._client.at("read")
        return await anext(self._channel)


class _Lying(PliableClient):
    told = 0

    def lie(self, event: Event) -> Event:
        """Returns what is delivered in place of an event."""
        return event

    def copy(self, event: Event) -> Event:
        _calls["copy"] += 1
        return self.lie(event) if _calls["copy"] > 8 else super().copy(event)


def target_of(name: str) -> Target:
    """Makes the target of a name."""
    place, _, what = name.partition("__")
    bus = PliableBus()
    if place == "deliver":
        kind: type[PliableClient] = type(
            "Lying", (_Lying,), {"lie": lambda _self, event: LIES[what](event)}
        )
    else:
        kind = type("Hostile", (Hostile,), {"place": place, "act": lambda _self: MISDEEDS[what]()})
    if place == "import":
        MISDEEDS[what]()

    def open_client() -> AbstractAsyncContextManager[StreamingBackend]:
        return _open()

    @asynccontextmanager
    async def _open() -> AsyncIterator[StreamingBackend]:
        if place == "open":
            MISDEEDS[what]()
        client = kind(bus)
        try:
            yield client
        finally:
            await client.aclose()

    return Target(name, open=open_client, capabilities=Capabilities(total_order=True))


def __getattr__(name: str) -> Target:
    if "__" not in name.strip("_"):
        raise AttributeError(name)
    return target_of(name)
