"""A correct bus as a model: it turns a script of numbers into a history that breaks nothing.

Every call may overlap every other; what a publish does happens at some step between its call and its
return, and arrives at each subscription in a step of its own unless the order is total.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar
from uuid import UUID

from checker.builder import KEY, OTHER, TENANT, Policy, Timeline, event, token
from eventhook_conformance.contract import EventPattern
from eventhook_conformance.history import Event, FaultWindow, Moment, Publish, Subscribed

T = TypeVar("T")

CLIENTS: Final = ("c1", "c2", "c3")
SELECTS: Final[tuple[EventPattern | str, ...]] = (
    EventPattern.all(TENANT),
    EventPattern.by_type(TENANT, "task"),
    EventPattern(tenant_id=TENANT, source="a"),
    EventPattern.all(OTHER),
    KEY,
)


@dataclass
class Script:
    """The choices of a run, taken from a list of numbers; the first choice when it is used up."""

    numbers: Sequence[int]
    place: int = 0

    @classmethod
    def of(cls, seed: int, length: int) -> Script:
        """Draws a script; the same seed gives the same one."""
        chance = random.Random(seed)
        return cls([chance.randrange(10_000) for _ in range(length)])

    def choose(self, among: Sequence[T]) -> T:
        """Returns one of these."""
        self.place += 1
        spent = self.place > len(self.numbers)
        return among[0 if spent else self.numbers[self.place - 1] % len(among)]


@dataclass(frozen=True, kw_only=True)
class Rules:
    """The rules by which one correct bus differs from others."""

    capacity: int = 1000
    overflow: Policy = "unbounded"
    shared_ring: bool = False
    total: bool = False
    by_client: bool = False
    """Activation reaches other clients late."""
    faults: bool = False

    @property
    def claims(self) -> dict[str, Any]:
        """Returns the claims of such a bus."""
        return {
            "event_capacity": self.capacity,
            "stream_capacity": self.capacity,
            "overflow": self.overflow,
            "overflow_scope": "tenant" if self.shared_ring else "subscription",
            "total_order": self.total,
            "causal_order": self.total,
            "activation": "client" if self.by_client else "bus",
        }


@dataclass(eq=False)
class Reader:
    """One subscription of the model."""

    entry: Subscribed
    reached: set[str] = field(default_factory=set)
    """The clients for whom it is active."""
    deaf: bool = False
    wires: dict[str, deque[Publish]] = field(default_factory=dict)
    buffer: deque[Publish] = field(default_factory=deque)
    reading: Moment | None = None

    @property
    def idle(self) -> bool:
        """Returns whether no published event can come to it any more."""
        return not self.buffer and not any(self.wires.values())


class Model:
    """Plays a script on a correct bus."""

    def __init__(self, script: Script, rules: Rules) -> None:
        self.at = Timeline()
        self.readers: list[Reader] = []
        self._script = script
        self._rules = rules
        self._flying: list[Publish] = []
        self._to_do: list[Publish] = []
        """Called, and of no effect so far."""
        self._times = 0
        self._epoch = 0
        self._fault: FaultWindow | None = None

    def play(self) -> Timeline:
        """Takes steps until the script is used up, then reads the buffers."""
        steps = [
            *[self.call, self.take_effect, self.answer] * 16,
            *[self.arrive, self.read, self.read] * 24,
            *[self.subscribe, self.cancel, self.reach] * 2,
            *[self.wait] * 4,
            self.leave,
            self.close,
        ]
        if self._rules.faults:
            steps += [self.fault, self.mend, self.mend]
        for selects in SELECTS:
            self.subscribe(selects)
        while self._script.place < len(self._script.numbers):
            self._script.choose(steps)()
        return self.finish()

    def finish(self) -> Timeline:
        """Lets everything return, and reads out everything."""
        if self._fault is not None:
            self.mend()
        while self._flying:
            self.read_all()
            self.take_effect()
            self.answer()
        self.read_all()
        return self.at

    def read_all(self) -> None:
        """Reads all that there is."""
        for reader in self.readers:
            while not reader.idle and reader.entry.leaving is None:
                self.arrive(reader)
                self.read(reader)
                self.read(reader)

    # Publishing

    def call(self) -> None:
        """Calls a publish, which is sometimes refused at once."""
        client = self._script.choose(CLIENTS)
        publish = self.at.call(self._event(), client, self._epoch)
        if self._script.choose(range(8)) == 7:
            self.at.answer(publish, "refused")
            return
        self._flying.append(publish)
        self._to_do.append(publish)

    def _event(self) -> Event:
        self._times += 1
        places: tuple[UUID | str, ...] = (TENANT, TENANT, TENANT, OTHER, KEY)
        where = self._script.choose(places)
        if isinstance(where, str):
            return token(self._times, payload=str(self._times))
        event_type = self._script.choose(("task.created", "tasks.created", "workflow.started"))
        source = self._script.choose(("a", "ab"))
        return event(event_type, tenant_id=where, source=source, data=self._times)

    def take_effect(self, publish: Publish | None = None) -> None:
        """Lets a publish reach the bus, unless a full subscription blocks it."""
        if publish is None:
            if not self._to_do:
                return
            publish = self._script.choose(self._to_do)
        if self._blocked(publish):
            return
        self._to_do.remove(publish)
        for reader in self.readers:
            if (
                reader.deaf
                or publish.client not in reader.reached
                or not self._takes(reader, publish)
            ):
                continue
            if self._rules.total or self._rules.overflow == "block":
                self._put(reader, publish)
            else:
                reader.wires.setdefault(publish.client, deque()).append(publish)

    def _blocked(self, publish: Publish) -> bool:
        return self._rules.overflow == "block" and any(
            len(reader.buffer) >= self._rules.capacity
            and publish.client in reader.reached
            and self._takes(reader, publish)
            for reader in self.readers
        )

    def _takes(self, reader: Reader, publish: Publish) -> bool:
        """Returns whether it takes room: filtered-out events do so in a ring of the whole tenant."""
        if reader.entry.matches(publish.event):
            return True
        selects = reader.entry.selects
        return (
            self._rules.shared_ring
            and isinstance(selects, EventPattern)
            and getattr(publish.event, "tenant_id", None) == selects.tenant_id
        )

    def _put(self, reader: Reader, publish: Publish) -> None:
        if len(reader.buffer) >= self._rules.capacity:
            if self._rules.overflow == "drop_newest":
                return
            if self._rules.overflow == "drop_oldest":
                reader.buffer.popleft()
        reader.buffer.append(publish)

    def answer(self) -> None:
        """Makes a publish return that has reached the bus."""
        done = [publish for publish in self._flying if publish not in self._to_do]
        if done:
            publish = self._script.choose(done)
            self._flying.remove(publish)
            self.at.answer(publish)

    def cancel(self) -> None:
        """Cancels a publish, which may have had its effect, may still have it, or never will."""
        if self._flying:
            publish = self._script.choose(self._flying)
            self._flying.remove(publish)
            self.at.answer(publish, "unknown")
            if publish in self._to_do and self._script.choose((True, False)):
                self._to_do.remove(publish)

    # Subscribing and reading

    def _any(self) -> Reader:
        """Returns a reader, rather one that is still active."""
        going_on = [reader for reader in self.readers if reader.entry.end is None]
        going_on = [reader for reader in going_on if reader.entry.leaving is None]
        return self._script.choose(going_on or self.readers)

    def subscribe(self, selects: EventPattern | str | None = None) -> None:
        """Enters a subscription, which is active before entering returns."""
        if sum(reader.entry.ends is None for reader in self.readers) > 7:
            return
        reader = Reader(
            self.at.enter(
                self._script.choose(SELECTS) if selects is None else selects,
                self._script.choose(CLIENTS),
            )
        )
        self.readers.append(reader)
        if self._script.choose((True, False)):
            self.take_effect()
        reader.reached = {reader.entry.client} if self._rules.by_client else set(CLIENTS)
        if self._script.choose((True, False)):
            self.take_effect()
        self.at.entered(reader.entry)

    def reach(self) -> None:
        """Makes a subscription active for one more client."""
        reader = self._any()
        if reader.entry.ends is None:
            reader.reached.add(self._script.choose(CLIENTS))

    def arrive(self, reader: Reader | None = None) -> None:
        """Moves events of one client, in its order, into a subscription's buffer."""
        reader = reader or self._any()
        wires = [wire for wire in reader.wires.values() if wire]
        if wires:
            self._put(reader, self._script.choose(wires).popleft())

    def read(self, reader: Reader | None = None) -> None:
        """Calls a read, or has a waiting one return."""
        reader = reader or self._any()
        if reader.entry.leaving is not None or reader.entry.end is not None:
            return
        if reader.reading is None:
            reader.reading = self.at.read_called()
            return
        while reader.buffer:
            publish = reader.buffer.popleft()
            if reader.entry.matches(publish.event):
                self.at.deliver(reader.entry, publish, called=reader.reading)
                reader.reading = None
                return
        if reader.entry.closing is not None:
            self.at.end(reader.entry)

    def wait(self) -> None:
        """Lets a reader that has read everything wait for events that never come."""
        reader = self._any()
        entry = reader.entry
        if not reader.idle or reader.deaf or entry.ends is not None or self._fault is not None:
            return
        got = {id(delivery.event) for delivery in entry.deliveries}
        missing = [
            publish
            for publish in self.at.history.publishes
            if id(publish.event) not in got
            and entry.matches(publish.event)
            and publish not in self._flying
            and not (publish in self._to_do and publish.outcome == "ok")
        ]
        if missing:
            self.at.wait_in_vain(entry, self._script.choose(missing))

    def leave(self) -> None:
        """Leaves a subscription; a waiting read may still return."""
        reader = self._any()
        if reader.entry.leaving is not None:
            return
        self.at.leave(reader.entry)
        if self._script.choose((True, False)):
            self.take_effect()
            self.arrive(reader)
        if reader.reading and reader.buffer and self._script.choose((True, False)):
            publish = reader.buffer.popleft()
            if reader.entry.matches(publish.event):
                self.at.deliver(reader.entry, publish, called=reader.reading)
        reader.reached.clear()
        reader.wires.clear()
        reader.buffer.clear()
        self.at.left(reader.entry)

    def close(self) -> None:
        """Closes a client, whose subscriptions keep the events that reached the bus, and get no more."""
        if self._fault is not None or self._script.choose(range(4)) != 3:
            return
        client = self._script.choose(CLIENTS)
        if any(reader.entry.closing for reader in self.readers if reader.entry.client == client):
            return
        self.at.close(client)
        for reader in self.readers:
            if reader.entry.client == client and reader.entry.leaving is None:
                while any(reader.wires.values()):
                    self.arrive(reader)
                reader.reached.clear()

    # Faults

    def fault(self) -> None:
        """Breaks the connection: everything on its way is lost, and no subscription gets anything."""
        if self._fault is None:
            self._fault = self.at.fault()
            for reader in self.readers:
                reader.deaf = True
                reader.wires.clear()

    def mend(self) -> None:
        """Restores the connection; each subscription gets events again in its own time."""
        if self._fault is not None:
            self.at.over(self._fault)
            self._fault = None
            self._epoch += 1
            for reader in self.readers:
                if self._script.choose((True, False)):
                    self.take_effect()
                reader.deaf = False
