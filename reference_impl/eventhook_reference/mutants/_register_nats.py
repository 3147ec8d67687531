"""Registers broken clients over NATS."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from eventhook_conformance.target import Mutant
from eventhook_reference.mutants._register import register
from eventhook_reference.mutants.base_nats import PliableNats, pliable_nats_target

Client = TypeVar("Client", bound=type[PliableNats])


def bug_over_nats(zoo: list[Mutant], *caught_by: str, seen: str) -> Callable[[Client], Client]:
    """Enters a broken client into a zoo; its name is the class's, its bug the docstring's first line.

    Args:
        zoo: the module's list.
        *caught_by: the requirements that must be charged, every one of them.
        seen: a part of the message that must be reported.
    """
    return register(zoo, *caught_by, seen=seen, target=pliable_nats_target)
