"""Finds events that an outage does not excuse, and counts failed publishes (LIF-18)."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from eventhook_conformance.contract import FlovynEvent
from eventhook_conformance.sequences.finding import SequenceViolation
from eventhook_conformance.sequences.matching import Match, match
from eventhook_conformance.sequences.picture import named
from eventhook_conformance.sequences.scenario import Ids, Scenario
from eventhook_conformance.sequences.twins import Streams, check_twins, twin_in


@dataclass(frozen=True)
class Published:
    """The publishes of one run while some of them failed."""

    tried: Sequence[FlovynEvent]
    """Each event that it tried to publish."""
    events: Sequence[FlovynEvent]
    """The events that were published, repeats included."""
    streams: Streams
    """Those that got out on the stream side, by key."""


class Untold:
    """The events of a run that did not get out, in either form.

    Args:
        scenario: what was played.
        ids: what its labels stand for.
        published: what the service published.
    """

    def __init__(self, scenario: Scenario, ids: Ids, published: Published) -> None:
        found = match(scenario, ids, published.tried)
        out = {event.id for event in published.events}
        twinless = set(_without_twin(found, published.streams))
        self._scenario = scenario
        self._found = found
        self._published = published
        self.events: list[str] = []
        """The labels of those that did not get out on the bus."""
        self.twins: list[str] = []
        """The labels of those whose older form did not."""
        for label in (one.label for one in scenario.required):
            event = found.event(label) if label in found.found else None
            if event is None or event.id not in out:
                self.events.append(label)
            if event is None or event.id in twinless:
                self.twins.append(label)

    @property
    def failures(self) -> range:
        """The values allowed for `publish_failures`: an event counts once, or once for each form."""
        told = sum(twin_in(one) is None for its in self._published.streams.values() for one in its)
        optional = len(self._scenario.events) - len(self._scenario.required)
        most = len(self.events) + len(self.twins) + len(self._scenario.outputs) - told
        return range(len({*self.events, *self.twins}), most + 2 * optional + 1)

    def _settled(self, excused: Collection[str]) -> list[str]:
        """Returns events without an older form. Equal older forms go first to those not excused."""
        alike: dict[str, list[str]] = {}
        for label in self._found.found:
            alike.setdefault(_signature(self._found.event(label)), []).append(label)
        settled = [label for label in self.twins if label not in self._found.found]
        for labels in alike.values():
            missing = sum(label in self.twins for label in labels)
            first = sorted(labels, key=lambda one: self._scenario.by_label(one).step not in excused)
            settled += first[:missing]
        return settled

    def check(
        self, excused_events: Collection[str], excused_twins: Collection[str]
    ) -> Iterator[SequenceViolation]:
        """Finds events that should have got out and did not, and events that got out twice.

        Args:
            excused_events: the steps whose events need not get out on the bus.
            excused_twins: the steps whose older forms need not get out.
        """
        for labels, excused, form in (
            (self.events, excused_events, ""),
            (self._settled(excused_twins), excused_twins, "the older form of "),
        ):
            for expected in map(self._scenario.by_label, labels):
                if expected.step not in excused:
                    yield SequenceViolation(
                        "missing",
                        ("LIF-18",),
                        f"{form}{named(expected)} to be published, caused by {expected.step!r}",
                        "it never was",
                    )
        yield from self._lost_output(excused_twins)
        counts: Counter[UUID] = Counter(event.id for event in self._published.events)
        for event in self._published.tried:
            if counts[event.id] > 1:
                yield SequenceViolation(
                    "repeated",
                    ("LIF-18",),
                    f"{event.event_type} to be published once",
                    f"it was published {counts[event.id]} times",
                    (event,),
                )

    def _lost_output(self, excused: Collection[str]) -> Iterator[SequenceViolation]:
        """Finds pieces of output that were not published; equal pieces may replace each other."""
        told = Counter(
            (one.task_execution_id, one.event_type.value, one.payload)
            for its in self._published.streams.values()
            for one in its
        )
        outputs = self._scenario.outputs
        for piece in sorted(outputs, key=lambda one: one.step in excused):
            task = str(self._found.ids.tasks.get(piece.task))
            key = (task, piece.type, piece.payload)
            told[key] -= 1
            if told[key] < 0 and piece.step not in excused:
                yield SequenceViolation(
                    "missing",
                    ("LIF-18",),
                    f"{piece.type} {piece.payload!r:.60} of {piece.task} to be published, "
                    f"caused by {piece.step!r}",
                    "it never was",
                )


def _signature(event: FlovynEvent) -> str:
    key = event.workflow_execution_id or event.task_execution_id
    return json.dumps([event.event_type, str(key), event.timestamp_ms, event.data])


def _without_twin(found: Match, streams: Streams) -> Iterator[UUID]:
    for finding in check_twins(found, streams, whole=True):
        event = finding.events[0]
        if finding.kind == "twin-missing" and isinstance(event, FlovynEvent):
            yield event.id
