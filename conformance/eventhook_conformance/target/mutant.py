"""A broken implementation on purpose, by which the suite is tested."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from eventhook_conformance.target.definition import Target


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """A believable bug over a correct implementation.

    Register an iterable of them under the entry-point group `eventhook_conformance.mutants`.
    """

    name: str
    """Kebab-case, unique over all registered mutants."""
    bug: str
    """The fault that a maintainer would find in the end, in one sentence."""
    caught_by: tuple[str, ...]
    """The requirements that must be charged with it, every one of them."""
    seen: str
    """A part of the message under which it is reported: what a stranger needs to read."""
    target: Callable[[], Target]
    """A fresh target that has the bug."""
