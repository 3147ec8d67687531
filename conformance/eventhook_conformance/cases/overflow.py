"""OVF: what happens to a reader that does not keep up, and to everybody else."""

from __future__ import annotations

import asyncio
from typing import Final

import pytest

from eventhook_conformance.cases import case, needs
from eventhook_conformance.cases._overrun import PUBLISHERS, Stage, charged_to, elapsed, gap_in
from eventhook_conformance.checker import Violation
from eventhook_conformance.history import Side
from eventhook_conformance.probe import CaseAborted, Listener, Probe, Via

_ATTEMPTS: Final = 3
_LONE: Final = 64
_SLACK: Final = 64

DROPPING: Final = ("drop_oldest", "drop_newest")
NOT_BLOCKING: Final = (*DROPPING, "unbounded")

who_publishes = pytest.mark.parametrize(
    "publishers,via",
    [
        pytest.param("1", "same", id="1-same"),
        pytest.param("20", "same", id="20-same"),
        # Only where entering makes active on every client is the first event of another owed.
        pytest.param("20", "other", id="20-other", marks=needs(multi_client=True, activation="bus")),
    ],
)
whose_reader = pytest.mark.parametrize(
    "via",
    ["same", pytest.param("other", marks=needs(multi_client=True, activation="bus"))],
)


# OVF-01: the policy


@who_publishes
@case("OVF-01", needs={"overflow": ("drop_oldest",)})
async def an_overrun_drops_the_oldest(probe: Probe, publishers: str, via: Via) -> None:
    """What is read of each publisher is an unbroken run up to its newest."""
    await _an_overrun_keeps_a_run(probe, "events", int(publishers), via)


@who_publishes
@case("OVF-06", needs={"overflow": ("drop_oldest",)})
async def a_stream_overrun_drops_the_oldest(probe: Probe, publishers: str, via: Via) -> None:
    """The same for streams."""
    await _an_overrun_keeps_a_run(probe, "streams", int(publishers), via)


@who_publishes
@case("OVF-01", needs={"overflow": ("drop_newest",)})
async def an_overrun_drops_the_newest(probe: Probe, publishers: str, via: Via) -> None:
    """What is read of each publisher is an unbroken run from its oldest."""
    await _an_overrun_keeps_a_run(probe, "events", int(publishers), via)


@who_publishes
@case("OVF-06", needs={"overflow": ("drop_newest",)})
async def a_stream_overrun_drops_the_newest(probe: Probe, publishers: str, via: Via) -> None:
    """The same for streams."""
    await _an_overrun_keeps_a_run(probe, "streams", int(publishers), via)


async def _an_overrun_keeps_a_run(probe: Probe, side: Side, publishers: int, via: Via) -> None:
    gap = None
    for _ in range(_ATTEMPTS):
        stage = Stage(probe, side, via)
        listener = await stage.subscribe()
        chains = await stage.publish(stage.overrun, publishers)
        await stage.all_arrived()
        await stage.read_out(listener)
        gap = gap_in(chains, listener, stage)
        if gap is None or gap.sure:
            break
    if gap is not None:
        probe.found(gap.expected, gap.seen, listener.entry)


@case("OVF-01", shows={"lost", "lost-first"}, needs={"overflow": ("block",)})
async def an_overrun_makes_publishers_wait(probe: Probe) -> None:
    """Nothing is lost, however late the reader starts."""
    await _publishers_wait(probe, "events")


@case("OVF-06", shows={"lost", "lost-first"}, needs={"overflow": ("block",)})
async def a_stream_overrun_makes_publishers_wait(probe: Probe) -> None:
    """The same for streams."""
    await _publishers_wait(probe, "streams")


async def _publishers_wait(probe: Probe, side: Side) -> None:
    stage = Stage(probe, side)
    listener = await stage.subscribe()
    await stage.publish(stage.capacity)
    excess = probe.spawn(stage.publish(stage.overrun - stage.capacity))
    await stage.all_arrived()
    await listener.read(stage.overrun)
    await probe.returns(excess, "publish, once the reader reads,")
    await probe.fence(listener)


@case("OVF-01", shows={"lost", "lost-first"}, needs={"overflow": ("unbounded",)})
async def an_overrun_is_kept(probe: Probe) -> None:
    """Nothing is lost."""
    await _everything_is_kept(probe, "events")


@case("OVF-06", shows={"lost", "lost-first"}, needs={"overflow": ("unbounded",)})
async def a_stream_overrun_is_kept(probe: Probe) -> None:
    """The same for streams."""
    await _everything_is_kept(probe, "streams")


async def _everything_is_kept(probe: Probe, side: Side) -> None:
    stage = Stage(probe, side)
    listener = await stage.subscribe()
    await stage.publish(stage.overrun)
    await probe.fence(listener)


# OVF-02 and OVF-05: ten times the capacity


@case("OVF-02", "OVF-05")
async def ten_times_the_capacity_goes_out_and_is_not_hoarded(probe: Probe) -> None:
    """Publishing goes on while a reader stands still, and what that holds stays bounded."""
    stage = Stage(probe, "events")
    with charged_to("OVF-02"):
        listener = await _publishing_never_waits(stage)
    with charged_to("OVF-05"):
        await _what_is_held_is_bounded(stage, listener, "OVF-05")


@case("OVF-02", needs={"overflow": ("unbounded",)})
async def ten_times_the_capacity_goes_out(probe: Probe) -> None:
    """Publishing goes on while a reader stands still."""
    await _publishing_never_waits(Stage(probe, "events"))


@case("OVF-06", needs={"overflow": DROPPING})
async def ten_times_the_stream_capacity_goes_out_and_is_not_hoarded(probe: Probe) -> None:
    """The same for streams."""
    stage = Stage(probe, "streams")
    listener = await _publishing_never_waits(stage)
    await _what_is_held_is_bounded(stage, listener, "OVF-06")


@case("OVF-06", needs={"overflow": ("unbounded",)})
async def ten_times_the_stream_capacity_goes_out(probe: Probe) -> None:
    """The same for streams, where nothing bounds them."""
    await _publishing_never_waits(Stage(probe, "streams"))


async def _publishing_never_waits(stage: Stage) -> Listener:
    listener = await stage.subscribe()
    began = elapsed()
    await stage.publish(stage.capacity)
    usual = elapsed() - began
    # One after the other, so that even a short wait for the reader adds up.
    await stage.timely(stage.publish(_LONE, 1), usual, f"publishing {_LONE} events to a full reader")
    rest = 10 * stage.capacity - stage.count
    while rest > 0:
        step = min(rest, stage.capacity)
        await stage.timely(stage.publish(step), usual, f"publishing {step} events to a full reader")
        rest -= step
    return listener


async def _what_is_held_is_bounded(stage: Stage, listener: Listener, charge: str) -> None:
    await stage.all_arrived()
    await stage.read_out(listener)
    bound, read = 2 * stage.capacity + _SLACK, len(listener.received)
    if read > bound:
        stage.probe.found(
            f"a reader that stood still to hold at most {bound} of {stage.count} events",
            f"it read {read}",
            listener.entry,
            charge=(charge,),
        )
    await listener.leave()


@case("OVF-05", needs={"overflow": ("block",)})
async def what_waits_for_a_reader_is_not_hoarded(probe: Probe) -> None:
    """Publishers wait, so that a bounded number of published events is unread at any time."""
    await _publishers_wait_in_time(probe, "events")


@case("OVF-06", needs={"overflow": ("block",)})
async def what_waits_for_a_stream_reader_is_not_hoarded(probe: Probe) -> None:
    """The same for streams."""
    await _publishers_wait_in_time(probe, "streams")


async def _publishers_wait_in_time(probe: Probe, side: Side) -> None:
    stage = Stage(probe, side)
    listener = await stage.subscribe()
    bound = 2 * stage.capacity + _SLACK
    total = 10 * stage.capacity
    publishing = probe.spawn(stage.publish(total))
    # A measure of time: what goes out to nobody meanwhile would have sufficed for more than the bound.
    for _ in range(3):
        await Stage(probe, side).publish(stage.capacity)
    while len(listener.received) < total:
        mine = [publish for publish in probe.history.publishes if listener.entry.matches(publish.event)]
        published = sum(publish.outcome == "ok" for publish in mine)
        held = published - len(listener.received)
        probe.expect(
            held <= bound,
            f"publishers to wait for a reader that holds {bound} events",
            f"{published} were published while it had read {len(listener.received)}",
        )
        if held > bound or not await listener.read(min(stage.capacity, total - len(listener.received))):
            break
    await probe.returns(publishing, "publish, once the reader reads,")


# OVF-03: afterwards


@case("OVF-03", shows={"ended", "lost", "repeated", "reordered"}, needs={"overflow": NOT_BLOCKING})
async def a_reader_that_overran_goes_on(probe: Probe) -> None:
    """It gets later events normally."""
    await _goes_on(probe, "events", 1)


@case("OVF-06", shows={"ended", "lost", "repeated", "reordered"}, needs={"overflow": NOT_BLOCKING})
async def a_stream_reader_that_overran_goes_on(probe: Probe) -> None:
    """The same for streams, each time that it overran."""
    await _goes_on(probe, "streams", 3)


async def _goes_on(probe: Probe, side: Side, rounds: int) -> None:
    stage = Stage(probe, side)
    listener = await stage.subscribe()
    for _ in range(rounds):
        await stage.publish(stage.overrun)
        await stage.all_arrived()
        await stage.read_out(listener)
        # Below the capacity again: whatever comes now has to come whole and in order.
        for _ in range(3):
            later = await stage.publish(min(40, max(1, stage.capacity // 2)), 4)
            await stage.get(listener, *(event for chain in later for event in chain))


@case("OVF-03", shows={"ended", "lost", "repeated", "reordered"}, needs={"overflow": ("block",)})
async def a_reader_that_was_waited_for_goes_on(probe: Probe) -> None:
    """It gets later events normally, after it was waited for once and twice."""
    await _goes_on_blocking(probe, "events")


@case("OVF-06", shows={"ended", "lost", "repeated", "reordered"}, needs={"overflow": ("block",)})
async def a_stream_reader_that_was_waited_for_goes_on(probe: Probe) -> None:
    """The same for streams."""
    await _goes_on_blocking(probe, "streams")


async def _goes_on_blocking(probe: Probe, side: Side) -> None:
    stage = Stage(probe, side)
    listener = await stage.subscribe()
    for _ in range(2):
        publishing = probe.spawn(stage.publish(stage.overrun))
        await stage.all_arrived()
        await listener.read(stage.overrun)
        await probe.returns(publishing, "publish, once the reader reads,")
        later = await stage.publish(min(40, max(1, stage.capacity // 2)), 4)
        await stage.get(listener, *(event for chain in later for event in chain))


# OVF-04: the neighbours


@whose_reader
@case("OVF-04", shows={"lost", "lost-first", "ended"}, needs={"overflow": NOT_BLOCKING})
async def a_stalled_reader_costs_fast_ones_nothing(probe: Probe, via: Via) -> None:
    """Readers beside it, of the same client and of another, lose nothing and wait for nothing."""
    await _fast_readers_go_on(probe, "events", via)


@whose_reader
@case("OVF-06", shows={"lost", "lost-first", "ended"}, needs={"overflow": NOT_BLOCKING})
async def a_stalled_stream_reader_costs_fast_ones_nothing(probe: Probe, via: Via) -> None:
    """The same for streams."""
    await _fast_readers_go_on(probe, "streams", via)


async def _fast_readers_go_on(probe: Probe, side: Side, via: Via) -> None:
    stage = Stage(probe, side)
    # One fast reader on either side of the stalled one, should the order of subscribing matter.
    before = await stage.subscribe(via)
    await stage.subscribe()
    after = await stage.subscribe(via)
    chunk = max(1, stage.capacity // 2)
    began = elapsed()
    await _chunk(stage, chunk, before, after)
    usual = elapsed() - began
    while stage.count <= stage.capacity:
        await stage.timely(
            _chunk(stage, chunk, before, after),
            usual,
            f"{chunk} events to fast readers beside a stalled one",
        )


async def _chunk(stage: Stage, count: int, *fast: Listener) -> None:
    chains = await stage.publish(count, PUBLISHERS // 2)
    for listener in fast:
        await listener.receive(*(event for chain in chains for event in chain))


@case("OVF-04", shows={"lost", "lost-first", "ended"}, needs={"overflow": ("block",)})
async def a_stalled_reader_loses_fast_ones_nothing(probe: Probe) -> None:
    """Publishers wait for it; what is out reaches the readers beside it, and in the end all does."""
    await _fast_readers_lose_nothing(probe, "events")


@case("OVF-06", shows={"lost", "lost-first", "ended"}, needs={"overflow": ("block",)})
async def a_stalled_stream_reader_loses_fast_ones_nothing(probe: Probe) -> None:
    """The same for streams."""
    await _fast_readers_lose_nothing(probe, "streams")


async def _fast_readers_lose_nothing(probe: Probe, side: Side) -> None:
    stage = Stage(probe, side)
    fast = await stage.subscribe()
    stalled = await stage.subscribe()
    await _chunk(stage, stage.capacity, fast)
    excess = probe.spawn(stage.publish(stage.overrun - stage.capacity))
    await stage.all_arrived()
    await asyncio.gather(
        *(listener.read(stage.overrun - len(listener.received)) for listener in (fast, stalled))
    )
    await probe.returns(excess, "publish, once the stalled reader reads,")
    await probe.fence(fast, stalled)


# OVF-07: what was lost


@case("OVF-07", shows={"ended"})
async def an_overrun_says_how_many_were_lost(probe: Probe) -> None:
    """`dropped` is what was published and not read, exactly, and does not grow without loss."""
    await _loss_is_counted(probe, "events", 1)


@case("OVF-06", "OVF-07", needs={"overflow": DROPPING})
async def a_stream_overrun_says_how_many_were_lost(probe: Probe) -> None:
    """The same for streams, over several overruns; a wrong count breaks OVF-07 alone."""
    await _loss_is_counted(probe, "streams", 3)


async def _loss_is_counted(probe: Probe, side: Side, rounds: int) -> None:
    stage = Stage(probe, side)
    listener = await stage.subscribe()
    # Below the capacity first: nothing is lost yet, and that has to be said too.
    await stage.publish(1)
    await listener.read(1)
    _check_count(stage, listener, "while nothing was lost")
    for number in range(1, rounds + 1):
        await stage.publish(stage.overrun)
        await stage.all_arrived()
        await stage.read_out(listener)
        _check_count(stage, listener, f"after {number} overruns" if number > 1 else "after an overrun")


def _check_count(stage: Stage, listener: Listener, when: str) -> None:
    lost = stage.count - len(listener.received)
    if listener.dropped != lost:
        raise CaseAborted(
            Violation(
                "failed",
                ("OVF-07",),
                f"`dropped` to be {lost} {when}: {stage.count} were published, "
                f"{len(listener.received)} read",
                f"it is {listener.dropped}",
                (listener.entry,),
            )
        )
