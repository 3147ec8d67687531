"""How the modules of the zoo say what they hold."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

from eventhook_conformance.target import Mutant
from eventhook_reference.mutants.base import PliableClient, pliable_target


def bug(
    zoo: list[Mutant], *caught_by: str, seen: str
) -> Callable[[type[PliableClient]], type[PliableClient]]:
    """Enters a broken client into a zoo; its name is the class's, its bug the docstring's first line.

    Args:
        zoo: the module's list.
        *caught_by: the requirements that must be charged, every one of them.
        seen: a part of the message that must be reported.
    """

    def enter(client: type[PliableClient]) -> type[PliableClient]:
        name = re.sub(r"(?<!^)(?=[A-Z])", "-", client.__name__).lower()
        zoo.append(
            Mutant(
                name=name,
                bug=(client.__doc__ or "").strip().splitlines()[0],
                caught_by=caught_by,
                seen=seen,
                target=partial(pliable_target, name, client, client.capabilities),
            )
        )
        return client

    return enter
