"""Registers mutants with broken histories."""

from __future__ import annotations

import re
from collections.abc import Callable

from eventhook_conformance.target import Mutant
from eventhook_reference.memory_replay import ReplayBackend, ReplayBus, replay_target
from eventhook_reference.mutants._register import register


def kebab(name: str) -> str:
    """Returns a class's name as a mutant's."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()


def replay_bug(
    zoo: list[Mutant],
    *caught_by: str,
    seen: str,
    client: Callable[[ReplayBus], ReplayBackend] = ReplayBackend,
) -> Callable[[type[ReplayBus]], type[ReplayBus]]:
    """Enters a broken bus into a zoo; its name is the class's, its bug the docstring's first line.

    Args:
        zoo: the module's list.
        *caught_by: the requirements that must be charged, every one of them.
        seen: a part of the message that must be reported.
        client: makes its clients.
    """

    return register(
        zoo, *caught_by, seen=seen, target=lambda name, bus: replay_target(name, bus, client)
    )
