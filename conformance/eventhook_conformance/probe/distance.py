"""Says how far a target is, for cases that make many round trips one after another."""

from __future__ import annotations

from typing import Final

_PATIENCE_S: Final = 3.0
_FAR_S: Final = 0.002


class Distance:
    """The time of a round trip to the target; 0 until the smoke test has measured it."""

    def __init__(self) -> None:
        self.round_trip_s = 0.0
        self.in_turn = False
        """The target takes publishes one after another: to call several together saves no time."""

    @property
    def is_far(self) -> bool:
        """True if calls to the target cost waiting, so that they had better overlap."""
        return self.round_trip_s > _FAR_S

    def side_by_side(self, most: int) -> int:
        """Returns how many steps run beside each other: one on a near target, `many` on a far one."""
        return most if self.is_far else 1

    def fit(self, most: int, *, least: int = 1, trips: int = 1, together: int = 1) -> int:
        """Returns how many steps, one after another, a case may take of its target's time.

        Args:
            most: of a target that is near.
            least: how many must be, however far it is.
            trips: how many round trips each takes.
            together: how many publishes each calls at once.
        """
        if not self.is_far:
            return most
        if self.in_turn:
            trips += together - 1
        return min(most, max(least, int(_PATIENCE_S / self.round_trip_s) // trips))
