"""One subscription on the server, fed in the turn in which its messages are read.

nats-py keeps a queue and a task for each subscription with a callback: two more turns of the event
loop and half of the price of a message. It hands a message to a *future* at once instead, which an
attachment therefore passes for, one that takes any number of them.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import msgspec
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription as NatsSubscription

from eventhook_conformance.contract import SubscriptionLost

logger = logging.getLogger(__name__)


class Message(msgspec.Struct, kw_only=True):
    """What `Client.msg_class` of nats-py is called for; its own takes three times as long to make."""

    subject: str
    data: bytes
    reply: str = ""
    headers: dict[str, str] | None = None
    _client: Any = None
    _sid: int | None = None


@dataclass(eq=False)
class Attachment:
    """One subscription on the server."""

    subject: str
    receive: Callable[[str, bytes], bool]
    """Called with subject and body of every message, in order; returns whether a reader needs a turn
    of the event loop before the next."""
    lose: Callable[[SubscriptionLost], None]
    """Called once if nothing can come any more."""
    handle: NatsSubscription | None = None
    denied: bool = False
    held: deque[Message] = field(default_factory=deque)
    """What came while a reader has its turn."""
    _holding: bool = False

    def cancelled(self) -> bool:
        """As of a future: messages are wanted."""
        return False

    def set_result(self, message: Message) -> None:
        """As of a future: here is a message."""
        if self._holding:
            self.held.append(message)
            return
        try:
            if self.receive(message.subject, message.data):
                self._holding = True
                asyncio.get_running_loop().call_soon(self._resume)
        except Exception:  # because: it would end nats-py's read loop, and so all that it feeds
            logger.exception("a message on %s could not be handed on", message.subject)

    async def on_message(self, message: Msg) -> None:
        """As a callback."""
        self.set_result(cast(Message, message))

    def _resume(self) -> None:
        """The reader had its turn: goes on with what was held meanwhile."""
        self._holding = False
        while self.held and not self._holding:
            self.set_result(self.held.popleft())
