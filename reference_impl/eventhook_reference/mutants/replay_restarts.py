"""Histories on JetStream that lie after the server was killed and started again."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from eventhook_conformance.contract import Since, StreamingBackend
from eventhook_conformance.kit import NatsServer
from eventhook_conformance.target import Capabilities, Mutant, Target
from eventhook_reference.mutants._register_replay import kebab
from eventhook_reference.nats_replay import CAPABILITIES, connect
from eventhook_reference.nats_replay_streams import Histories, Place

REPLAY_RESTARTS: Final[list[Mutant]] = []

_CLAIMED: Final = dataclasses.replace(CAPABILITIES, profiles={*CAPABILITIES.profiles, "recovery"})


def _restarted(name: str, histories: type[Histories], claims: Capabilities) -> Target:
    """Makes a target whose history is in memory, and is lost with its server."""

    @asynccontextmanager
    async def opened(address: str) -> AsyncIterator[StreamingBackend]:
        async with connect(address, claims) as backend:
            backend.histories.__class__ = histories
            yield backend

    return Target(
        name, server=lambda: NatsServer(jetstream=True), connect=opened, capabilities=claims
    )


def _broken_restart(
    *caught_by: str, seen: str, survives: bool = False
) -> Callable[[type[Histories]], type[Histories]]:
    """Enters broken histories; the name is the class's, the bug the docstring's first line."""

    def enter(histories: type[Histories]) -> type[Histories]:
        name = kebab(histories.__name__)
        claims = dataclasses.replace(_CLAIMED, replay_survives="server" if survives else "client")
        REPLAY_RESTARTS.append(
            Mutant(
                name=name,
                bug=(histories.__doc__ or "").strip().splitlines()[0],
                caught_by=caught_by,
                seen=seen,
                target=lambda: _restarted(name, histories, claims),
            )
        )
        return histories

    return enter


@_broken_restart("RPL-13", seen="a cursor to outlive a restart", survives=True)
class ForgetsWithItsServer(Histories):
    """Keeps the history in memory, and claims files: no cursor outlives the server."""


@_broken_restart("RPL-13", seen="")
class NumbersAnewAfterARestart(Histories):
    """Numbers events from one again after a restart: older cursors skip events."""

    async def _place(self, name: str, stored: str, subject: str, limits: dict[str, int]) -> Place:
        place = await super()._place(name, stored, subject, limits)
        return dataclasses.replace(place, tag="A" * 16)

    async def position(self, place: Place, since: Since) -> int | None:
        if isinstance(since, str) and since.endswith("A" * 16):
            return int(since.partition("-")[0])
        return await super().position(place, since)
