"""Bugs of publishing and subscribing."""

from __future__ import annotations

from eventhook_conformance.target import Mutant
from eventhook_reference.mutants._register import bug
from eventhook_reference.mutants.pliable import Event, Member, PliableClient

PUBLISHING: list[Mutant] = []


@bug(PUBLISHING, "PUB-04", seen="came instead")
class SwallowsTheFirst(PliableClient):
    """The first event after entering only wakes the dispatcher and is not delivered."""

    def hand(self, member: Member, event: Event) -> None:
        if getattr(member, "awake", False):
            super().hand(member, event)
        member.awake = True  # type: ignore[attr-defined]  # because: the bug's own note
