"""The services over a client's bus, entered when first asked for, left before the client closes."""

from __future__ import annotations

import asyncio
from typing import Any

from eventhook_conformance.contract import Unsupported
from eventhook_conformance.probe.client import Client
from eventhook_conformance.probe.context_task import ContextTask
from eventhook_conformance.probe.deadline import Deadline
from eventhook_conformance.probe.failure import describe
from eventhook_conformance.target import HttpTarget, Target, WorkflowService


class Services:
    """A target's `workflows` and `http`, at most one of each for every client.

    Args:
        target: whose services.
        deadline: bounds leaving; entering may take `start_timeout_s`, in seconds.
    """

    def __init__(self, target: Target, deadline: Deadline, start_timeout_s: float) -> None:
        self._target = target
        self._deadline = deadline
        self._start_timeout_s = start_timeout_s
        self._entering: dict[tuple[str, Client], asyncio.Lock] = {}
        self._context_task: dict[tuple[str, Client], tuple[ContextTask[Any], Any]] = {}

    async def workflows(self, client: Client) -> WorkflowService:
        """Returns the workflow service over that client's bus.

        Raises:
            BaseException: whatever entering it raised.
        """
        service: WorkflowService = await self._enter("workflows", client)
        return service

    async def http(self, client: Client) -> HttpTarget:
        """Returns the HTTP endpoints over that client's bus.

        Raises:
            BaseException: whatever entering them raised.
        """
        target: HttpTarget = await self._enter("http", client)
        return target

    async def _enter(self, kind: str, client: Client) -> Any:
        # Cases that run side by side share one service: the first enters it, the others wait.
        async with self._entering.setdefault((kind, client), asyncio.Lock()):
            return await self._enter_once(kind, client)

    async def _enter_once(self, kind: str, client: Client) -> Any:
        if (kind, client) not in self._context_task:
            factory = getattr(self._target, kind)
            if factory is None:
                raise Unsupported(f"target {self._target.name!r} has no {kind}")
            context_task: ContextTask[Any] = ContextTask(
                lambda: factory(client.backend), self._deadline
            )
            self._context_task[kind, client] = (
                context_task,
                await context_task.enter(self._start_timeout_s),
            )
        return self._context_task[kind, client][1]

    async def leave(self, client: Client) -> list[str]:
        """Leaves the services over that client; returns an error, if there was one."""
        problems = []
        for kind, whose in [key for key in self._context_task if key[1] is client]:
            context_task, _ = self._context_task.pop((kind, whose))
            self._entering.pop((kind, whose), None)
            try:
                await context_task.leave()
            except Exception as error:  # because: whatever the target raises is a finding
                problems.append(f"leaving {kind} raised {describe(error)}")
        return problems
