"""Bugs of reconnecting, over NATS: subscriptions left, silent or unread meanwhile, and the first event."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any, Final

from eventhook_conformance.target import Mutant
from eventhook_reference.channel import Channel
from eventhook_reference.mutants._register_nats import bug_over_nats
from eventhook_reference.mutants.base import Event
from eventhook_reference.mutants.base_nats import LooseConnection
from eventhook_reference.mutants.recovering import Reconnecting
from eventhook_reference.nats_attachment import Attachment

RECOVERING_DEEPER: list[Mutant] = []

_IDLE_S: Final = 0.3


@bug_over_nats(RECOVERING_DEEPER, "REC-02", seen="the first event after")
class SwallowsTheFirstAfterAReconnect(Reconnecting):
    """Loses the first event of each subscription after a reconnect."""

    def __init__(self, connection: LooseConnection) -> None:
        super().__init__(connection)
        self._expecting: set[Channel[Any]] = set()

    async def on_reconnect(self) -> None:
        self._expecting |= self.channels

    def hand(self, channel: Channel[Any], event: Event) -> None:
        if channel in self._expecting:
            self._expecting.discard(channel)
        else:
            super().hand(channel, event)


@bug_over_nats(RECOVERING_DEEPER, "REC-07", seen="left while the connection was down")
class AsksAgainForWhatWasLeft(Reconnecting):
    """Subscribes again after an outage to what was left during it."""

    async def detach(self, attachment: Attachment) -> None:
        if self.connection.client.is_connected:
            await super().detach(attachment)


@bug_over_nats(RECOVERING_DEEPER, "REC-02", seen="nothing that")
class AsksOnceForEquals(Reconnecting):
    """Subscribes again to one of several equal subscriptions only."""

    async def on_disconnect(self) -> None:
        subjects: set[str] = set()
        mine = {id(attachment.handle) for attachment in self.attached}
        for number, handle in list(self.replayed().items()):
            if id(handle) in mine and handle.subject in subjects:
                del self.replayed()[number]
            subjects.add(handle.subject)


@bug_over_nats(RECOVERING_DEEPER, "REC-02", seen="nothing that")
class LeavesItsEqualsWhileDown(Reconnecting):
    """Drops all equal subscriptions when one of them is left during an outage."""

    async def detach(self, attachment: Attachment) -> None:
        if not self.connection.client.is_connected:
            for number, handle in list(self.replayed().items()):
                if handle.subject == attachment.subject:
                    del self.replayed()[number]
        await super().detach(attachment)


@bug_over_nats(RECOVERING_DEEPER, "REC-02", seen="nothing that")
class ForgetsWhatWasSilent(Reconnecting):
    """Subscribes again after a reconnect only to subscriptions that got an event lately."""

    capabilities = replace(Reconnecting.capabilities, recovery_s=0.5)

    def __init__(self, connection: LooseConnection) -> None:
        super().__init__(connection)
        self._heard_at = self._now()

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    def hand(self, channel: Channel[Any], event: Event) -> None:
        self._heard_at = self._now()
        super().hand(channel, event)

    async def on_disconnect(self) -> None:
        if self._now() - self._heard_at > _IDLE_S:
            self.forget_subscriptions()


@bug_over_nats(RECOVERING_DEEPER, "REC-02", seen="nothing that")
class WaitsForItsReadersToCatchUp(Reconnecting):
    """Subscribes again after a reconnect only once every reader has read its backlog."""

    capabilities = replace(Reconnecting.capabilities, recovery_s=0.5)
    _asking: asyncio.Task[None] | None = None

    async def on_disconnect(self) -> None:
        self.forget_subscriptions()

    async def on_reconnect(self) -> None:
        self._asking = asyncio.create_task(self._ask())

    async def _ask(self) -> None:
        while any(vars(channel)["_events"] for channel in self.channels):  # noqa: ASYNC110  # because: it is a bug
            await asyncio.sleep(0.01)
        for attachment in self.attached:
            await self.ask_again(attachment)

    async def aclose(self) -> None:
        if self._asking is not None:
            self._asking.cancel()
        await super().aclose()
