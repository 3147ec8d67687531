"""Makes the events of one recording before the clock starts: making them is not a cost of the bus.

Each event carries its place in the recording as `timestamp_ms`, counted from the time of making. So a
reader knows at once its own place, and when the event was due.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Final, TypeAlias
from uuid import UUID, uuid4

from eventhook_conformance.bench.shape import Shape
from eventhook_conformance.contract import EventPattern, FlovynEvent, StreamEvent, StreamEventType
from eventhook_conformance.contract.events import now_ms
from eventhook_conformance.history import Event

Selects: TypeAlias = EventPattern | str

_TYPE: Final = "task.progress.bench"
_SOURCE: Final = "bench"


class Traffic(ABC):
    """The subscriptions and the events of a recording."""

    def __init__(self) -> None:
        self.base = now_ms()
        """The `timestamp_ms` of the first event."""

    @property
    @abstractmethod
    def readers(self) -> Sequence[Selects]:
        """The selection of each subscription that is read."""

    @property
    def idle(self) -> Sequence[Selects]:
        """The selection of each idle subscription."""
        return ()

    @abstractmethod
    def event(self, place: int) -> Event:
        """Returns the event at a place of the recording."""

    @abstractmethod
    def fences(self, place: int) -> Sequence[Event]:
        """Returns events from that place on, at least one for each reader."""

    @abstractmethod
    def last_in(self, reader: int, until: int) -> int:
        """Returns the last place before `until` whose event the reader gets."""


class Even(Traffic):
    """Makes traffic of a shape: the tenants take turns, and each reader gets all events of its tenant."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self._shape = shape
        self._text = text(shape.payload)
        self._tenants = [uuid4() for _ in range(shape.tenants)]
        self._workflow, self._task = uuid4(), uuid4()
        self._readers = [
            self._selects(tenant) for tenant in self._tenants for _ in range(shape.subscribers)
        ]

    @property
    def readers(self) -> Sequence[Selects]:
        return self._readers

    @property
    def idle(self) -> Sequence[Selects]:
        return [
            EventPattern.for_workflow(self._tenants[0], uuid4())
            if number % 2
            else EventPattern.all(uuid4())
            for number in range(self._shape.idle)
        ]

    def event(self, place: int) -> Event:
        tenant = self._tenants[place % self._shape.tenants]
        if self._shape.side == "streams":
            return stream_event(str(tenant), self._text, place, self.base + place)
        return FlovynEvent(
            id=uuid4(),
            tenant_id=tenant,
            workflow_execution_id=self._workflow,
            task_execution_id=self._task,
            event_type=_TYPE,
            source=_SOURCE,
            data={"text": self._text},
            timestamp_ms=self.base + place,
        )

    def fences(self, place: int) -> Sequence[Event]:
        return [self.event(place + number) for number in range(self._shape.tenants)]

    def last_in(self, reader: int, until: int) -> int:
        tenant = reader // self._shape.subscribers
        return until - 1 - (until - 1 - tenant) % self._shape.tenants

    def _selects(self, tenant: UUID) -> Selects:
        if self._shape.side == "streams":
            return str(tenant)
        match self._shape.filter:
            case "workflow":
                return EventPattern.for_workflow(tenant, self._workflow)
            case "task":
                return EventPattern.for_task(tenant, self._task)
            case "type":
                return EventPattern.by_type(tenant, "task.progress")
            case "source":
                return EventPattern(tenant_id=tenant, source=_SOURCE)
            case _:
                return EventPattern.all(tenant)


class Mixed(Traffic):
    """Makes traffic to check a target: two tenants, filters, payloads of every kind."""

    def __init__(self, side: str) -> None:
        super().__init__()
        self._side = side
        one, other = self._tenants = uuid4(), uuid4()
        self._workflows = [uuid4(), uuid4()]
        self._readers: list[Selects] = (
            [str(one), str(one), str(other)]
            if side == "streams"
            else [
                EventPattern.all(one),
                EventPattern.all(one),
                EventPattern.for_workflow(one, self._workflows[0]),
                EventPattern.by_type(one, "task"),
                EventPattern(tenant_id=one, source="even"),
                EventPattern.all(other),
            ]
        )

    @property
    def readers(self) -> Sequence[Selects]:
        return self._readers

    def event(self, place: int) -> Event:
        tenant = self._tenants[place % 2]
        payload = text(1 + 7 * place % 1024) + "\u00e9\n"
        if self._side == "streams":
            return stream_event(str(tenant), payload, place, self.base + place)
        turn = place // 2
        data: Any = (None, payload, {"n": place, "text": payload}, [place, True, 1.5, {}])[turn % 4]
        return FlovynEvent(
            id=uuid4(),
            tenant_id=tenant,
            workflow_execution_id=self._workflows[turn % 2],
            event_type="task.progress" if turn % 3 else "workflow.created",
            source="odd" if turn % 5 else "even",
            data=data,
            timestamp_ms=self.base + place,
        )

    def fences(self, place: int) -> Sequence[Event]:
        if self._side == "streams":
            return [self.event(place + number) for number in range(2)]
        # Every filter of the tenant selects this event.
        return [
            FlovynEvent(
                id=uuid4(),
                tenant_id=tenant,
                workflow_execution_id=self._workflows[0],
                event_type="task.fence",
                source="even",
                data=None,
                timestamp_ms=self.base + place + number,
            )
            for number, tenant in enumerate(self._tenants)
        ]

    def last_in(self, reader: int, until: int) -> int:
        del reader
        return until - 1


def stream_event(key: str, payload: str, sequence: int, timestamp_ms: int) -> StreamEvent:
    """Makes a token of a stream."""
    return StreamEvent(
        task_execution_id="",
        workflow_execution_id=key,
        sequence=sequence,
        event_type=StreamEventType.TOKEN,
        payload=payload,
        timestamp_ms=timestamp_ms,
    )


def text(length: int) -> str:
    """Returns a number of letters, always the same, that compress badly."""
    return (_TEXT * (length // len(_TEXT) + 1))[:length]


def _letters() -> str:
    state, letters = 1, []
    for _ in range(65536):
        state = (1103515245 * state + 12345) % 2**31
        letters.append(chr(97 + (state >> 16) % 26))
    return "".join(letters)


_TEXT: Final = _letters()
