"""Which observed event is which expected one.

Not by order: an event is recognised by its type and whose it is, and among several of the same by
its snapshot, so that one that is missing or too many does not shift all that follow.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from eventhook_conformance.contract import FlovynEvent
from eventhook_conformance.sequences.matcher import MISSING, mismatch
from eventhook_conformance.sequences.scenario import ExpectedEvent, Ids, Scenario


@dataclass
class Match:
    """A scenario beside what was seen of it."""

    scenario: Scenario
    ids: Ids
    seen: Sequence[FlovynEvent]
    """In the order of arrival."""
    found: dict[str, int] = field(default_factory=dict)
    """By label, the place in `seen`."""
    misfiled: set[str] = field(default_factory=set)
    """Those found whose ids are another's."""
    repeated: dict[int, str] = field(default_factory=dict)
    """Places that hold once more what a label stands for."""
    extra: list[int] = field(default_factory=list)
    """Places that hold what nothing stands for."""

    @property
    def missing(self) -> list[ExpectedEvent]:
        """The expected events that must be there and are not."""
        return [event for event in self.scenario.required if event.label not in self.found]

    def event(self, label: str) -> FlovynEvent:
        """What was seen for a label that was found."""
        return self.seen[self.found[label]]

    def edges(self) -> Iterator[tuple[ExpectedEvent, ExpectedEvent]]:
        """Every pair of events found of which the first must come before the second.

        Where the one between two is missing, the first still comes before the last.
        """
        for first in self.scenario.events:
            if first.label in self.found:
                ahead, known = list(first.before), set(first.before)
                for label in ahead:
                    later = self.scenario.by_label(label)
                    if label in self.found:
                        yield first, later
                    else:
                        ahead += [one for one in later.before if one not in known]
                        known.update(later.before)


def match(scenario: Scenario, ids: Ids, seen: Sequence[FlovynEvent]) -> Match:
    """Finds for each expected event the observed one, at most one."""
    result = Match(scenario, ids, seen)
    open_places = _without_repeats(result)
    # Whoever fits exactly goes first: else a wrong event could take the place of a right one.
    for exactly in (True, False):
        for place in list(open_places):
            event = seen[place]
            fitting = [one for one in _unfound(result) if _files_as(one, event, ids)]
            best = _best(fitting, event, ids)
            if best is not None and (not exactly or _mismatches(best, event, ids) == 0):
                result.found[best.label] = place
                open_places.remove(place)
    _take_misfiled(result, open_places)
    for place in open_places:
        twin = next((one for one in scenario.events if _files_as(one, seen[place], ids)), None)
        if twin is not None:
            result.repeated[place] = twin.label
        else:
            result.extra.append(place)
    label_of = {result.seen[place].id: label for label, place in result.found.items()}
    for place, label in list(result.repeated.items()):
        result.repeated[place] = label_of.get(seen[place].id, label)
    return result


def _without_repeats(result: Match) -> list[int]:
    places: list[int] = []
    ids: set[object] = set()
    for place, event in enumerate(result.seen):
        if event.id in ids:
            result.repeated[place] = event.event_type
        else:
            ids.add(event.id)
            places.append(place)
    return places


def _take_misfiled(result: Match, open_places: list[int]) -> None:
    for place in list(open_places):
        event = result.seen[place]
        same_type = [
            one
            for one in _unfound(result)
            if one.type == event.event_type and (result.scenario.exact or not one.optional)
        ]
        best = _best(same_type, event, result.ids)
        if best is not None:
            result.found[best.label] = place
            result.misfiled.add(best.label)
            open_places.remove(place)


def _unfound(result: Match) -> Iterable[ExpectedEvent]:
    return (event for event in result.scenario.events if event.label not in result.found)


def _files_as(expected: ExpectedEvent, event: FlovynEvent, ids: Ids) -> bool:
    workflow = None if expected.workflow is None else ids.workflows.get(expected.workflow, MISSING)
    task = None if expected.task is None else ids.tasks.get(expected.task, MISSING)
    return (
        expected.type == event.event_type
        and workflow == event.workflow_execution_id
        and task == event.task_execution_id
    )


def _best(
    candidates: Iterable[ExpectedEvent], event: FlovynEvent, ids: Ids
) -> ExpectedEvent | None:
    return min(candidates, key=lambda one: _mismatches(one, event, ids), default=None)


def _mismatches(expected: ExpectedEvent, event: FlovynEvent, ids: Ids) -> int:
    data = event.data if isinstance(event.data, dict) else {}
    return sum(
        mismatch(wanted, data.get(member, MISSING), ids, None) is not None
        for member, wanted in expected.snapshot.items()
    )
