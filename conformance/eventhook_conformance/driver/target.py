"""Makes a target of a driver's command line: `driver:COMMAND LINE`. Starts a driver that failed again."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import PurePath
from typing import ClassVar, Final

from eventhook_conformance.contract import StreamingBackend
from eventhook_conformance.driver.attaching import words_of
from eventhook_conformance.driver.backend import DriverBackend
from eventhook_conformance.driver.errors import DriverFailed, Refused
from eventhook_conformance.driver.messages import Initialized
from eventhook_conformance.driver.process import DriverProcess
from eventhook_conformance.driver.stderr import Outlet
from eventhook_conformance.event_loop import run_in_loop
from eventhook_conformance.target.capabilities import Capabilities
from eventhook_conformance.target.definition import Server, Target

PROFILES: Final = frozenset({"events", "streams"})
"""The profiles that a driver of protocol 1 can claim; one of protocol 2 can claim `replay` too."""
_ALIVE_S: Final = 3.0
_LONGEST_WORD: Final = 200
"""The most letters that are shown of a driver's name."""
_PING: Final = b'{"subscription":"no such subscription","max":1,"timeout_ms":0}'


class DriverCapabilities(Capabilities):
    """The claims of a driver."""

    driver: ClassVar[bool] = True


class DriverUnusable(Exception):
    """No target can be made of that command line; the message is one line."""


class DriverHost(Server):
    """Keeps one process of a driver running, and starts another when that one failed.

    Args:
        command: the program and its arguments.
        label: how messages and its standard error are marked.
        outlet: where its standard error goes.
    """

    def __init__(self, command: Sequence[str], label: str, outlet: Outlet) -> None:
        self.address = shlex.join(command)
        self._command = command
        self._label = label
        self._outlet = outlet
        self._process: DriverProcess | None = None
        self._starting = asyncio.Lock()

    def twin(self) -> DriverHost:
        """Returns a host of the same driver, for one more process of it."""
        return DriverHost(self._command, self._label, self._outlet)

    async def process(self) -> DriverProcess:
        """Returns the running process.

        Raises:
            DriverFailed: it failed since the last `take_fault`; or it cannot be started.
        """
        async with self._starting:
            process = self._process
            if process is None:
                process = DriverProcess(self._command, self._label, self._outlet)
                try:
                    await process.start()
                finally:
                    # One that could not be started is asked why; one that was cancelled is gone.
                    if process.failure is not None or process.alive:
                        self._process = process
            if process.failure is not None:
                raise process.failure
            return process

    @property
    def failed(self) -> bool:
        """True if the process is known to have failed."""
        return self._process is not None and self._process.failure is not None

    async def take_fault(self) -> str | None:
        """Returns the driver's error since the last call; the next client gets a fresh process.

        Sends a request that it must answer at once, in any state of the bus. This tells a driver that
        hangs from a bus that hangs.
        """
        process = self._process
        if process is None:
            return None
        try:
            async with asyncio.timeout(_ALIVE_S):
                await process.post("next", _PING)
        except TimeoutError:
            await process.fail(f"hangs: a `next` was not answered within {_ALIVE_S:g} s")
        except (Refused, DriverFailed):
            pass  # alive, or known to have failed
        if process.failure is None:
            return None
        if self._process is process:  # else a concurrent call took it before
            self._process = None
        return str(process.failure)

    async def end(self) -> None:
        """Shuts the process down.

        Raises:
            DriverFailed: it does not do so as it should; it is gone all the same.
        """
        process, self._process = self._process, None
        if process is not None and (problem := await process.end()):
            raise DriverFailed(problem)


def driver_target(command_line: str) -> Target:
    """Starts the driver once to ask for its name and claims.

    Raises:
        DriverUnusable: it cannot be started, does not answer in time, or makes a claim that no driver can.
    """
    try:
        command = words_of(command_line)
    except ValueError as error:
        raise DriverUnusable(f"this is no driver's command line: {error}") from error
    if not command:
        raise DriverUnusable("there is no command; expected driver:COMMAND LINE")
    # Before anything captures standard error, which pytest does from its start on.
    label, outlet = _label(shlex.split(command_line)), Outlet()
    about = _run(command, label, outlet)
    claims = {**about.capabilities, "in_process": False}
    claims.setdefault("profiles", sorted(PROFILES))
    try:
        capabilities = DriverCapabilities.from_dict(claims)
    except (TypeError, ValueError) as error:
        raise DriverUnusable(f"driver {label} makes an impossible claim: {error}") from error
    name = _shown(about.name) or label
    allowed = profiles_of(about.protocol)
    if beyond := sorted(set(capabilities.profiles) - allowed):
        raise DriverUnusable(
            f"driver {label} claims {', '.join(beyond)}; "
            f"expected {', '.join(sorted(allowed))} of protocol {about.protocol}"
        )

    @asynccontextmanager
    async def server() -> AsyncIterator[Server]:
        host = DriverHost(command, name, outlet)
        hosts[host.address] = host
        try:
            await host.process()
            yield host
        finally:
            await host.end()

    @asynccontextmanager
    async def connect(address: str) -> AsyncIterator[StreamingBackend]:
        backend = await DriverBackend.open(await hosts[address].process())
        try:
            yield backend
        finally:
            await backend.release()

    hosts: dict[str, DriverHost] = {}
    words = (name, _shown(about.version), _shown(about.language))
    return Target(
        name,
        server=server,
        connect=connect,
        capabilities=capabilities,
        about="{} {}, {}, by driver: {}".format(*words, _shown(command_line, None)),
    )


def _shown(text: str, most: int | None = _LONGEST_WORD) -> str:
    """Returns the printable letters of a text, so many at most: a driver may call itself anything."""
    return "".join(letter for letter in text if letter.isprintable()).strip()[:most]


def profiles_of(protocol: int) -> frozenset[str]:
    """Returns the profiles that a driver of a protocol can claim."""
    return PROFILES if protocol == 1 else PROFILES | {"replay"}


def _label(command: Sequence[str]) -> str:
    """Returns how a driver is called before it has said its name: by the first part that is a name."""
    return PurePath(command[0]).name or command[0]


def _run(command: Sequence[str], label: str, outlet: Outlet) -> Initialized:
    """Asks in an event loop of its own, wherever it is called."""

    def asking() -> Initialized:
        try:
            return run_in_loop(_ask(command, label, outlet))
        except DriverFailed as error:
            raise DriverUnusable(str(error)) from error

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asking()
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asking).result()


async def _ask(command: Sequence[str], label: str, outlet: Outlet) -> Initialized:
    process = DriverProcess(command, label, outlet)
    try:
        return await process.start()
    finally:
        await process.end()
