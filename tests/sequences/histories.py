"""Right histories of scenarios, made by hand to be made wrong."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import msgspec

from eventhook_conformance.contract import FlovynEvent, StreamEvent, StreamEventType
from eventhook_conformance.sequences import (
    Ids,
    Scenario,
    SequenceViolation,
    check,
    check_output,
    check_twins,
    match,
    scenarios,
)
from eventhook_conformance.sequences.scenario import ExpectedEvent, types_by_older_name

NOW = 1_790_000_000_000


class Played:
    """A run of a scenario as it should be told.

    Args:
        name: of the scenario.
        seed: chooses one of the orders that causality allows.
    """

    def __init__(self, name: str, seed: int | None = None) -> None:
        self.scenario: Scenario = scenarios()[name]
        self.ids = Ids(
            uuid4(),
            {label: uuid4() for label in self.scenario.workflows},
            {label: uuid4() for label in self.scenario.tasks},
        )
        self.order = self._linear(seed)
        self.events = [self._event(one, place) for place, one in enumerate(self.order)]

    def _linear(self, seed: int | None) -> list[ExpectedEvent]:
        if seed is None:
            return list(self.scenario.events)
        chooser = random.Random(seed)
        left = list(self.scenario.events)
        order: list[ExpectedEvent] = []
        while left:
            behind_others = {label for event in left for label in event.before}
            free = [event for event in left if event.label not in behind_others]
            order.append(chooser.choice(free))
            left.remove(order[-1])
        return order

    def _event(self, expected: ExpectedEvent, place: int) -> FlovynEvent:
        workflow = None if expected.workflow is None else self.ids.workflows[expected.workflow]
        task = None if expected.task is None else self.ids.tasks[expected.task]
        return FlovynEvent(
            id=uuid4(),
            tenant_id=self.ids.tenant,
            workflow_execution_id=workflow,
            task_execution_id=task,
            event_type=expected.type,
            source=f"worker:{expected.worker or 'w1'}" if expected.source == "worker" else "system",
            data={name: self._value(wanted) for name, wanted in expected.snapshot.items()},
            timestamp_ms=NOW + place,
        )

    def _value(self, wanted: Any) -> Any:
        if not isinstance(wanted, dict):
            return wanted
        ((kind, argument),) = wanted.items()
        if kind in ("workflow", "task"):
            known = self.ids.workflows if kind == "workflow" else self.ids.tasks
            return str(known[argument])
        if kind == "one_of":
            return argument[0]
        if kind == "maybe":
            return self._value(argument)
        if kind == "due":
            return NOW - 1
        if kind == "any":
            return NOW - 1 if argument == "time" else "something"
        return argument

    def place(self, label: str) -> int:
        """Returns the place of the event with that label."""
        return [one.label for one in self.order].index(label)

    def change(self, label: str, **members: Any) -> None:
        """Changes members of one event."""
        place = self.place(label)
        self.events[place] = msgspec.structs.replace(self.events[place], **members)

    def change_data(self, label: str, **members: Any) -> None:
        """Changes members of one event's snapshot; None takes one away."""
        data = {**self.events[self.place(label)].data, **members}
        self.change(label, data={name: value for name, value in data.items() if value is not None})

    def drop(self, label: str) -> FlovynEvent:
        """Removes one event."""
        place = self.place(label)
        del self.order[place]
        return self.events.pop(place)

    def swap(self, one: str, other: str) -> None:
        """Swaps two events."""
        a, b = self.place(one), self.place(other)
        self.events[a], self.events[b] = self.events[b], self.events[a]
        self.order[a], self.order[b] = self.order[b], self.order[a]

    def check(self) -> list[SequenceViolation]:
        """Returns the errors in the events."""
        return check(self.scenario, self.ids, self.events, now_ms=NOW)

    def streams(self) -> dict[str, list[StreamEvent]]:
        """Returns all streams of it: each event's twin, and output right after a task's start."""
        streams: dict[str, list[StreamEvent]] = {}
        told: set[UUID | None] = set()
        for event in self.events:
            key = str(event.workflow_execution_id or event.task_execution_id)
            stream = streams.setdefault(key, [])
            stream.append(twin(event))
            if event.event_type == "task.started" and event.task_execution_id not in told:
                stream += self._output(event.task_execution_id, key)
                told.add(event.task_execution_id)
        return streams

    def _output(self, task: UUID | None, key: str) -> list[StreamEvent]:
        label = next(label for label, known in self.ids.tasks.items() if known == task)
        return [
            StreamEvent(
                task_execution_id=str(task),
                workflow_execution_id=key,
                sequence=number,
                event_type=StreamEventType(one.type),
                payload=one.payload,
                timestamp_ms=NOW,
            )
            for number, one in enumerate(self.scenario.outputs)
            if one.task == label
        ]

    def check_twins(
        self, change: Callable[[dict[str, list[StreamEvent]]], object] = lambda streams: None
    ) -> list[SequenceViolation]:
        """Returns the errors in the twins, once the streams were changed."""
        streams = self.streams()
        change(streams)
        return list(check_twins(match(self.scenario, self.ids, self.events), streams))

    def check_output(
        self, change: Callable[[dict[str, list[StreamEvent]]], object] = lambda streams: None
    ) -> list[SequenceViolation]:
        """Returns the errors in the output, once the streams were changed."""
        streams = self.streams()
        change(streams)
        return list(check_output(self.scenario, self.ids, streams))


def twin(event: FlovynEvent, **members: Any) -> StreamEvent:
    """Returns the older form of an event, with members of its payload changed."""
    older = next(name for name, types in types_by_older_name().items() if event.event_type in types)
    payload = {
        "type": "Event",
        "event": older,
        "data": event.data,
        "timestampMs": event.timestamp_ms,
        **members,
    }
    task = event.task_execution_id
    return StreamEvent(
        task_execution_id="" if task is None else str(task),
        workflow_execution_id=str(event.workflow_execution_id or task),
        sequence=0,
        event_type=StreamEventType.DATA,
        payload=json.dumps(payload),
        timestamp_ms=event.timestamp_ms,
    )
