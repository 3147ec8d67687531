"""Counts the subscriptions that a case had open at once: a target may claim to bear only so many."""

from __future__ import annotations

from eventhook_conformance.history import History


def most_open(history: History) -> int:
    """Returns how many subscriptions of a history were open at once, at most; refused ones count."""
    changes: list[tuple[int, int]] = []
    for entry in history.subscriptions:
        if entry.entered is None and entry.error is None:
            continue  # it was made, and never entered
        changes.append((entry.entering.step, 1))
        if entry.left is not None:
            changes.append((entry.left.step, -1))
        elif entry.error is not None:
            changes.append((entry.entering.step + 1, -1))
    most = now = 0
    for _, change in sorted(changes):
        now += change
        most = max(most, now)
    return most
