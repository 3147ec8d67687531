"""Finds the observed event for each expected one.

Not by order: an event is recognised by its type and whose it is, and among several of the same by
its snapshot, so that one that is missing or too many does not shift all that follow.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from math import comb
from typing import Final

from eventhook_conformance.contract import FlovynEvent
from eventhook_conformance.sequences.scenario import ExpectedEvent, Ids, Scenario
from eventhook_conformance.sequences.snapshot_matcher import MISSING, mismatch

_MOST_CHOICES: Final = 60
"""Beyond so many, saying which one is missing takes longer than it helps."""


@dataclass
class Match:
    """A scenario with the events that came of it."""

    scenario: Scenario
    ids: Ids
    seen: Sequence[FlovynEvent]
    """In the order of arrival."""
    found: dict[str, int] = field(default_factory=dict)
    """By label, the place in `seen`."""
    misfiled: set[str] = field(default_factory=set)
    """The labels of events found with ids of another workflow or task."""
    repeated: dict[int, str] = field(default_factory=dict)
    """Places of events that repeat a labelled one."""
    extra: list[int] = field(default_factory=list)
    """Places of events that no label expects."""

    @property
    def missing(self) -> list[ExpectedEvent]:
        """The expected events that must be there and are not."""
        return [event for event in self.scenario.required if event.label not in self.found]

    def event(self, label: str) -> FlovynEvent:
        """Returns the observed event of a label that was found."""
        return self.seen[self.found[label]]

    def edges(self) -> Iterator[tuple[ExpectedEvent, ExpectedEvent]]:
        """Yields every pair of events found of which the first must come before the second.

        If an event between two others is missing, the first still comes before the last.
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
    filed = _by_file(scenario, ids)
    # Match exact fits first: else a wrong event could take the place of a right one.
    for exactly in (True, False):
        for place in list(open_places):
            event = seen[place]
            fitting = [one for one in filed.get(_file(event), ()) if one.label not in result.found]
            best = _best(fitting, event, ids)
            if best is not None and (not exactly or _mismatches(best, event, ids) == 0):
                result.found[best.label] = place
                open_places.remove(place)
    _take_misfiled(result, open_places)
    for alike in filed.values():
        _realign(result, alike)
    _go_by_names(result, filed.values())
    for place in open_places:
        if same := filed.get(_file(seen[place])):
            result.repeated[place] = same[0].label
        else:
            result.extra.append(place)
    label_of = {result.seen[place].id: label for label, place in result.found.items()}
    for place, label in list(result.repeated.items()):
        result.repeated[place] = label_of.get(seen[place].id, label)
    return result


def _realign(result: Match, alike: Sequence[ExpectedEvent]) -> None:
    """Decides which of several events alike but for their order is missing: so that fewest edges break."""
    places = sorted(result.found[one.label] for one in alike if one.label in result.found)
    if not 0 < len(places) < len(alike) or any(one.label in result.misfiled for one in alike):
        return
    if comb(len(alike), len(places)) > _MOST_CHOICES:
        return

    def assigned(chosen: Sequence[ExpectedEvent]) -> dict[str, int]:
        kept = {one.label for one in alike}
        others = {label: place for label, place in result.found.items() if label not in kept}
        return others | {one.label: place for one, place in zip(chosen, places, strict=True)}

    def wrong(chosen: Sequence[ExpectedEvent]) -> tuple[int, int]:
        attempt = Match(result.scenario, result.ids, result.seen, assigned(chosen))
        differs = sum(_mismatches(one, attempt.event(one.label), result.ids) for one in chosen)
        broken = sum(
            attempt.found[first.label] > attempt.found[second.label]
            for first, second in attempt.edges()
        )
        return differs, broken

    result.found = assigned(min(combinations(alike, len(places)), key=wrong))


def _go_by_names(result: Match, files: Iterable[Sequence[ExpectedEvent]]) -> None:
    """Tells equal events apart by their names, such as timers that are due together."""
    chosen: dict[str, object] = {}
    for one in result.scenario.events:
        if one.label in result.found and (named := _name_in(result, one, one.label)) is not None:
            chosen.setdefault(*named)
    for alike in files:
        found = [one for one in alike if one.label in result.found]
        if len(found) < 2:
            continue
        right: dict[str, int] = {}
        for one in found:
            for other in found:
                named = _name_in(result, one, other.label)
                if named is not None and chosen[named[0]] == named[1]:
                    right[one.label] = result.found[other.label]
        if sorted(right.values()) == sorted(result.found[one.label] for one in found):
            result.found.update(right)


def _name_in(result: Match, expected: ExpectedEvent, label: str) -> tuple[str, object] | None:
    """Returns the name that a server had to choose for an event, and what another one's snapshot has."""
    data = result.event(label).data
    for member, wanted in expected.snapshot.items():
        if isinstance(wanted, dict) and "same" in wanted and isinstance(data, dict):
            return wanted["same"], data.get(member)
    return None


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


def _file(event: FlovynEvent) -> tuple[str, object, object]:
    return event.event_type, event.workflow_execution_id, event.task_execution_id


def _by_file(scenario: Scenario, ids: Ids) -> dict[tuple[str, object, object], list[ExpectedEvent]]:
    """Returns the expected events by their type, workflow and task, in the order of the scenario."""
    filed: dict[tuple[str, object, object], list[ExpectedEvent]] = {}
    for one in scenario.events:
        workflow = None if one.workflow is None else ids.workflows.get(one.workflow, MISSING)
        task = None if one.task is None else ids.tasks.get(one.task, MISSING)
        filed.setdefault((one.type, workflow, task), []).append(one)
    return filed


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
