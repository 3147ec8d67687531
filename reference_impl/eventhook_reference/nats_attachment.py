"""One subscription on the server, fed in the turn in which its messages are read.

A reader that falls behind needs turns of its own: an attachment holds further messages meanwhile.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

from nats.aio.msg import Msg
from nats.aio.subscription import Subscription as NatsSubscription

from eventhook_conformance.contract import SubscriptionLost
from eventhook_reference.nats_internals import Message

logger = logging.getLogger(__name__)


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
    """Messages that came while a reader has its turn."""
    _holding: bool = False

    def deliver(self, message: Message) -> None:
        """Hands a message on, or holds it while a reader has its turn."""
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
        """Takes a message as a callback of nats-py does."""
        self.deliver(cast(Message, message))

    def _resume(self) -> None:
        """Goes on with the messages that were held: the reader had its turn."""
        self._holding = False
        while self.held and not self._holding:
            self.deliver(self.held.popleft())
