"""A subscription that wants only what is new: it hears what the stream republishes, and needs no consumer.

A stream republishes each message once it is stored, in its own order and with its number, on a subject
that nobody else publishes on. A plain subscription to that subject costs the server next to nothing, where
a consumer costs it as much as a small stream. Only where a connection was lost is a consumer needed: it
begins after the last message that came.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from contextlib import suppress
from dataclasses import replace
from typing import Final, Protocol

import nats.errors
from nats.aio.subscription import Subscription as NatsSubscription

from eventhook_reference.nats_internals import InternalsClient, Message
from eventhook_reference.nats_jetstream import NoMessage, call_api
from eventhook_reference.nats_replay_consumer import Deliver, HistoryConsumer, Origin, Owner

logger = logging.getLogger(__name__)

REPUBLISHED: Final = "flovyn.history."
"""The beginning of a republished message's subject; the message's own subject follows."""


class Reader(Protocol):
    """Feeds a subscription."""

    subject: str
    """The subject on the server that it hears."""

    async def start(self) -> None:
        """Becomes active."""

    async def stop(self) -> None:
        """Ends, here and on the server."""

    async def caught_up(self) -> bool:
        """Waits until every message that the server had for it was delivered; False: that is not known."""

    def more_room(self) -> None:
        """Goes on with history: a reader has made room."""

    def renew_soon(self) -> None:
        """Makes it begin again where it was: its connection was lost."""

    def look(self, now_s: float) -> None:
        """Begins anew where the server has gone silent; called a few times a second."""


class LiveReader:
    """Delivers the messages stored from now on, in order, each once.

    Args:
        client: an open connection.
        origin: which messages.
        deliver: called with each message's subject, body and number in the stream; returns whether a reader
            needs a turn of the event loop before the next.
        owner: finds the history once the connection was lost.
    """

    def __init__(
        self, client: InternalsClient, origin: Origin, deliver: Deliver, owner: Owner
    ) -> None:
        self.subject = REPUBLISHED + origin.subject
        self._client = client
        self._origin = origin
        self._deliver = deliver
        self._owner = owner
        self._handle: NatsSubscription | None = None
        self._consumer: HistoryConsumer | None = None
        """Takes over once the connection was lost."""
        self._after: int | None = None
        """The number of the last message that is not wanted any more; None: not known yet."""
        self.began = 0
        """The number of the newest message when it was entered; 0: there was none."""
        self._held: deque[Message] = deque()
        self._holding = True
        self._stopped = False

    async def start(self) -> None:
        """Subscribes; when this returns, it is active (PUB-04).

        Raises:
            SubscribeError: JetStream did not answer in time.
            NotFound: there is no such stream.
        """
        self._handle = await self._client.subscribe_feed(self.subject, self._take)
        try:
            # The answer comes on the way that the subscription went: it stands by then.
            self.began = self._after = await newest(self._client, self._origin)
        except BaseException:  # because: a cancelled entering must leave nothing behind either
            await self._remove()
            raise
        self._resume()

    async def stop(self) -> None:
        """Ends the subscription on the server."""
        self._stopped = True
        self._held.clear()
        await self._remove()
        if self._consumer is not None:
            await self._consumer.stop()

    async def caught_up(self) -> bool:
        """Waits until every message that the server had for it was delivered; False: that is not known."""
        if self._consumer is not None:
            return await self._consumer.caught_up()
        try:
            await self._client.flush()
        except (nats.errors.Error, TimeoutError, OSError):
            return False
        while self._held and not self._stopped:  # noqa: ASYNC110  # because: each look is the turn that its reader needs
            await asyncio.sleep(0)
        return True

    def more_room(self) -> None:
        """Goes on with the messages that a consumer has."""
        if self._consumer is not None:
            self._consumer.more_room()

    def renew_soon(self) -> None:
        """Goes on with a consumer, since messages republished meanwhile did not come here."""
        if self._stopped or self._after is None:
            return
        if self._consumer is None:
            origin = replace(self._origin, after=self._after)
            self._consumer = HistoryConsumer(
                self._client, origin, self._deliver, _no_limit, self._owner, caught_up=True
            )
            asyncio.get_running_loop().create_task(self._remove())
        self._consumer.renew_soon()

    def look(self, now_s: float) -> None:
        """Makes the consumer check the server."""
        if self._consumer is not None:
            self._consumer.look(now_s)

    def _take(self, message: Message) -> None:
        if self._holding:
            self._held.append(message)
        else:
            self._hand_on(message)

    def _hand_on(self, message: Message) -> None:
        number = int((message.headers or {}).get("Nats-Sequence", 0))
        if self._consumer is not None or self._after is None or number <= self._after:
            return
        self._after = number
        try:
            crowded = self._deliver(message.subject.removeprefix(REPUBLISHED), message.data, number)
        except Exception:  # because: it would end nats-py's read loop, and so all that it feeds
            logger.exception("a message on %s could not be handed on", message.subject)
            return
        if crowded:
            self._holding = True
            asyncio.get_running_loop().call_soon(self._resume)

    def _resume(self) -> None:
        """Goes on with the messages that were held: the reader had its turn."""
        self._holding = False
        while self._held and not self._holding:
            self._hand_on(self._held.popleft())

    async def _remove(self) -> None:
        handle, self._handle = self._handle, None
        if handle is not None:
            with suppress(nats.errors.Error):
                await handle.unsubscribe()


async def newest(client: InternalsClient, origin: Origin) -> int:
    """Returns the number of the newest message of a subject; 0 if there is none.

    Raises:
        SubscribeError: JetStream did not answer in time.
        NotFound: there is no such stream.
    """
    call = f"STREAM.MSG.GET.{origin.stream}"
    try:
        found = await call_api(client, call, {"last_by_subj": origin.subject})
    except NoMessage:
        return 0
    return int(found["message"]["seq"])


def _no_limit() -> int:
    """Returns a room without limit: a live reader that falls behind loses the oldest (OVF-01)."""
    return 1_000_000
