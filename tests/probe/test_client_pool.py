"""The pool opens a target's clients, and asks them for nothing that the contract does not name."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, ClassVar

from eventhook_conformance.contract import StreamingBackend
from eventhook_conformance.history import Clock
from eventhook_conformance.kit import Adapter
from eventhook_conformance.probe import Deadline
from eventhook_conformance.probe.client_pool import ClientPool
from eventhook_conformance.target import Server, Target


class AnswersEverything:
    """A proxy of a remote client: each name is a remote method."""

    def __getattr__(self, name: str) -> Callable[..., Awaitable[None]]:
        async def call(*_: object) -> None:
            if name != "aclose":
                raise RuntimeError(f"the server has no method {name}")

        return call


def test_a_client_that_answers_every_name_is_opened_and_no_adapter() -> None:
    assert issubclass(
        Adapter, StreamingBackend
    )  # the kit is loaded, as in a run over several targets

    @asynccontextmanager
    async def open_client() -> AsyncIterator[Any]:
        yield AnswersEverything()

    async def open_one() -> tuple[str, ...]:
        pool = ClientPool(Target("proxy", open=open_client), Deadline(5.0), Clock())
        await pool.shared(0)
        kit = pool.kit
        await pool.close()
        return kit

    assert asyncio.run(open_one()) == ()


def test_a_server_has_as_long_to_end_as_to_start() -> None:
    class Slow(Server):
        address = "here"

    @asynccontextmanager
    async def server() -> AsyncIterator[Server]:
        yield Slow()
        await asyncio.sleep(0.1)

    @asynccontextmanager
    async def nothing() -> AsyncIterator[Any]:
        yield AnswersEverything()

    async def end_one() -> str | None:
        target = Target("slow", server=server, connect=lambda _: nothing())
        pool = ClientPool(target, Deadline(0.01), Clock())
        await pool.start()
        return await pool.close()

    assert asyncio.run(end_one()) is None


def test_what_broke_is_used_by_nobody_any_more() -> None:
    class Broken(Server):
        address = "here"
        faults: ClassVar[list[str | None]] = [None, "it died"]

        async def take_fault(self) -> str | None:
            return self.faults.pop(0)

    @asynccontextmanager
    async def server() -> AsyncIterator[Server]:
        yield Broken()

    @asynccontextmanager
    async def client() -> AsyncIterator[Any]:
        yield AnswersEverything()

    async def same_after_each() -> list[bool]:
        pool = ClientPool(
            Target("broken", server=server, connect=lambda _: client()), Deadline(5.0), Clock()
        )
        await pool.start()
        same = []
        for _ in range(2):
            before = await pool.shared(0)
            await pool.take_fault()
            same.append(await pool.shared(0) is before)
        await pool.close()
        return same

    assert asyncio.run(same_after_each()) == [True, False]
