"""The clients of a run: two that all cases share, and those that a case opens for itself."""

from __future__ import annotations

import asyncio
import sys
from typing import Final

from eventhook_conformance.contract import StreamingBackend
from eventhook_conformance.driver.second_process import (
    NoSecondProcess,
    SecondProcess,
    hear_each_other,
)
from eventhook_conformance.history import Clock, History
from eventhook_conformance.probe.client import Client
from eventhook_conformance.probe.context_task import ContextTask
from eventhook_conformance.probe.deadline import Deadline
from eventhook_conformance.probe.failure import NotOffered, Undecided, describe
from eventhook_conformance.probe.services import Services
from eventhook_conformance.target import Server, Target

OPEN_TIMEOUT_S: Final = 30.0
_KIT_CLIENT: Final = "eventhook_conformance.kit.kit_client"


class TargetUnusable(Exception):
    """The target cannot be opened, entered or published to: there is nothing to judge."""


class ClientPool:
    """Opens and closes everything of a target that is open in a run.

    Args:
        target: whose clients.
        deadline: bounds leaving; entering may take half a minute.
        clock: the run's.
        open_timeout_s: how long entering may take, in seconds.
        found_as: the name by which a second process finds the target, if there is one.
    """

    def __init__(
        self,
        target: Target,
        deadline: Deadline,
        clock: Clock,
        open_timeout_s: float = OPEN_TIMEOUT_S,
        found_as: str | None = None,
    ) -> None:
        self.server: Server | None = None
        self.services = Services(target, deadline, open_timeout_s)
        self.kit: tuple[str, ...] = ()
        """The parts of the kit that the target is made of."""
        self._target = target
        self._open_timeout_s = open_timeout_s
        self._deadline = deadline
        self._clock = clock
        self._shared: dict[int, Client] = {}
        self._outworn: list[Client] = []
        self._opening = asyncio.Lock()
        self._opened = 0
        self._server_context: ContextTask[Server] | None = None
        self._claims_processes = target.capabilities.processes
        self._found_as = found_as
        self._second: SecondProcess | None = None
        self._starting: asyncio.Task[None] | None = None
        self._missing = (
            "a bus without a server lives in its process"
            if target.open is not None and not target.capabilities.processes
            else None
        )
        """Why there is no second process, where that is known."""
        self._meets = False

    async def start(self) -> None:
        """Enters the target's server, where it has one.

        Raises:
            TargetUnusable: that raised or hung.
        """
        if self._target.server is None or self.server is not None:
            return
        self._server_context = ContextTask(self._target.server, self._deadline)
        try:
            self.server = await self._server_context.enter(self._open_timeout_s)
        except Exception as error:  # because: whatever the target raises is said in one line
            raise TargetUnusable(f"its server could not be started: {describe(error)}") from error

    async def shared(self, number: int) -> Client:
        """Returns the first (0) or second (1) of the shared clients; opens it when first asked."""
        client = self._shared.get(number)
        if client is not None and not client.tainted and not client.closed:
            return client
        async with self._opening:  # or several that ask at once would each open one
            client = self._shared.get(number)
            if client is None or client.tainted or client.closed:
                if client is not None:
                    self._outworn.append(client)
                client = await self._open(f"c{number + 1}")
                self._shared[number] = client
            return client

    async def open_client(self, history: History, address: str | None = None) -> Client:
        """Opens one more client, for one case; at another address than the run's server, if one is given.

        Raises:
            BaseException: whatever opening raised.
        """
        self._opened += 1
        name = f"c{2 + self._opened}"
        remark = history.remark(name, "open a client")
        client = await self._open(name, address)
        remark.returned, remark.result = self._clock.now(), "open"
        return client

    def start_second_process(self) -> None:
        """Begins to start the second process, so that nobody has to wait for it."""
        if self._second is None and self._missing is None:
            self._second = SecondProcess(self._found_as, self.server)
            self._starting = asyncio.get_running_loop().create_task(self._second.start())
            self._starting.add_done_callback(_noticed)

    async def open_elsewhere(self, history: History) -> Client:
        """Opens one more client in the second process, for one case.

        Raises:
            NotOffered: there is no second process, or it has no bus in common with this one.
            Undecided: there is none, though the target claims to work over several processes.
        """
        async with self._opening:
            self.start_second_process()
            if self._missing is None:
                self._missing = await self._look_for_second()
        if self._missing is not None:
            if self._claims_processes:
                raise Undecided(f"processes are claimed, but {self._missing}")
            raise NotOffered(f"processes: {self._missing}")
        self._opened += 1
        name = f"p2c{self._opened}"
        remark = history.remark(name, "open a client in another process")
        client = await self._enter_elsewhere(name)
        remark.returned, remark.result = self._clock.now(), "open"
        return client

    async def _look_for_second(self) -> str | None:
        """Returns why there is no second process of the same bus; None if there is one."""
        if self._meets or self._second is None:
            return None
        try:
            client = await self._enter_elsewhere("p2")
        except Exception as error:  # because: whatever the target raises is told in one line
            # What lives in the process that entered the server cannot be opened elsewhere: no fault.
            await self._second.take_fault()
            return f"no client could be opened in a second process: {describe(error)}"
        try:
            if not (self._claims_processes or self._second.certain):
                here = self._shared.get(0) or await self._open("c1")
                self._shared[0] = here
                side = min({"events", "streams"}.intersection(self._target.capabilities.profiles))
                self._meets = await hear_each_other(here.backend, client.backend, side)
                if not self._meets:
                    return "a second process hears nothing of the first one, nor is heard by it"
            self._meets = True
            return None
        finally:
            await client.leave()

    async def _enter_elsewhere(self, name: str) -> Client:
        if self._second is None:
            raise NoSecondProcess("it was not started")
        context_task = ContextTask(self._second.client, self._deadline)
        backend = await context_task.enter(max(self._open_timeout_s, self._deadline.timeout_s))
        return Client(name, context_task, backend, self._deadline)

    async def _open(self, name: str, address: str | None = None) -> Client:
        connect, server = self._target.connect, self.server
        if connect is not None and server is not None:
            where = address or server.address
            context_task: ContextTask[StreamingBackend] = ContextTask(
                lambda: connect(where), self._deadline
            )
        elif self._target.open is not None:
            context_task = ContextTask(self._target.open, self._deadline)
        else:
            raise TargetUnusable("its server was not started")
        backend = await context_task.enter(max(self._open_timeout_s, self._deadline.timeout_s))
        self.kit = self.kit or _kit_parts(backend)
        return Client(name, context_task, backend, self._deadline)

    async def take_fault(self) -> str | None:
        """Returns what broke between the suite and the bus since the last call, if anything did.

        The shared clients went with it: the next case gets new ones.
        """
        fault = await self.server.take_fault() if self.server is not None else None
        if fault is None and self._second is not None:
            fault = await self._second.take_fault()
        if fault is not None:
            self.give_up_shared()
        return fault

    def give_up_shared(self) -> None:
        """Has no case use the clients that are shared now: their driver failed."""
        for client in self.all_shared():
            client.tainted = client.tainted or "its driver failed"

    def all_shared(self) -> list[Client]:
        """Returns the shared clients that are open, those that nobody gets any more included."""
        return [*self._shared.values(), *self._outworn]

    async def retire(self, client: Client) -> None:
        """Closes a shared client; the next case that asks for it gets a new one."""
        self._shared = {number: one for number, one in self._shared.items() if one is not client}
        self._outworn = [one for one in self._outworn if one is not client]
        await self.services.leave(client)
        await client.leave()

    async def close(self) -> str | None:
        """Closes all clients and the server; returns what went wrong with the server, if anything did."""
        for client in self.all_shared():
            await self.retire(client)
        if self._second is not None:
            if self._starting is not None:
                self._starting.cancel()
                await asyncio.wait({self._starting})
            await self._second.end()
            self._second = None
        if self._server_context is None:
            return None
        context_task, self._server_context, self.server = self._server_context, None, None
        try:
            await context_task.leave(timeout_s=self._open_timeout_s)
        except Exception as error:  # because: the verdict stands, however the server ends
            return f"the target's server did not end: {describe(error)}"
        return None


def _noticed(starting: asyncio.Task[None]) -> None:
    """Ignores that a process could not be started: opening the first client in it reports the cause."""
    if not starting.cancelled():
        starting.exception()


def _kit_parts(backend: StreamingBackend) -> tuple[str, ...]:
    """Returns the parts of the kit that an adapter uses; a target's own member of that name is its own."""
    module = sys.modules.get(_KIT_CLIENT)  # an adapter's target has imported it; others need not
    if module is None or not issubclass(type(backend), module.KitClient):
        return ()
    parts: tuple[str, ...] = backend.kit_parts  # type: ignore[attr-defined]  # because: it is an adapter
    return parts
