"""Keeps one connection to NATS, which reports messages as taken only when they are.

Three properties of nats-py (2.16) shape it:

- A command is appended to an output buffer. With an unlimited flusher queue and no buffering while
  disconnected, appending never waits, and so never swallows a cancellation, as it else would.
- Errors of the server arrive in the read loop, before the messages that follow them on the wire.
- `flush()` that times out leaves the client deaf. It is never called here; see `Barrier`.
"""

from __future__ import annotations

import asyncio
import logging
import re
from contextlib import suppress
from typing import Final

import nats.errors
from nats.aio.subscription import Subscription as NatsSubscription

from eventhook_conformance.contract import (
    PublishError,
    StreamingError,
    SubscribeError,
    SubscriptionLost,
)
from eventhook_reference.nats_attachment import Attachment
from eventhook_reference.nats_barrier import Barrier
from eventhook_reference.nats_internals import InternalsClient
from eventhook_reference.nats_options import OPTIONS, servers_of
from eventhook_reference.nats_outgoing import Outgoing

logger = logging.getLogger(__name__)

CONNECT_TIMEOUT_S: Final = 5.0
"""Seconds within which a connection must stand and answer."""
CALL_TIMEOUT_S: Final = 4.0
"""Seconds after which a call is given up: safely below the claimed `publish_timeout_s`."""
CLOSE_TIMEOUT_S: Final = 1.0
"""Seconds that closing waits for messages on their way to this client."""

_NATS_URL = re.compile(r"(?:nats|tls)://(?:[^\s/@]*@)?(?:\[[^\s\]]+\]|[^\s/@:]+)(?::[0-9]{1,5})?/?")
_REFUSALS_IN_A_ROW: Final = 2
"""How often a server that is back may refuse us before it is believed; one may still be starting."""
_VIOLATION = re.compile(r'permissions violation for (publish|subscription) to "([^"]*)"')


class CannotConnect(StreamingError):
    """No connection could be made; the message is one line that names the URL."""


class Connection:
    """A connection that reconnects by itself until it is closed.

    Args:
        url: `nats://[user:password@]host:port`; of several, with commas between them, one is used, and
            another once that fails.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        hosts = (one.rpartition("//")[2].rpartition("@")[2] for one in url.split(","))
        self._server = ",".join(hosts)
        self._client = InternalsClient()
        self._inbox = self._client.new_inbox()
        self._barrier = Barrier(self._send_round, self._epoch, CALL_TIMEOUT_S, self._drop_if_stuck)
        self._outgoing = Outgoing(self._write)
        self._attached: set[Attachment] = set()
        self._left_while_down: list[NatsSubscription] = []
        self._connecting = False
        self._refusals = 0
        self._giving_up: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Connects, and makes sure that the server answers.

        Raises:
            CannotConnect: nothing listens there, it does not answer in time, or it refuses us.
        """
        if not all(_NATS_URL.fullmatch(one) for one in self._url.split(",")):
            raise CannotConnect(f"expected an address nats://host:port, got {self._server!r}")
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                await self._connect()
                await self._listen_to_inbox()
        except BaseException as error:  # because: a cancelled opening must leave nothing either
            await self._close_client()
            if isinstance(error, StreamingError | nats.errors.Error | OSError | ValueError):
                raise self._cannot_connect(error) from error
            raise

    async def publish(self, subject: str, body: bytes) -> None:
        """Sends the message; when this returns the server has it (NAT-07).

        Raises:
            PublishError: it was not sent, was refused, or it is unknown whether it arrived.
        """
        client = self._client
        if not client.is_connected:
            raise PublishError(f"{self._down()}; nothing was sent")
        if len(body) > client.max_payload:
            raise PublishError(
                f"the event has {len(body)} bytes; this server takes {client.max_payload}"
            )
        epoch: int = client.stats["reconnects"]
        self._outgoing.publish(subject, body, epoch)
        outcome, settled = self._barrier.joined(epoch)
        if not self._barrier.under_way:
            await self._barrier.launch()
        await settled
        if outcome.denied and subject.lower() in outcome.denied:
            raise PublishError(f"the server permits no publishing to {subject}", subject=subject)
        if outcome.problem is not None:
            raise PublishError(f"{outcome.problem}; the event may have arrived or not")

    async def attach(self, attachment: Attachment) -> None:
        """Subscribes; when this returns the server counts the subscription (PUB-04).

        Raises:
            SubscribeError: it was refused, or could not be made surely active (REC-06).
        """
        if not self._client.is_connected:
            raise SubscribeError(f"{self._down()}; the subscription is not active")
        epoch = self._epoch()
        self._attached.add(attachment)
        try:
            attachment.handle = await self._client.subscribe_feed(
                attachment.subject, attachment.deliver
            )
            outcome = await self._barrier.passed(epoch)
            if attachment.denied:
                raise SubscribeError(f"the server permits no subscribing to {attachment.subject}")
            if outcome.problem is not None:
                raise SubscribeError(f"{outcome.problem}; the subscription is not surely active")
        except nats.errors.Error as error:
            await self._withdraw(attachment)
            raise SubscribeError(f"{self._down()}; the subscription is not active") from error
        except BaseException:  # because: a cancelled entering must leave nothing behind either
            await self._withdraw(attachment)
            raise

    async def detach(self, attachment: Attachment) -> None:
        """Unsubscribes; when this returns the server counts no subscription any more (NAT-10).

        Never raises for the connection's state: a server that is gone counts nothing.
        """
        epoch = self._epoch()
        if await self._withdraw(attachment):
            await self._barrier.passed(epoch)

    async def aclose(self) -> None:
        """Closes the connection after all that had reached this client was handed on."""
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                if self._client.is_connected:
                    await self._barrier.passed(self._epoch())
                while any(attachment.held for attachment in self._attached):  # noqa: ASYNC110  # because: each look is the turn that their readers need
                    await asyncio.sleep(0)
        self._attached.clear()
        await self._close_client()

    async def _close_client(self) -> None:
        if not self._client.has_socket:
            return  # Never connected; some versions of nats-py fail to close that.
        self._drop_if_stuck()
        try:
            await self._client.close()
        except asyncio.CancelledError:
            # Cancelling its own reconnecting, nats-py may cancel the future it then awaits itself.
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
        self._barrier.fail("the client was closed")

    def _drop_if_stuck(self) -> None:
        """Drops a socket that takes no bytes any more, so that a new one can be opened.

        Before it reconnects or closes, nats-py waits until all is written: for ever, where a server
        has stopped reading.
        """
        if self._client.is_stuck:
            self._client.abort()

    def _write(self, commands: bytes, epoch: int) -> None:
        if self._client.is_connected and epoch == self._epoch():
            self._client.write(commands)

    async def _connect(self) -> None:
        self._connecting = True
        try:
            await self._client.connect(
                servers_of(self._url),
                error_cb=self._on_error,
                disconnected_cb=self._on_disconnected,
                reconnected_cb=self._on_reconnected,
                closed_cb=self._on_closed,
                **OPTIONS,
            )
        finally:
            self._connecting = False

    async def _listen_to_inbox(self) -> None:
        inbox = Attachment(f"{self._inbox}.*", self._receive_round, lambda error: None)
        await self.attach(inbox)
        self._attached.discard(inbox)

    async def _withdraw(self, attachment: Attachment) -> bool:
        """Stops the deliveries; returns whether the server was told."""
        self._attached.discard(attachment)
        attachment.held.clear()
        handle = attachment.handle
        if handle is None or self._client.is_closed:
            return False
        if not self._client.is_connected:
            # Its SUB may still wait in the output buffer, where no UNSUB can be put behind it now.
            self._left_while_down.append(handle)
            return False
        with suppress(nats.errors.Error):
            await handle.unsubscribe()
        return True

    def _epoch(self) -> int:
        """Returns the number of the current connection; -1 once it is closed.

        An error that is final lets nats-py close in a task of its own. The server's answer to a round
        may still come in after it, but must not count.
        """
        client = self._client
        return -1 if client.is_closed else client.stats["reconnects"]

    async def _send_round(self, number: int) -> None:
        self._outgoing.flush()
        with suppress(nats.errors.Error):  # because: the round fails with the connection
            await self._client.publish(f"{self._inbox}.{number}", b"")

    def _receive_round(self, subject: str, body: bytes) -> bool:
        # Not before the closing that an error ahead of it on the wire begins (see `_epoch`).
        number = int(subject.rpartition(".")[2])
        asyncio.get_running_loop().call_soon(self._barrier.answered, number)
        return False

    async def _on_error(self, error: Exception) -> None:
        if self._connecting:
            # Else nats-py would go on trying, for ever.
            raise error
        if not self._client.is_connected:
            # nats-py forgets the socket of a failed attempt to reconnect, without closing it.
            self._client.abort()
            self._note_refusal(error)
        violation = _VIOLATION.search(str(error))
        if violation is None:
            logger.debug("%s: %r", self._server, error)
        elif violation[1] == "subscription":
            self._deny_subscription(violation[2])
        elif violation[2].startswith(self._inbox.lower()):
            # Refusing the round is an answer too, and comes in the same order.
            self._barrier.answered(int(violation[2].rpartition(".")[2]))
        else:
            self._barrier.deny(violation[2])

    def _note_refusal(self, error: Exception) -> None:
        """Closes after repeated refusals: this client can never hear again, and must say so (REC-10)."""
        if "authorization violation" in str(error).lower():
            self._refusals += 1
            if self._refusals == _REFUSALS_IN_A_ROW:
                self._giving_up = asyncio.create_task(self._close_client())

    def _deny_subscription(self, subject: str) -> None:
        for attachment in [a for a in self._attached if a.subject.lower() == subject]:
            attachment.denied = True
            attachment.lose(
                SubscriptionLost(f"the server permits no subscribing to {attachment.subject}")
            )

    async def _on_disconnected(self) -> None:
        self._barrier.fail("the connection was lost")

    async def _on_reconnected(self) -> None:
        self._refusals = 0
        left, self._left_while_down = self._left_while_down, []
        for handle in left:
            with suppress(nats.errors.Error):
                await handle.unsubscribe()

    async def _on_closed(self) -> None:
        self._barrier.fail("the connection was closed")
        for attachment in self._attached:
            attachment.lose(SubscriptionLost(f"{self._down()}; nothing can come any more"))
        self._attached.clear()

    def _down(self) -> str:
        if not self._client.is_closed:
            return f"not connected to {self._server}"
        reason = self._client.last_error
        return f"the connection to {self._server} was closed" + (f" ({reason})" if reason else "")

    def _cannot_connect(self, error: BaseException) -> CannotConnect:
        reason = " ".join(str(error).split()) or "no answer in time"
        return CannotConnect(f"cannot connect to nats://{self._server}: {reason}")
