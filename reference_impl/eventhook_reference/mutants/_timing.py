"""Delays that several bugs share."""

from __future__ import annotations

import asyncio

from eventhook_reference.mutants.base import Event, Member


def later(seconds: float, member: Member, event: Event) -> None:
    """Puts an event into a buffer after a while."""
    asyncio.get_running_loop().call_later(seconds, member.channel.push, event)
