"""One process of a driver: requests go in, answers come out, and faults are put into words.

Over 300 lines: one process is followed from its start to its end.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final, TypeVar, cast

import msgspec

from eventhook_conformance.contract import StreamingError
from eventhook_conformance.driver.errors import (
    DriverFailed,
    LineTooLong,
    Refused,
    error_of,
    exit_text,
)
from eventhook_conformance.driver.messages import (
    MAX_LINE_BYTES,
    PROTOCOL,
    PROTOCOLS,
    Empty,
    Failure,
    Initialized,
    NotAMessage,
    read_answer,
    read_result,
    request_line,
    shown,
)
from eventhook_conformance.driver.stderr import Lines, Outlet

START_S: Final = 30.0
"""How long a driver may take to answer `initialize`."""
END_S: Final = 5.0
"""How long it may take to exit after `shutdown`, or after the end of its input."""
_DYING_S: Final = 1.0
_LOOK_EVERY_S: Final = 0.5

R = TypeVar("R")


class DriverProcess:
    """A running driver.

    Args:
        command: the program and its arguments.
        label: how messages and its standard error are marked.
        outlet: where its standard error goes.
    """

    def __init__(self, command: Sequence[str], label: str, outlet: Outlet) -> None:
        self.command = tuple(command)
        self.label = label
        self.failure: DriverFailed | None = None
        """The first failure; None before it."""
        self.protocol = PROTOCOL
        """The version that it speaks, once it was started."""
        self._lines = Lines(label, outlet)
        self._process: asyncio.subprocess.Process | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._pending: dict[int, tuple[str, asyncio.Future[msgspec.Raw]]] = {}
        self._unsent: list[bytes] = []
        self._number = 0
        self._ending = False
        self._failing: asyncio.Task[DriverFailed] | None = None
        self._deaf: asyncio.Task[None] | None = None
        """Finds why it reads no more requests."""

    # Life

    async def start(self, timeout_s: float = START_S) -> Initialized:
        """Starts the program, and asks for its name and claims.

        Raises:
            DriverFailed: it cannot be started, or gives no right answer in time; it is gone then.
        """
        try:
            self._process = await asyncio.create_subprocess_exec(
                *self.command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                limit=MAX_LINE_BYTES,
                # Of its own, so that all it starts can be ended, and Ctrl-C is ours alone.
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            self.failure = DriverFailed(f"driver {self.label} cannot be started: {error}")
            raise self.failure from error
        loop = asyncio.get_running_loop()
        output, errors = self._process.stdout, self._process.stderr
        self._tasks = [
            loop.create_task(self._lines.read(cast(asyncio.StreamReader, errors))),
            loop.create_task(self._read(cast(asyncio.StreamReader, output))),
            loop.create_task(self._watch(self._process)),
        ]
        try:
            about = await asyncio.wait_for(self._initialize(), timeout_s)
        except TimeoutError:
            raise await self.fail(f"did not answer `initialize` within {timeout_s:g} s") from None
        except Refused as error:
            raise await self.fail(str(error)) from error
        except DriverFailed:
            raise
        except BaseException:  # because: also on Ctrl-C no driver may be left running
            await self.kill()
            raise
        if about.protocol not in PROTOCOLS:
            known = " or ".join(map(str, PROTOCOLS))
            raise await self.fail(f"speaks protocol {about.protocol}; expected {known}")
        self.protocol = about.protocol
        return about

    async def _initialize(self) -> Initialized:
        """Asks for the newest protocol; a driver that refuses it is asked for the first one."""
        try:
            return await self.ask("initialize", b'{"protocol":%d}' % PROTOCOL, Initialized)
        except (Refused, StreamingError):
            return await self.ask("initialize", b'{"protocol":%d}' % PROTOCOLS[0], Initialized)

    @property
    def alive(self) -> bool:
        """True if it was started, and was neither ended nor killed."""
        return self._process is not None and not self._ending

    async def end(self) -> str | None:
        """Shuts it down; returns what went wrong, if anything. The process is gone afterwards."""
        self._ending = True
        try:
            if self.failure is not None or self._process is None:
                return None
            try:
                async with asyncio.timeout(END_S):
                    await self.ask("shutdown", b"{}", Empty)
                    code = await self._process.wait()
            except TimeoutError:
                return f"driver {self.label} did not end within {END_S:g} s of `shutdown`"
            except DriverFailed as error:
                return str(error)
            return None if code == 0 else self._told(f"{exit_text(code)} after `shutdown`")
        finally:
            await self.kill()
            self._give_up(f"driver {self.label} was shut down")

    async def kill(self) -> None:
        """Kills the process and all that it started, and closes its pipes."""
        process = self._process
        if process is None:
            return
        self._ending = True
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        with suppress(TimeoutError):
            async with asyncio.timeout(_DYING_S):
                await process.wait()
                await self._tasks[0]
        current = asyncio.current_task()
        for task in self._tasks:
            if task is not current:
                task.cancel()
        await asyncio.gather(
            *(task for task in self._tasks if task is not current), return_exceptions=True
        )
        if process.stdin is not None:
            process.stdin.close()
        # asyncio closes a process's pipes when they have ended; a grandchild may keep them open.
        transport: Any = getattr(process, "_transport", None)
        if transport is not None:
            transport.close()

    async def fail(self, what: str) -> DriverFailed:
        """Notes what it did, kills it, and tells all who wait for an answer; the first failure counts."""
        if self._failing is None:
            # By a task of its own: the task that noticed may be cancelled, and this has to be finished.
            self._failing = asyncio.get_running_loop().create_task(self._fail(what))
        return await asyncio.shield(self._failing)

    async def _fail(self, what: str) -> DriverFailed:
        await self.kill()
        self.failure = DriverFailed(self._told(what))
        self._give_up(str(self.failure))
        return self.failure

    def _give_up(self, why: str) -> None:
        pending, self._pending = self._pending, {}
        for _, future in pending.values():
            if not future.done():
                future.set_exception(DriverFailed(why))
                future.exception()  # the caller may have given up

    def _told(self, what: str) -> str:
        last = self._lines.last()
        return f"driver {self.label} {what}; its last lines: {last or 'none'}"

    @property
    def _started(self) -> asyncio.subprocess.Process:
        if self._process is None:
            raise DriverFailed(f"driver {self.label} was not started")
        return self._process

    # Requests

    async def ask(self, method: str, params: bytes, kind: type[R]) -> R:
        """Sends a request, and waits for its answer as long as it takes.

        Raises:
            StreamingError: the answer is one of the contract's errors.
            DriverFailed: the answer is wrong, or none can come any more.
            LineTooLong: the request does not fit into a line.
        """
        raw = await self.post(method, params)
        return await self.read(method, raw, kind)

    async def read(self, method: str, raw: msgspec.Raw, kind: type[R]) -> R:
        """Returns the value of a result; a wrong result ends the process."""
        try:
            return read_result(method, raw, kind)
        except NotAMessage as error:
            raise await self.fail(f"printed {error}") from error

    def post(self, method: str, params: bytes) -> asyncio.Future[msgspec.Raw]:
        """Sends a request; the future has its result, even if nobody waits for it any more."""
        if self.failure is not None:
            raise DriverFailed(*self.failure.args)
        self._number += 1
        line = request_line(self._number, method, params)
        if len(line) > MAX_LINE_BYTES:
            raise LineTooLong(f"{len(line)} bytes; a line has at most {MAX_LINE_BYTES}")
        future: asyncio.Future[msgspec.Raw] = asyncio.get_running_loop().create_future()
        self._pending[self._number] = (method, future)
        if not self._unsent:
            # Requests of one turn of the loop go out at once: a burst costs one write.
            asyncio.get_running_loop().call_soon(self._send)
        self._unsent.append(line)
        return future

    def _send(self) -> None:
        lines, self._unsent = self._unsent, []
        stdin = self._process.stdin if self._process is not None else None
        if stdin is not None and not stdin.is_closing():
            stdin.write(b"".join(lines))
        if stdin is not None and stdin.is_closing() and self.alive and self._deaf is None:
            self._deaf = asyncio.get_running_loop().create_task(
                self._ended("closed its standard input")
            )

    def close_input(self) -> None:
        """Ends its standard input, which means the same as `shutdown`."""
        self._ending = True
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()

    async def wait(self) -> int:
        """Returns its exit code, when it has ended."""
        return await self._started.wait()

    # Answers

    async def _read(self, reader: asyncio.StreamReader) -> None:
        try:
            while line := await reader.readline():
                self._take(line)
        except NotAMessage as error:
            await self.fail(f"printed {error}")
        except ValueError:  # because: what asyncio makes of a line beyond its limit
            await self.fail(f"printed a line of more than {MAX_LINE_BYTES} bytes")
        else:
            await self._ended("closed its standard output")

    async def _watch(self, process: asyncio.subprocess.Process) -> None:
        """Notices that it has exited, even if another process holds its output open."""
        # `wait` returns when all pipes are closed too: on Python 3.11, that is.
        while process.returncode is None:  # noqa: ASYNC110  # because: nothing tells it
            await asyncio.sleep(_LOOK_EVERY_S)
        await asyncio.sleep(_DYING_S)  # its earlier output is read first
        await self._ended("closed its standard output")

    async def _ended(self, how: str) -> None:
        """Handles the end of the process, of its input or of its output.

        Args:
            how: what ended, in words; used if the process itself runs on.
        """
        process = self._started
        with suppress(TimeoutError):
            async with asyncio.timeout(_DYING_S):
                await process.wait()
        if process.returncode is not None:
            how = exit_text(process.returncode)
        if not self._ending or self._pending:
            asked = [method for method, future in self._pending.values() if not future.done()]
            asked.sort(key="next".__eq__)  # a `next` usually waits, so another request says more
            owing = f", owing an answer to `{asked[0]}`" if asked else ""
            await self.fail(how + owing)

    def _take(self, line: bytes) -> None:
        if not line.endswith(b"\n"):
            raise NotAMessage(f"{shown(line)} and ended in the middle of the line")
        answer = read_answer(line)
        if answer.id not in self._pending:
            past = 1 <= answer.id <= self._number
            raise NotAMessage(
                f"{shown(line)}: "
                + (
                    f"request {answer.id} was answered before"
                    if past
                    else f"there is no request {answer.id}"
                )
            )
        method, future = self._pending.pop(answer.id)
        if future.done():
            return
        if isinstance(answer.error, Failure):
            future.set_exception(error_of(method, answer.error))
        elif isinstance(answer.result, msgspec.Raw):
            future.set_result(answer.result)
