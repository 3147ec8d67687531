"""Keeps subscriptions in every state beside a case's actions, which must not affect them.

Some wait, some hold unread events, one never had any, one is full. What a case does beside them uses the
same names: a tenant's events and the stream of its text, a workflow's events and its stream. So a bus that
finds one of them by too short a name shows it here.
"""

from __future__ import annotations

from typing import Final

from eventhook_conformance.cases._ground import capacity_of
from eventhook_conformance.cases._overrun import DROPPING, OverflowScenario
from eventhook_conformance.cases._steps import end, yields
from eventhook_conformance.contract import EventPattern
from eventhook_conformance.history import Event, Side
from eventhook_conformance.probe import Client, Listener, NotOffered, Probe, Via

_EXCESS: Final = 3
_SUBSCRIPTIONS: Final = 36
"""Twice what a case of theirs has open; others' stay open beside it."""
_TURNS: Final = 3
_ROOMY: Final = 32
"""A capacity from which on a round's events may lie unread."""
_TYPE: Final = "task.created"
_OTHER_TYPE: Final = "order.created"


class Names:
    """Names that both sides of the bus have in common."""

    def __init__(self, probe: Probe) -> None:
        self._probe = probe
        self.tenant, self.workflow = probe.make.tenant(), probe.make.tenant()
        self._stranger = probe.make.tenant()

    def on(self, side: Side) -> list[EventPattern | str]:
        """Returns the subscriptions to make on that side; none if it is not claimed."""
        if side not in self._probe.capabilities.profiles:
            return []
        if side == "streams":
            return [str(self.tenant), str(self.workflow)]
        return [
            EventPattern.all(self.tenant),
            EventPattern.for_workflow(self.tenant, self.workflow),
            EventPattern.by_type(self.tenant, "task"),
        ]

    @property
    def everything(self) -> list[EventPattern | str]:
        """Returns the subscriptions to make on both sides."""
        return [*self.on("events"), *self.on("streams")]

    def events(self, side: Side) -> list[Event]:
        """Makes events of that side: each subscription gets some of them, and none is for all."""
        make = self._probe.make
        if side == "events":
            event = make.event(self.tenant, _TYPE, workflow=self.workflow)
            if capacity_of(self._probe, side) < _ROOMY:
                return [event]
            return [
                event,
                make.event(self.tenant, _OTHER_TYPE, workflow=self.workflow),
                make.event(self.tenant, _OTHER_TYPE, workflow=None),
                make.event(self._stranger, _TYPE, workflow=self.workflow),
            ]
        keys = (self.tenant, self.workflow, self._stranger)
        return [make.stream_event(str(key)) for key in keys]


class Bystanders:
    """Subscriptions of one side in every state, within its context.

    Args:
        probe: the case's.
        side: of the bus.
        names: what they are called.
    """

    def __init__(self, probe: Probe, side: Side, names: Names) -> None:
        self._probe = probe
        self._side: Side = side
        self._names = names
        self.vias: tuple[Via, ...] = (
            ("same", "other") if probe.capabilities.multi_client else ("same",)
        )
        self._waiting: list[Listener] = []
        self._holding: list[Listener] = []
        self._unread: list[Event] = []
        self._full = _Full(probe, side)
        self._rounds = 0

    async def __aenter__(self) -> Bystanders:
        """Enters them all, and brings them into their states.

        Raises:
            NotOffered: the target claims too few subscriptions for them and their guests.
        """
        if self._probe.capabilities.max_subscriptions < _SUBSCRIPTIONS:
            raise NotOffered(f"needs max_subscriptions={_SUBSCRIPTIONS} or more")
        try:
            await self._enter()
        except BaseException:  # because: a case that was ended leaves nothing either
            await self._full.leave()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._full.leave()

    async def _enter(self) -> None:
        probe = self._probe
        for selects in self._names.on(self._side):
            self._waiting.append(await probe.subscribe(selects))
            self._holding.append(await probe.subscribe(selects, self.vias[-1]))
        for via in self.vias:
            await probe.reach(*self._waiting, *self._holding, via=via)
        await self._full.enter()
        await self.expect_unharmed("anything")

    async def expect_unharmed(self, after: str) -> None:
        """Expects that each gets what is published now; reads what the others held, and refills them.

        Args:
            after: what was done beside them, in words.

        Raises:
            CaseAborted: something did not come.
        """
        probe, roomy = self._probe, self._full.stage.capacity >= _ROOMY
        new: list[Event] = []
        for via in self.vias:
            events = self._names.events(self._side)
            await probe.publish(*events, via=via)
            await self._read(self._waiting, events)
            if not roomy:
                await self._read(self._holding, events)
            new += events
        if roomy:
            # One or more of them: what is told by its number shows as well.
            self._rounds += 1
            held = new if self._rounds % 2 else events
            read = [one for one in new if one not in held]
            await self._read(self._holding, [*self._unread, *read])
            self._unread = held
        for listener in (*self._waiting, *self._holding):
            # Where there is little room, finding out whether it is active may overrun it.
            if roomy and listener.dropped:
                _charge_dropped(probe, f"to be 0 after {after}", listener)
        self._full.look(after)
        for listener in self._waiting:
            await listener.wait_reading()

    async def _read(self, listeners: list[Listener], events: list[Event]) -> None:
        for listener in listeners:
            await listener.receive(*(one for one in events if listener.entry.matches(one)))

    async def cancel_reads(self) -> None:
        """Cancels their waiting reads, where a target's own reads can be cancelled."""
        if self._probe.capabilities.in_process:
            for listener in self._waiting:
                await listener.cancel_read()

    async def finish(self, after: str) -> None:
        """Expects that nothing more comes, and that the full one held everything."""
        await self._full.expect_whole(after)
        await self._probe.fence(*self._waiting, *self._holding)


class _Full:
    """A subscription that holds all that it can; it is overrun by a few events if the policy drops."""

    def __init__(self, probe: Probe, side: Side) -> None:
        self._probe = probe
        self.stage = OverflowScenario(probe, side)
        self._excess = _EXCESS if self.stage.overflow in DROPPING else 0
        self._said = 0
        self._listener: Listener | None = None

    async def enter(self) -> None:
        """Enters and fills it."""
        stage = self.stage
        self._listener = await stage.subscribe()
        await stage.publish_unrecorded(stage.capacity + self._excess)
        await stage.all_arrived()
        self.look("an overrun")

    def look(self, after: str) -> None:
        """Expects that `dropped` has neither fallen nor passed the loss; a bus may count late."""
        listener = self._listener
        if listener is None or listener.dropped is None:
            return
        said = listener.dropped
        if not self._said <= said <= self._excess:
            wanted = f"to be {self._excess} at most, and {self._said} at least, after {after}"
            _charge_dropped(self._probe, wanted, listener)
        self._said = max(self._said, said)

    async def expect_whole(self, after: str) -> None:
        """Expects that it held everything; then cancels a read, which changes nothing either.

        Raises:
            CaseAborted: it was not.
        """
        listener = self._listener
        if listener is None:
            return
        await self.stage.read_held_unrecorded(listener)
        self.look(after)
        if self._probe.capabilities.in_process:
            reading = self._probe.spawn(anext(listener.subscription))
            await yields(_TURNS)
            reading.cancel()
            await self._probe.deadline.wait(reading)
            self.look("a cancelled read")

    async def leave(self) -> None:
        """Leaves it unread: its events were not recorded, and would seem to be published by nobody."""
        if self._listener is not None:
            await self._listener.leave_quietly()


def _charge_dropped(probe: Probe, wanted: str, listener: Listener) -> None:
    probe.found(
        f"`dropped` of {listener.entry.name} {wanted}",
        f"it is {listener.dropped}",
        listener.entry,
        charge=("OVF-07",),
    )


async def end_guests(guests: list[Listener], ways: tuple[str, ...]) -> None:
    """Ends these one after the other, each in the next of the ways."""
    for number, guest in enumerate(guests):
        await end(guest, ways[number % len(ways)])


async def cancel_guest(
    probe: Probe, selects: EventPattern | str, via: Via, pause: int, *, entered: bool
) -> None:
    """Cancels a subscription while it is entered, or after that."""
    guest = await probe.listener(selects, via)
    if entered:
        await probe.returns(guest.enter(), "entering")
    else:
        guest.context_task.start()
    await yields(pause)
    if not await guest.context_task.cancel():
        raise probe.aborted("a cancelled subscription to end", "it goes on", guest.entry)


async def close_with_guests(probe: Probe, client: Client, guests: list[Listener]) -> None:
    """Closes a client, then leaves its subscriptions, which has nothing to do any more."""
    await probe.close(client)
    for guest in guests:
        if (violation := await guest.leave_quietly()) is not None:
            probe.violations.append(violation.charging(probe.requirements))
    await client.leave()
