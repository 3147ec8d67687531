"""Registers the mutants of a module."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from eventhook_conformance.target import Mutant, Target
from eventhook_reference.mutants.base import PliableClient, Side, SidedClient, pliable_target

Part = TypeVar("Part", bound=Callable[..., Any])


def register(
    zoo: list[Mutant], *caught_by: str, seen: str, target: Callable[[str, Any], Target]
) -> Callable[[Part], Part]:
    """Enters a broken part into a zoo; its name is the part's, its bug the docstring's first line.

    Args:
        zoo: the module's list.
        *caught_by: the requirements that must be charged, every one of them.
        seen: a part of the message that must be reported.
        target: makes the target of the mutant's name and the part.
    """

    def enter(part: Part) -> Part:
        name = re.sub(r"(?<!^)(?=[A-Z])", "-", part.__name__).lower().replace("_", "-")
        zoo.append(
            Mutant(
                name=name,
                bug=(part.__doc__ or "").strip().splitlines()[0],
                caught_by=caught_by,
                seen=seen,
                target=partial(target, name, part),
            )
        )
        return part

    return enter


def bug(
    zoo: list[Mutant], *caught_by: str, seen: str
) -> Callable[[type[PliableClient]], type[PliableClient]]:
    """Enters a broken client into a zoo; its name is the class's, its bug the docstring's first line.

    Args:
        zoo: the module's list.
        *caught_by: the requirements that must be charged, every one of them.
        seen: a part of the message that must be reported.
    """

    return register(
        zoo,
        *caught_by,
        seen=seen,
        target=lambda name, client: pliable_target(name, client, client.capabilities),
    )


def bug_on_each_side(
    zoo: list[Mutant],
    *,
    events: Sequence[str],
    streams: Sequence[str],
    seen: str,
    seen_on_streams: str | None = None,
) -> Callable[[type[SidedClient]], type[SidedClient]]:
    """Enters a broken client twice: once with the bug on the events, once with it on the streams.

    Args:
        zoo: the module's list.
        events, streams: the requirements that must be charged for the bug on that side.
        seen: a part of the message that must be reported.
        seen_on_streams: the same for streams, where the message differs.
    """
    sides: tuple[tuple[Side, Sequence[str], str], ...] = (
        ("events", events, seen),
        ("streams", streams, seen_on_streams or seen),
    )

    def enter(client: type[SidedClient]) -> type[SidedClient]:
        for side, caught_by, message in sides:
            members = {"bugged": side, "__doc__": client.__doc__}
            twin = type(f"{client.__name__}On{side.title()}", (client,), members)
            bug(zoo, *caught_by, seen=message)(twin)
        return client

    return enter
