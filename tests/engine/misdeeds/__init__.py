"""Misdeeds of a hostile target, each done once: the modules enter their own into the two tables."""

from __future__ import annotations

from typing import Final

from engine.misdeeds import (
    blocking,
    changing,
    ending,
    lasting,
    leaking,
    looping,
    lying,
    raising,
    tampering,
)
from engine.misdeeds.registry import LIES, MISDEEDS

__all__ = ["LIES", "MISDEEDS", "MODULES"]

MODULES: Final = (raising, ending, looping, blocking, changing, lasting, leaking, lying, tampering)
"""Imported for the entries that they register."""
