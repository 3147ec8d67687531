"""Sets the garbage collector while targets are judged."""

from __future__ import annotations

import gc
from typing import Final

_THRESHOLDS: Final = (200_000, 50, 1000)


def collect_seldom() -> None:
    """Exempts all living objects from garbage collection, and makes later collections rare.

    Histories are many small objects that live long. Looking through them again and again took a fifth
    of a run's time, and half of it in a process that received the results of a broken bus.
    """
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)


def collect_between_runs() -> None:
    """Frees the last run's history, and exempts the remaining objects from garbage collection.

    For a process that judges many targets: `collect_seldom` would keep all of their histories.
    """
    gc.collect()
    gc.freeze()
