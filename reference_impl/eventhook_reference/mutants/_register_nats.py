"""How the modules of the zoo say what they hold of clients over NATS."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

from eventhook_conformance.target import Mutant
from eventhook_reference.mutants.base_nats import PliableNats, pliable_nats_target


def bug_over_nats(
    zoo: list[Mutant], *caught_by: str, seen: str
) -> Callable[[type[PliableNats]], type[PliableNats]]:
    """As `bug`, for clients over NATS."""

    def enter(client: type[PliableNats]) -> type[PliableNats]:
        name = re.sub(r"(?<!^)(?=[A-Z])", "-", client.__name__).lower()
        zoo.append(
            Mutant(
                name=name,
                bug=(client.__doc__ or "").strip().splitlines()[0],
                caught_by=caught_by,
                seen=seen,
                target=partial(pliable_nats_target, name, client),
            )
        )
        return client

    return enter
