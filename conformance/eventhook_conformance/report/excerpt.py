"""Prints a history, or the part of one that shows a breach, as lines of text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from eventhook_conformance.history import Entry, History, Subscribed
from eventhook_conformance.report.steps import overlapping, steps

_MOST_LINES: Final = 24


def excerpt(history: History, entries: Sequence[Entry]) -> list[str]:
    """Returns a line for each step of these entries, in order, with times in milliseconds.

    Includes subscriptions that ended while an event of these entries was published.
    """
    found = steps(history, entries)
    no_other = all(isinstance(entry, Subscribed) for entry in entries)
    # The end of a subscription explains nothing that was seen before it, unless it is all there is.
    latest = max((step.moment.step for step in found if not step.is_ending), default=0)
    shown = [step for step in found if not step.is_ending or no_other or step.moment.step < latest]
    others = steps(history, overlapping(history, entries))
    shown += [step for step in others if step.moment.step < latest]
    shown.sort(key=lambda step: step.moment.step)
    start = shown[0].moment.at_s if shown else 0.0
    cut = len(shown) > _MOST_LINES
    half = _MOST_LINES // 2
    lines = [
        f"{(step.moment.at_s - start) * 1000:9.2f} ms  {step.actor:<4} {step.text}"
        for step in ([*shown[:half], *shown[-half:]] if cut else shown)
    ]
    if cut:
        lines.insert(half, f"{'…':>9}     ({len(shown) - 2 * half} more)")
    return lines
