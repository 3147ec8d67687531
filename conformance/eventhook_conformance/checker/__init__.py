"""Checks a history against the rules that every history must satisfy.

Has pure functions only: no bus, no pytest, no clock. The same history always gets the same result, and any
history may be judged again when more of it is known.
"""

from __future__ import annotations

from eventhook_conformance.checker.cursors import judge_cursors
from eventhook_conformance.checker.deliveries import judge_deliveries
from eventhook_conformance.checker.endings import judge_endings
from eventhook_conformance.checker.loss import judge_loss
from eventhook_conformance.checker.order import judge_order
from eventhook_conformance.checker.origins import Origins
from eventhook_conformance.checker.past_events import Beginnings, replays
from eventhook_conformance.checker.violation import (
    MISSING,
    VIOLATION_KINDS,
    Violation,
    ViolationKind,
    charge_replay,
    condense,
)
from eventhook_conformance.history import History, Ledger, Subscribed
from eventhook_conformance.target import Capabilities

__all__ = ["MISSING", "VIOLATION_KINDS", "Violation", "ViolationKind", "check", "condense"]


def check(
    history: History, capabilities: Capabilities, ledger: Ledger | None = None
) -> list[Violation]:
    """Returns all breaches that the history shows, worst first, each charged to its requirements.

    Args:
        history: what one case did and saw.
        capabilities: what the target claims: order, capacities, overflow, activation.
        ledger: every event that the run published, to tell leaks between cases from inventions.
    """
    origins = Origins(history)
    beginnings = Beginnings(history, origins, capabilities)
    found = [
        *judge_deliveries(history, origins, beginnings, ledger or Ledger()),
        *judge_order(history, origins, capabilities),
        *judge_loss(history, origins, beginnings, capabilities),
        *judge_endings(history),
        *judge_cursors(history, origins, beginnings),
    ]
    return [_replaying(violation) for violation in found]


def _replaying(violation: Violation) -> Violation:
    reader = violation.entries[0] if violation.entries else None
    if isinstance(reader, Subscribed) and replays(reader):
        return charge_replay(violation)
    return violation
