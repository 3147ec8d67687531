"""PUB-04, PUB-05, PUB-13 and STR-06: makes two calls in one task, without a turn of the loop between.

Other cases enter in a task of its own, and the turns that this takes hide what a bus still does
after `publish` or entering returned.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Iterator
from typing import Any, Final, TypeAlias

from eventhook_conformance.cases._paced import side_by_side
from eventhook_conformance.cases._steps import LOSS, either, yields
from eventhook_conformance.contract import EventPattern
from eventhook_conformance.history import Event, Side
from eventhook_conformance.probe import Probe, Via
from eventhook_conformance.settings import Depth
from eventhook_conformance.specification import case, via

_TURNS: Final = 9
_LIMIT: Final = 3
"""Each wait of the few in one task may take the arrival timeout."""
_MOST: Final = 24
_ENTRIES: Final[dict[Depth, int]] = {"quick": 12, "normal": 70, "deep": 1_050}
"""Subscriptions of one tenant or key, one after another: past 64, past 1,024."""

Story: TypeAlias = Callable[[Probe, Side, Via, int, bool], Awaitable[None]]


def _tell(probe: Probe, story: Story, side: Side, via: Via) -> Iterator[Coroutine[Any, Any, None]]:
    """Yields stories with 0 to 8 turns between the calls, with a reader beside them, and a few without."""
    for turns in range(_TURNS):
        yield _bounded(probe, story(probe, side, via, turns, True))
    for turns in (0, 1, 3):
        yield _bounded(probe, story(probe, side, via, turns, False))


async def _bounded(probe: Probe, story: Awaitable[None]) -> None:
    limit_s = _LIMIT * probe.deadline.current_s
    publishes = probe.history.publishes

    def returned() -> int:
        return sum(one.returned is not None for one in publishes)

    # Stories run beside each other, and a bus may take their publishes one after another.
    what = "two calls in one task"
    await probe.returns(story, what, timeout_s=limit_s, progress=returned)


class _Place:
    """A fresh tenant or stream, with a reader beside or without one."""

    def __init__(self, probe: Probe, side: Side) -> None:
        self._probe = probe
        self._tenant = probe.make.tenant()
        self.selects: EventPattern | str = (
            EventPattern.all(self._tenant) if side == "events" else str(self._tenant)
        )

    def events(self, count: int) -> list[Event]:
        """Makes so many events of this tenant or key."""
        if isinstance(self.selects, str):
            return [self._probe.make.stream_event(self.selects) for _ in range(count)]
        return [self._probe.make.event(self._tenant) for _ in range(count)]

    async def beside(self, beside: bool) -> None:
        """Enters a reader beside the story, if there should be one."""
        if beside:
            (await self._probe.subscribe(self.selects)).drain()


async def _enter_after_publishing(
    probe: Probe, side: Side, via: Via, turns: int, beside: bool
) -> None:
    place = _Place(probe, side)
    await place.beside(beside)
    await probe.client(via)
    listener = await probe.listener(place.selects)
    await probe.publish_here(*place.events(1 + 2 * (turns % 2)), via=via)
    await yields(turns)
    async with listener.entered_here():
        await probe.fence(listener)


async def _publish_after_entering(
    probe: Probe, side: Side, via: Via, turns: int, beside: bool
) -> None:
    place = _Place(probe, side)
    await place.beside(beside)
    await probe.client(via)
    listener = await probe.listener(place.selects)
    async with listener.entered_here():
        await yields(turns)
        await probe.publish_here(*place.events(1), via=via)
        await probe.fence(listener)


async def _come_again(probe: Probe, side: Side, via: Via, turns: int, beside: bool) -> None:
    place = _Place(probe, side)
    await place.beside(beside)
    await probe.client(via)
    listeners = [await probe.listener(place.selects) for _ in range(2)]
    async with listeners[0].entered_here():
        await probe.reach(listeners[0], via=via)
        await probe.publish_here(*place.events(2), via=via)
    await yields(turns)
    async with listeners[1].entered_here():
        await probe.fence(listeners[1])


@either
@case("PUB-05", implicates={"replayed"}, subscriptions=_MOST)
async def entering_right_after_publishing_hears_nothing_of_it(probe: Probe, via: Via) -> None:
    """Enters up to 8 turns after `publish` returned: the subscription must not get the event."""
    await side_by_side(probe, _tell(probe, _enter_after_publishing, "events", via), each=2)


@either
@case("STR-06", implicates={"replayed"}, subscriptions=_MOST)
async def entering_a_stream_right_after_publishing_hears_nothing_of_it(
    probe: Probe, via: Via
) -> None:
    """Enters up to 8 turns after `publish` returned: the stream's subscription must not get the event."""
    await side_by_side(probe, _tell(probe, _enter_after_publishing, "streams", via), each=2)


@via
@case("PUB-04", implicates={"lost", "lost-first"}, subscriptions=_MOST)
async def publishing_right_after_entering_is_heard(probe: Probe, via: Via) -> None:
    """Publishes up to 8 turns after entering returned: the subscription must get the event."""
    await side_by_side(probe, _tell(probe, _publish_after_entering, "events", via), each=2)


@via
@case("STR-06", implicates={"lost", "lost-first"}, subscriptions=_MOST)
async def publishing_right_after_entering_a_stream_is_heard(probe: Probe, via: Via) -> None:
    """Publishes up to 8 turns after entering returned: the stream's subscription must get the event."""
    await side_by_side(probe, _tell(probe, _publish_after_entering, "streams", via), each=2)


@either
@case("PUB-13", implicates={"replayed"}, subscriptions=_MOST)
async def subscribing_again_right_after_leaving_starts_afresh(probe: Probe, via: Via) -> None:
    """Publishes, leaves and enters again at once: the new subscription must get nothing from before."""
    await side_by_side(probe, _tell(probe, _come_again, "events", via), each=2)


@either
@case("STR-06", implicates={"replayed"}, subscriptions=_MOST)
async def reading_a_stream_again_right_after_leaving_starts_afresh(probe: Probe, via: Via) -> None:
    """Publishes, leaves and enters again at once: a stream's new subscription gets nothing from before."""
    await side_by_side(probe, _tell(probe, _come_again, "streams", via), each=2)


async def _enter_many(probe: Probe, side: Side, via: Via) -> None:
    """Enters the same again and again in one task; each gets its event, read or left unread."""
    place = _Place(probe, side)
    await probe.client(via)
    count = probe.distance.fit(_ENTRIES[probe.settings.depth], least=_ENTRIES["quick"], trips=3)
    for number in range(count):
        listener = await probe.listener(place.selects)
        async with listener.entered_here():
            events = place.events(1 + number % 2)
            await probe.publish_here(*events, via=via)
            await listener.receive(events[0])


async def _bounded_entries(probe: Probe, side: Side, via: Via) -> None:
    publishes = probe.history.publishes
    limit_s = _LIMIT * probe.deadline.current_s
    await probe.returns(
        _enter_many(probe, side, via),
        "entering and publishing in one task",
        timeout_s=limit_s,
        progress=lambda: len(publishes),
    )


@via
@case("PUB-04", "PUB-13", implicates=LOSS | {"replayed"}, since="1.1")
async def every_entry_of_many_is_active_at_once(probe: Probe, via: Via) -> None:
    """Enters many subscriptions of a tenant in turn, and publishes at once: each must get its event."""
    await _bounded_entries(probe, "events", via)


@via
@case("STR-06", implicates=LOSS | {"replayed"}, since="1.1")
async def every_entry_of_many_into_a_stream_is_active_at_once(probe: Probe, via: Via) -> None:
    """Enters many subscriptions of a stream in turn, and publishes at once: each must get its event."""
    await _bounded_entries(probe, "streams", via)
