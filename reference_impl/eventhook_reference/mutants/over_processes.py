"""Bugs between two processes: within one of them all is well.

`DeliversWithinItsProcess` is correct, as several real buses are made: subscribers of the publisher's own
process are served directly, those of other processes by way of the server.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar, Final, TypeVar
from uuid import uuid4

from eventhook_conformance.contract import ChannelCounts
from eventhook_conformance.target import Capabilities, Mutant, Target
from eventhook_reference.mutants._register import register
from eventhook_reference.mutants.base_nats import (
    LooseConnection,
    PliableNats,
    pliable_nats_target,
)
from eventhook_reference.nats_attachment import Attachment

OVER_PROCESSES: list[Mutant] = []

_PROCESS: Final = uuid4().hex.encode()
"""Tells this process from all others."""
_LATE_S: Final = 0.02
_CLEANED: Final = "pliable.cleaned"


@dataclass(eq=False)
class _Local:
    """A subscriber of this process."""

    owner: DeliversWithinItsProcess
    selects: re.Pattern[str]
    receive: Callable[[str, bytes], bool]


class DeliversWithinItsProcess(PliableNats):
    """Delivers to subscriptions of its own process directly, and to others by the server: a correct bus."""

    capabilities = Capabilities(introspection=False, processes=True)
    target: ClassVar[Target]
    _here: ClassVar[dict[Attachment, _Local]] = {}
    """All subscribers of this process."""

    async def attach(self, attachment: Attachment) -> None:
        inner = attachment.receive

        def receive(subject: str, body: bytes) -> bool:
            origin, _, rest = body.partition(b"\n")
            return origin != _PROCESS and inner(subject, rest)

        attachment.receive = receive
        selects = re.escape(attachment.subject).replace(r"\*", "[^.]+").replace(">", ".+")
        self._here[attachment] = _Local(self, re.compile(selects), inner)
        try:
            await self.listen(attachment)
        except BaseException:  # because: a cancelled entering leaves nothing behind
            self._here.pop(attachment, None)
            raise

    async def listen(self, attachment: Attachment) -> None:
        """Subscribes on the server to the events of other processes."""
        await super().attach(attachment)

    async def detach(self, attachment: Attachment) -> None:
        self._here.pop(attachment, None)
        await super().detach(attachment)

    async def send(self, subject: str, body: bytes) -> None:
        await self.relay(subject, body)
        for one in self.local(subject):
            one.receive(subject, body)

    async def relay(self, subject: str, body: bytes) -> None:
        """Sends it to the other processes; the server has it when this returns."""
        await super().send(subject, _PROCESS + b"\n" + body)

    def local(self, subject: str) -> list[_Local]:
        """Returns the subscribers of this process that ask for a subject."""
        return [
            one
            for one in self._here.values()
            if one.selects.fullmatch(subject) and not one.owner.closed
        ]


Client = TypeVar("Client", bound=type[DeliversWithinItsProcess])


def _over_processes(name: str, client: type[DeliversWithinItsProcess]) -> Target:
    found_as = f"{client.__module__}:{client.__qualname__}.target"
    client.target = replace(pliable_nats_target(name, client), found_as=found_as)
    return client.target


def _bug(*caught_by: str, seen: str) -> Callable[[Client], Client]:
    """Enters a broken client; a second process finds its target at the class."""

    def enter(client: Client) -> Client:
        _over_processes(client.__name__, client)
        return register(OVER_PROCESSES, *caught_by, seen=seen, target=_over_processes)(client)

    return enter


_bug(seen="")(DeliversWithinItsProcess)


@_bug("PUB-27", "STR-09", seen="by p2c")
class ForgetsTheServer(DeliversWithinItsProcess):
    """Sends an event to other processes only if its own has no subscription for it."""

    async def relay(self, subject: str, body: bytes) -> None:
        if not self.local(subject):
            await super().relay(subject, body)


@_bug("PUB-27", "STR-09", seen="by p2c")
class AnnouncesItsInterestLate(DeliversWithinItsProcess):
    """Makes a subscription active for other processes a moment after entering returned."""

    def __init__(self, connection: LooseConnection) -> None:
        super().__init__(connection)
        self._announcing: dict[Attachment, asyncio.Task[None]] = {}

    async def listen(self, attachment: Attachment) -> None:
        listen = super().listen

        async def later() -> None:
            await asyncio.sleep(_LATE_S)
            await listen(attachment)

        self._announcing[attachment] = asyncio.get_running_loop().create_task(later())

    async def detach(self, attachment: Attachment) -> None:
        announcing = self._announcing.pop(attachment)
        announcing.cancel()
        await asyncio.wait({announcing})
        await super().detach(attachment)


@_bug("PUB-27", "STR-09", seen="by p2c")
class RemembersThatNobodyListens(DeliversWithinItsProcess):
    """Caches that no other process subscribes, until its own process subscribes again."""

    _nobody: ClassVar[set[str]] = set()

    def __init__(self, connection: LooseConnection) -> None:
        super().__init__(connection)
        self._inbox = ""
        self._asked: dict[str, str] = {}

    async def listen(self, attachment: Attachment) -> None:
        await super().listen(attachment)
        self._nobody.clear()

    async def relay(self, subject: str, body: bytes) -> None:
        if subject in self._nobody:
            return
        client = self.connection.client
        if not self._inbox:
            self._inbox = client.new_inbox()
            inbox = Attachment(f"{self._inbox}.*", self._heard_by_nobody, lambda error: None)
            await self.connection.attach(inbox)
        reply = f"{self._inbox}.{uuid4().hex}"
        self._asked[reply] = subject
        await client.publish(subject, _PROCESS + b"\n" + body, reply=reply)
        await self.connection.settle()
        del self._asked[reply]

    def _heard_by_nobody(self, reply: str, _: bytes) -> bool:
        """Takes the server's answer to a publish that had no subscriber."""
        self._nobody.add(self._asked[reply])
        return False


@_bug("CLN-10", seen="by p2c")
class CleansByItsOwnSubscribers(DeliversWithinItsProcess):
    """Ends other processes' subscriptions at cleanup, except those that its own process shares."""

    capabilities = replace(DeliversWithinItsProcess.capabilities, introspection=True)

    def __init__(self, connection: LooseConnection) -> None:
        super().__init__(connection)
        self._told = False

    async def listen(self, attachment: Attachment) -> None:
        await super().listen(attachment)
        if not self._told:
            self._told = True
            await self.connection.attach(Attachment(_CLEANED, self._drop, lambda error: None))

    def _drop(self, _: str, body: bytes) -> bool:
        kept = set(body.decode().split())
        for attachment, one in list(self._here.items()):
            if one.owner is self and attachment.subject not in kept:
                attachment.receive = lambda subject, body: False
        return False

    async def cleanup_inactive_channels(self) -> int:
        used = {attachment.subject for attachment in self._here}
        await self.connection.publish(_CLEANED, " ".join(sorted(used)).encode())
        return 0

    async def active_channels(self) -> ChannelCounts:
        return ChannelCounts(events=0, streams=0)
