"""The services over a client: each is entered once for all concurrent cases."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from eventhook_conformance.probe.deadline import Deadline
from eventhook_conformance.probe.services import Services
from eventhook_conformance.target import HttpTarget, Target

pytestmark = pytest.mark.asyncio


class Someone:
    """A client, of which the services only need to be told apart."""

    backend = None


async def test_cases_that_ask_at_once_share_one_service() -> None:
    entered = left = 0

    @asynccontextmanager
    async def http(backend: object) -> AsyncIterator[HttpTarget]:
        nonlocal entered, left
        entered += 1
        await asyncio.sleep(0)
        yield HttpTarget("http://127.0.0.1:1", ())
        left += 1

    def unused() -> Any:
        raise AssertionError

    client: Any = Someone()
    services = Services(Target("t", open=unused, http=http), Deadline(5.0), 5.0)
    found = await asyncio.gather(*(services.http(client) for _ in range(8)))
    assert len({id(one) for one in found}) == 1
    assert entered == 1
    assert await services.leave(client) == []
    assert left == 1


async def test_a_service_that_could_not_be_entered_is_tried_again() -> None:
    tries = 0

    @asynccontextmanager
    async def http(backend: object) -> AsyncIterator[HttpTarget]:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise OSError("no port is free")
        yield HttpTarget("http://127.0.0.1:1", ())

    def unused() -> Any:
        raise AssertionError

    client: Any = Someone()
    services = Services(Target("t", open=unused, http=http), Deadline(5.0), 5.0)
    with pytest.raises(OSError, match="no port"):
        await services.http(client)
    assert (await services.http(client)).base_url
    await services.leave(client)
