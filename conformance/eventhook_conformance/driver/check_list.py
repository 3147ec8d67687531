"""Lists the checks of one module, and has the steps that many of them begin with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, TypeAlias
from uuid import uuid4

from eventhook_conformance.contract import EventPattern
from eventhook_conformance.driver.checked_driver import CheckedDriver, a_stream_event, an_event

CheckBody: TypeAlias = Callable[[CheckedDriver], Awaitable[None]]


class Check(NamedTuple):
    """One check of a driver's protocol."""

    name: str
    title: str
    run: CheckBody


class CheckList(list[Check]):
    """The checks of one module, in order."""

    def add(self, title: str) -> Callable[[CheckBody], CheckBody]:
        """Adds the decorated check; its name is the function's."""

        def enter(function: CheckBody) -> CheckBody:
            self.append(Check(getattr(function, "__name__", title), title, function))
            return function

        return enter


async def listening(
    driver: CheckedDriver, client: str | None = None
) -> tuple[str, str, Callable[[], Any]]:
    """Returns a client, a subscription on a claimed side, and a function that makes events for it."""
    if client is None:
        client = await driver.open()
    if "events" in driver.capabilities.profiles:
        tenant = uuid4()
        selects: EventPattern | str = EventPattern.all(tenant)
        return client, await driver.subscribe(client, selects), lambda: an_event(tenant)
    key = str(uuid4())
    return client, await driver.subscribe(client, key), lambda: a_stream_event(key)
