"""Says what a case demanded beyond a target's claims: then its failure is no finding.

That is subscriptions open at once, events unread in one of them or kept in a history, bytes of an event.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from eventhook_conformance.checker import Violation
from eventhook_conformance.contract import LIVE, PublishError
from eventhook_conformance.engine.execution import Ending
from eventhook_conformance.engine.open_subscriptions import most_open
from eventhook_conformance.history import Event, History, Subscribed
from eventhook_conformance.probe import Probe
from eventhook_conformance.probe.publisher_order import event_key
from eventhook_conformance.probe.relief import capacity_of, in_scope

_ABOUT_SIZE: Final = "EVT-08"
_LONG: Final = 64
"""From this length of history on, no case relies on more than is claimed."""
_LASTING_S: Final = 3.0
"""From this age on, what a case relies on is in the claimed history, unless the machine is too busy."""
_NEVER: Final = 1 << 62


def asked_too_much(probe: Probe, ending: Ending, found: Sequence[Violation]) -> str | None:
    """Returns the demand of a failed case that exceeds the target's claims; None if there is none.

    Args:
        probe: the case's.
        ending: of the case's body.
        found: the breaches that it showed.
    """
    if not found and not ending.message and ending.decided:
        return None
    claimed = probe.capabilities
    subscriptions = most_open(probe.history)
    if subscriptions > claimed.max_subscriptions:
        return f"needs max_subscriptions={subscriptions} or more"
    refused_alone = all(one.kind == "failed" for one in found)
    if refused_alone and (size := _largest_refused(probe)):
        return f"needs max_event_bytes={size} or more"
    # An event that was lost, altered or repeated is a breach, however much lay unread. A publish that
    # waits is none, where waiting for room is what the target claims to do.
    waits = claimed.overflow == "block" and refused_alone
    reason = _overrun(probe) if not found or waits else None
    return reason or (None if found else _outran_history(probe))


def _outran_history(probe: Probe) -> str | None:
    """Returns how much history a case relied on, or how old, if that was more than is claimed."""
    claimed, now_s = probe.capabilities, probe.history.clock.now().at_s
    most = _NEVER if claimed.replay_events is None else claimed.replay_events
    oldest_s = float("inf") if claimed.replay_s is None else claimed.replay_s
    for entry in probe.history.subscriptions:
        if entry.since in (None, LIVE):
            continue
        retained = [
            publish.called.at_s
            for publish in probe.history.publishes
            if publish.outcome == "ok"
            and publish.called.step < entry.entering.step
            and in_scope(entry, publish.event)
        ]
        if most < _LONG and len(retained) > most:
            return f"needs replay_events={len(retained)} or more"
        age_s = max((now_s - at_s for at_s in retained), default=0.0)
        if oldest_s < _LASTING_S and age_s >= oldest_s:
            return f"needs replay_s={age_s:.1f} or more"
    return None


def _largest_refused(probe: Probe) -> int:
    """Returns the size of the largest event that was refused for being larger than is claimed; 0: none was.

    Cases about the size itself keep to the claims.
    """
    if _ABOUT_SIZE in probe.requirements:
        return 0
    refused = (
        _size(publish.event)
        for publish in probe.history.publishes
        if publish.outcome == "refused" and PublishError.__name__ in publish.raised
    )
    claimed = probe.capabilities.max_event_bytes
    return max((size for size in refused if size > claimed), default=0)


def _size(event: Event) -> int:
    try:
        return len(event.to_json())
    except ValueError:  # because: what has no wire form was refused for that
        return 0


def _overrun(probe: Probe) -> str | None:
    for entry in probe.history.subscriptions:
        relief = probe.publisher.relief
        if not relief.concerns(entry.selects):
            continue
        unread = most_unread(probe.history, entry, partial(relief.takes_room, entry))
        if unread > capacity_of(entry, probe.capabilities):
            side = "event" if entry.side == "events" else "stream"
            return f"needs {side}_capacity={unread} or more"
    return None


def most_unread(history: History, entry: Subscribed, takes_room: Callable[[Event], bool]) -> int:
    """Returns how many events may have lain unread in a subscription at once, at most.

    Args:
        history: the case's.
        entry: the subscription.
        takes_room: whether an event takes room in it.
    """
    if entry.entered is None:
        return 0
    read: dict[object, list[int]] = defaultdict(list)
    for delivery in reversed(entry.deliveries):
        read[event_key(delivery.event)].append(delivery.returned.step)
    last = entry.ends.step if entry.ends is not None else _NEVER
    changes: list[tuple[int, int]] = []
    for publish in history.publishes:
        called = publish.called.step
        within = entry.entered.step < called < last
        if within and publish.outcome != "refused" and takes_room(publish.event):
            changes.append((called, 1))
            steps = read[event_key(publish.event)]
            changes.append((steps.pop() if steps else _NEVER, -1))
    most = now = 0
    for _, change in sorted(changes):
        now += change
        most = max(most, now)
    return most
