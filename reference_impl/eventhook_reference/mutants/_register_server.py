"""Registers broken servers: over a correct bus, with one step of the application changed."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Final

from eventhook_conformance.contract import StreamingBackend
from eventhook_conformance.target import HttpTarget, Mutant, Target
from eventhook_reference.mutants._register import register
from eventhook_reference.mutants.base import PliableClient, pliable_target

KEEP_ALIVE_S: Final = 0.4

Change = Callable[[Any], type[Any]]
"""Given the application's class, a broken class of the same kind."""


def broken(
    zoo: list[Mutant], *caught_by: str, seen: str
) -> Callable[[Callable[[], type[Any]]], Callable[[], type[Any]]]:
    """Enters a broken application into a zoo.

    The decorated function makes the class, and is called when the server starts: what it imports, a
    web framework among it, is no burden before. Its name is the mutant's, its docstring the bug.

    Args:
        zoo: the module's list.
        *caught_by: the requirements that must be charged, every one of them.
        seen: a part of the message that must be reported.
    """

    return register(zoo, *caught_by, seen=seen, target=serving_target)


def serving_target(name: str, make: Callable[[], type[Any]]) -> Target:
    """Returns a target over a bus of its own, with that application."""

    def http(backend: StreamingBackend) -> AbstractAsyncContextManager[HttpTarget]:
        from eventhook_reference.sse.server import http as serve

        return serve(backend, keep_alive_s=KEEP_ALIVE_S, make_app=make())

    # The bus is a correct one: what it claims is tested elsewhere.
    claimed = dataclasses.replace(PliableClient.capabilities, profiles={"sse"})
    return dataclasses.replace(pliable_target(name, capabilities=claimed), http=http)


async def send_body(send: Any, body: bytes, *, more: bool = True) -> None:
    """Sends a part of an answer's body, by ASGI."""
    await send({"type": "http.response.body", "body": body, "more_body": more})
