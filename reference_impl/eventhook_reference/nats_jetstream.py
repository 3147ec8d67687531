"""Calls JetStream's API, by the public names of nats-py."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Final

import nats.errors
from nats.aio.client import Client

from eventhook_conformance.contract import SubscribeError

API_TIMEOUT_S: Final = 4.0
"""Seconds after which a call of JetStream's API is given up."""
_NO_MESSAGE: Final = 10037
"""JetStream's number for a missing message."""


class NotFound(Exception):
    """JetStream has no such stream, consumer or message; the message is the server's."""


class NoMessage(NotFound):
    """The stream is there, and has no such message."""


class Refused(SubscribeError):
    """JetStream answered that it will not do that; `fields` has its number for the reason as `code`."""


async def call_api(client: Client, call: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """Calls JetStream's API; returns its answer.

    Raises:
        NotFound: the server says that there is no such thing.
        Refused: it refused the call.
        SubscribeError: it did not answer in time.
    """
    try:
        answer = await client.request(
            f"$JS.API.{call}", json.dumps(body).encode() if body else b"", timeout=API_TIMEOUT_S
        )
    except nats.errors.NoRespondersError as error:
        raise NotFound(f"nobody answers {call}") from error
    except (nats.errors.Error, TimeoutError, OSError) as error:
        raise SubscribeError(f"{call}: {type(error).__name__}: {error}") from error
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        # Until Python 3.12, `asyncio.wait_for` swallows a cancellation that meets the answer.
        raise asyncio.CancelledError
    found: dict[str, Any] = json.loads(answer.data)
    problem = found.get("error")
    if problem is None:
        return found
    if problem.get("code") == 404:
        missing = NoMessage if problem.get("err_code") == _NO_MESSAGE else NotFound
        raise missing(problem.get("description", "not found"))
    reason = problem.get("description", problem)
    raise Refused(f"{call}: {reason}", code=problem.get("err_code"))
