"""The three private parts of nats-py that the reference uses, and nothing else does.

The public interface of nats-py costs several times as much as everything the reference adds to a message
(`docs/performance.md` has the figures), so this module reaches past them:

1. `Client.subscribe(future=…)` hands each message to a future in the turn in which it was read. A `Feed`
   looks like that future, and takes any number of messages. A callback would cost two more turns.
2. `Client.msg_class` makes the message objects. `Message` is made in a third of the time.
3. `Client._transport._io_writer` is the socket's writer. Commands written there go out at once, and a
   socket that takes no bytes any more can be dropped.

`verify` says which of them a new version of nats-py changed; `tests/reference/test_nats_internals.py` calls
it, and tries each part against a real server.
"""

from __future__ import annotations

import asyncio
import inspect
import re
from collections.abc import Callable
from typing import Any, cast

import msgspec
import nats
from nats.aio.client import Client
from nats.aio.subscription import Subscription
from nats.aio.transport import TcpTransport


class NatsPyChanged(Exception):
    """nats-py has changed a private part that the reference uses; the message names the part."""


class Message(msgspec.Struct, kw_only=True):
    """A message as nats-py's read loop makes it."""

    subject: str
    data: bytes
    reply: str = ""
    headers: dict[str, str] | None = None
    _client: Any = None
    _sid: int | None = None


class Feed:
    """Looks like a future to nats-py, which hands it each message of a subscription.

    Args:
        deliver: called with each message, in order, in the turn in which it was read.
    """

    def __init__(self, deliver: Callable[[Message], None]) -> None:
        self._deliver = deliver

    def cancelled(self) -> bool:
        """Tells nats-py that messages are wanted."""
        return False

    def set_result(self, message: Message) -> None:
        """Takes a message from nats-py."""
        self._deliver(message)


class InternalsClient(Client):
    """A nats-py client with a fast way in and out."""

    msg_class = cast(Any, Message)

    async def subscribe_feed(
        self, subject: str, deliver: Callable[[Message], None]
    ) -> Subscription:
        """Subscribes; `deliver` is called with each message in the turn in which it was read.

        Raises:
            nats.errors.Error: the connection is closed, or draining.
        """
        return await self.subscribe(subject, future=cast(Any, Feed(deliver)))

    @property
    def has_socket(self) -> bool:
        """True if a socket was ever opened, and not given up."""
        return self._writer is not None

    @property
    def is_stuck(self) -> bool:
        """True if the socket holds bytes that the server does not take."""
        writer = self._writer
        return writer is not None and writer.transport.get_write_buffer_size() > 0

    def write(self, commands: bytes) -> None:
        """Writes commands to the socket, past nats-py's output buffer; drops them without a socket."""
        writer = self._writer
        if writer is not None:
            writer.write(commands)

    def abort(self) -> None:
        """Drops the socket with everything that is not written yet."""
        writer = self._writer
        if writer is not None:
            writer.transport.abort()

    @property
    def _writer(self) -> asyncio.StreamWriter | None:
        transport = getattr(self, "_transport", None)
        writer: asyncio.StreamWriter | None = getattr(transport, "_io_writer", None)
        return writer


def verify() -> None:
    """Checks the private parts without a server.

    Raises:
        NatsPyChanged: the installed nats-py lacks one of them.
    """
    version = getattr(nats, "__version__", "of unknown version")
    process = inspect.getsource(getattr(Client, "_process_msg", Client))
    build = inspect.getsource(getattr(Client, "_build_message", Client))
    keywords = set(re.findall(r"^ +(\w+)=.+,$", build, re.MULTILINE))
    fits = {"subject", "data"} <= keywords <= set(Message.__struct_fields__)
    client = Client()
    for part, there in (
        ("Client.subscribe(future=…)", "future" in inspect.signature(Client.subscribe).parameters),
        ("set_result(msg) on a subscription's future", "set_result(msg)" in process),
        ("Client.msg_class", hasattr(client, "msg_class")),
        ("the keywords of a message", fits),
        ("Client._transport", hasattr(client, "_transport")),
        ("TcpTransport._io_writer", "_io_writer" in inspect.getsource(TcpTransport)),
    ):
        if not there:
            raise NatsPyChanged(f"expected nats-py {version} to have {part}, got none")
