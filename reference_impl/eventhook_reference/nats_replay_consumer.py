"""One consumer of a JetStream stream: reads its history, then live messages, without a gap.

The server hands both over in one numbering, so the hand-over is its own. This side asks for messages in
batches. While history is read, it asks for no more than there is room for, so that a slow reader loses
nothing of it. Once live, it asks without end, and a reader that falls behind loses the oldest (OVF-01).

A consumer acknowledges nothing. A message that is lost on the way leaves a gap in the consumer's own
numbers, and a server that is gone is silent: then a new consumer begins after the last message received.

Over 300 lines: one consumer, from its making to its renewal, is read in one piece.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import deque
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Protocol, TypeAlias
from uuid import uuid4

import nats.errors
from nats.aio.subscription import Subscription as NatsSubscription

from eventhook_conformance.contract import SubscribeError
from eventhook_reference.nats_internals import InternalsClient, Message
from eventhook_reference.nats_jetstream import NoMessage, NotFound, call_api

logger = logging.getLogger(__name__)

BATCH: Final = 256
"""Messages asked for at once."""
_FEW: Final = BATCH // 2
"""While more are on their way, no others are asked for."""
_LEAST: Final = 32
"""Fewer messages are not asked for while others are on their way."""
_EXPIRES_S: Final = 20.0
_HEARTBEAT_S: Final = 1.0
_SILENT_S: Final = 3.0
"""A server that sent not even a heartbeat for so long is taken for gone."""
_LOOK_S: Final = 0.005
_TOKENS: Final = 9
"""Parts of that subject; a later server adds its domain and account."""
_NANOSECONDS: Final = 1_000_000_000

Deliver: TypeAlias = Callable[[str, bytes, int], bool]
"""Called with each message's subject, body and number; returns whether a reader needs a turn."""


class Owner(Protocol):
    """Owns a consumer: the subscription that it feeds."""

    async def found_again(self, caught_up: bool) -> bool:
        """Finds the history once a connection was lost; returns whether it is the same.

        One that was made anew numbers its messages from the start.

        Args:
            caught_up: whether the reader had read all of it.

        Raises:
            SubscribeError: it is not available now.
        """

    def lose(self, why: str) -> None:
        """Ends the subscription after the buffered events: an owed one is gone."""


def _numbers(reply: str) -> tuple[int, int, int]:
    """Returns a message's number in the stream, its number for its consumer, and how many follow.

    They stand in the subject for acknowledging it. nats-py parses that too, with the time of day.
    """
    tokens = reply.split(".")
    first = 7 if len(tokens) > _TOKENS else 5
    return int(tokens[first]), int(tokens[first + 1]), int(tokens[first + 3])


@dataclass(frozen=True)
class Origin:
    """Where a consumer begins.

    A consumer of its own for each subscription: `after` is the number of the last message that is not
    wanted any more; None begins with what is new.
    """

    stream: str
    subject: str
    after: int | None


class HistoryConsumer:
    """Delivers the messages of one subject of one stream, in order, each once.

    Args:
        client: an open connection.
        origin: which messages.
        deliver: called with each message's subject, body and number in the stream.
        room: how many more messages are welcome while history is read.
        owner: finds the history before another consumer is made, and hears of what is gone.
        caught_up: whether the reader has read all of the history before.
    """

    def __init__(
        self,
        client: InternalsClient,
        origin: Origin,
        deliver: Deliver,
        room: Callable[[], int],
        owner: Owner,
        *,
        caught_up: bool = False,
    ) -> None:
        self._client = client
        self._origin = origin
        self._deliver = deliver
        self._room = room
        self._owner = owner
        self._caught_up = caught_up
        self._after = origin.after
        self.subject = ""
        """The subject that its messages come to."""
        self.name = ""
        """The consumer's name on the server."""
        self._handle: NatsSubscription | None = None
        self._live = False
        self._asked = 0
        """Messages asked for that have not come yet."""
        self._sure = False
        """Whether no message can be missing before the next one."""
        self._next = 1
        """The number that the consumer gives its next message."""
        self._heard_s = 0.0
        self._renewal: asyncio.Task[None] | None = None
        self._renewing = asyncio.Lock()
        self._held: deque[Message] = deque()
        """Messages that came while an earlier one is still being handled."""
        self._holding = False
        self._seeing: asyncio.Task[None] | None = None
        """Handles a message that needs a call to the server."""
        self._stopped = False

    async def start(self) -> None:
        """Makes the consumer; when this returns, it is active (PUB-04).

        Raises:
            SubscribeError: JetStream refused it, or did not answer in time.
            NotFound: there is no such stream.
        """
        await self._create()

    async def stop(self) -> None:
        """Ends the consumer here and on the server."""
        self._stopped = True
        if self._renewal is not None:
            self._renewal.cancel()
        if self._seeing is not None:
            self._seeing.cancel()
        await self._remove()

    async def caught_up(self) -> bool:
        """Waits until every message that the server had for this consumer was delivered.

        Returns False where that cannot be told now.
        """
        try:
            while not self._stopped:
                call = f"CONSUMER.INFO.{self._origin.stream}.{self.name}"
                found = await call_api(self._client, call)
                sent = int(found["delivered"]["consumer_seq"])
                if not found["num_pending"] and sent < self._next:
                    break
                self._ask()
                await asyncio.sleep(_LOOK_S)
        except (NotFound, SubscribeError):
            return False
        return True

    def more_room(self) -> None:
        """Goes on with history: a reader has made room."""
        if self._asked <= _FEW and not self._live and not self._stopped:
            self._ask()

    def renew_soon(self) -> None:
        """Marks the consumer to be renewed at the next check: its connection was lost."""
        self._heard_s = -_SILENT_S
        self._asked = max(1, self._asked)

    async def renew(self) -> None:
        """Makes another consumer after the last message received; the old one is of no more use."""
        async with self._renewing:
            if not self._stopped:
                await self._remove()
                if not await self._owner.found_again(self._caught_up):
                    self._after = 0
                await self._create()

    async def _create(self) -> None:
        self.subject = self._client.new_inbox()
        self.name = f"c{uuid4().hex}"
        self._asked, self._next, self._live = 0, 1, False
        # Ignores messages that an earlier consumer still sends.
        take = partial(self._take, self.subject)
        self._handle = await self._client.subscribe_feed(self.subject, take)
        config: dict[str, Any] = {
            "name": self.name,
            "ack_policy": "none",
            "filter_subject": self._origin.subject,
            "inactive_threshold": 60 * _NANOSECONDS,
            "mem_storage": True,
            "num_replicas": 1,
            "deliver_policy": "new",
        }
        if self._after is not None:
            config |= {"deliver_policy": "by_start_sequence", "opt_start_seq": self._after + 1}
        stream = self._origin.stream
        call = f"CONSUMER.CREATE.{stream}.{self.name}.{self._origin.subject}"
        try:
            found = await call_api(
                self._client, call, {"stream_name": stream, "config": config, "action": "create"}
            )
        except BaseException:  # because: a cancelled entering must leave nothing behind either
            await self._remove()
            raise
        if self._after is None:
            # A renewed consumer goes on from here, though nothing has come yet.
            self._after = int(found["delivered"]["stream_seq"])
        self._go_live(not found.get("num_pending"))
        self._heard_s = asyncio.get_running_loop().time()
        self._ask()

    async def _remove(self) -> None:
        handle, self._handle = self._handle, None
        self._held.clear()
        if handle is None:
            return
        with suppress(nats.errors.Error):
            await handle.unsubscribe()
            if self._client.is_connected:
                await self._client.publish(
                    f"$JS.API.CONSUMER.DELETE.{self._origin.stream}.{self.name}", b""
                )

    def _go_live(self, caught_up: bool) -> None:
        self._live = self._live or caught_up
        self._caught_up = self._caught_up or caught_up

    def _ask(self) -> None:
        """Asks for messages, unless enough are on their way."""
        wanted = BATCH if self._live else min(BATCH, self._room() - self._asked)
        if self._asked > _FEW or wanted <= 0 or (self._asked and wanted < _LEAST):
            return
        self._asked += wanted
        self._sure = False
        request = {
            "batch": wanted,
            "expires": int(_EXPIRES_S * _NANOSECONDS),
            "idle_heartbeat": int(_HEARTBEAT_S * _NANOSECONDS),
        }
        asyncio.get_running_loop().create_task(self._send(json.dumps(request).encode()))

    async def _send(self, request: bytes) -> None:
        with suppress(nats.errors.Error):  # because: silence is noticed, and the consumer renewed
            await self._client.publish(
                f"$JS.API.CONSUMER.MSG.NEXT.{self._origin.stream}.{self.name}",
                request,
                reply=self.subject,
            )

    def _take(self, inbox: str, message: Message) -> None:
        if self._stopped or inbox != self.subject:
            return
        self._heard_s = asyncio.get_running_loop().time()
        if self._holding:
            self._held.append(message)
        else:
            self._hand_on(message)

    def _hand_on(self, message: Message) -> None:
        if message.subject == self.subject:
            self._on_status((message.headers or {}).get("Status", "100"))
            return
        number, place, pending = _numbers(message.reply)
        if place != self._next:
            logger.debug("expected message %d of %s, got %d", self._next, self.name, place)
            self._see_to(self._renew_quietly())
            return
        if not self._sure and not self._caught_up:
            self._sure = True
            if self._after and number != self._after + 1:
                self._held.appendleft(message)
                self._see_to(self._check_left_behind(self._after))
                return
        self._next += 1
        self._asked = max(0, self._asked - 1)
        self._after = number
        self._go_live(not pending)
        try:
            crowded = self._deliver(message.subject, message.data, number)
        except Exception:  # because: it would end nats-py's read loop, and so all that it feeds
            logger.exception("a message on %s could not be handed on", message.subject)
            crowded = False
        if self._asked <= _FEW:
            self._ask()
        if crowded:
            self._holding = True
            asyncio.get_running_loop().call_soon(self._resume)

    def _see_to(self, call: Coroutine[Any, Any, None]) -> None:
        """Holds messages back until the call is over."""
        self._holding = True
        self._seeing = asyncio.get_running_loop().create_task(call)
        self._seeing.add_done_callback(lambda _: self._resume())

    def _resume(self) -> None:
        """Goes on with the messages that were held."""
        self._holding = False
        while self._held and not self._holding and not self._stopped:
            self._hand_on(self._held.popleft())

    async def _check_left_behind(self, after: int) -> None:
        """Loses the subscription if messages may have gone unread: the oldest go first (RPL-08)."""
        if await self._is_left_behind(after):
            self._owner.lose("its history was pushed out before it was read; subscribe again")
            self._stopped = True
            await self._remove()

    async def _is_left_behind(self, after: int) -> bool:
        """Returns whether the last message that was read is gone."""
        try:
            await call_api(self._client, f"STREAM.MSG.GET.{self._origin.stream}", {"seq": after})
        except NoMessage:
            return True
        except (NotFound, SubscribeError):
            return False
        return False

    def _on_status(self, status: str) -> None:
        if status == "100":
            return
        # The request has ended: by its time, or since the consumer is gone.
        self._asked = 0
        if status == "408":
            self._ask()
        else:
            self.renew_soon()

    def look(self, now_s: float) -> None:
        """Renews the consumer where the server has gone silent; called a few times a second."""
        if self._stopped or not self._asked or now_s - self._heard_s <= _SILENT_S:
            return
        if self._client.is_connected and (self._renewal is None or self._renewal.done()):
            self._renewal = asyncio.get_running_loop().create_task(self._renew_quietly())

    async def _renew_quietly(self) -> None:
        try:
            await self.renew()
        except (NotFound, SubscribeError, nats.errors.Error) as error:
            logger.debug("%s could not be renewed: %s", self.name, error)
            self.renew_soon()
