"""OVF-06: overruns readers of streams, and checks what they and others get."""

from __future__ import annotations

from eventhook_conformance.cases._overflow import (
    an_overrun_keeps_a_run,
    everything_is_kept,
    fast_readers_go_on,
    fast_readers_lose_nothing,
    goes_on,
    goes_on_blocking,
    loss_is_counted,
    publishers_wait,
    publishers_wait_in_time,
    publishing_goes_on_and_is_not_hoarded,
    publishing_never_waits,
)
from eventhook_conformance.cases._overrun import (
    DROPPING,
    NOT_BLOCKING,
    OverflowScenario,
    publisher_layouts,
)
from eventhook_conformance.probe import Probe, Via
from eventhook_conformance.specification import case, via


@publisher_layouts
@case("OVF-06", needs={"overflow": ("drop_oldest",)})
async def a_stream_overrun_drops_the_oldest(probe: Probe, who: str) -> None:
    """Overruns a stream's reader: it must get an unbroken run of each publisher's, up to the newest."""
    await an_overrun_keeps_a_run(probe, "streams", who)


@publisher_layouts
@case("OVF-06", needs={"overflow": ("drop_newest",)})
async def a_stream_overrun_drops_the_newest(probe: Probe, who: str) -> None:
    """Overruns a stream's reader: it must get an unbroken run of each publisher's, from the oldest."""
    await an_overrun_keeps_a_run(probe, "streams", who)


@case("OVF-06", implicates={"lost", "lost-first"}, needs={"overflow": ("block",)})
async def a_stream_overrun_makes_publishers_wait(probe: Probe) -> None:
    """Publishes more than a stream's capacity: publishers must wait, and nothing may be lost."""
    await publishers_wait(probe, "streams")


@case("OVF-06", implicates={"lost", "lost-first"}, needs={"overflow": ("unbounded",)})
async def a_stream_overrun_is_kept(probe: Probe) -> None:
    """Publishes more than a stream's capacity: nothing may be lost."""
    await everything_is_kept(probe, "streams")


@case("OVF-06", needs={"overflow": DROPPING}, self_contained=True)
async def ten_times_the_stream_capacity_goes_out_and_is_not_hoarded(probe: Probe) -> None:
    """Publishes ten times a stream's capacity, unread: publishing goes on, and a bounded number is held."""
    await publishing_goes_on_and_is_not_hoarded(probe, "streams", "OVF-06", "OVF-06")


@case("OVF-06", needs={"overflow": ("unbounded",)})
async def ten_times_the_stream_capacity_goes_out(probe: Probe) -> None:
    """Publishes ten times a stream's capacity, unread: publishing must go on."""
    await publishing_never_waits(OverflowScenario(probe, "streams"))


@case("OVF-06", needs={"overflow": ("block",)})
async def what_waits_for_a_stream_reader_is_not_hoarded(probe: Probe) -> None:
    """Lets publishers wait for a stream's reader: a bounded number may be published and unread."""
    await publishers_wait_in_time(probe, "streams")


@case(
    "OVF-06",
    implicates={"ended", "lost", "repeated", "reordered"},
    needs={"overflow": NOT_BLOCKING},
)
async def a_stream_reader_that_overran_goes_on(probe: Probe) -> None:
    """Overruns a stream's reader several times and reads it: later events must come normally."""
    await goes_on(probe, "streams", 3)


@case(
    "OVF-06", implicates={"ended", "lost", "repeated", "reordered"}, needs={"overflow": ("block",)}
)
async def a_stream_reader_that_was_waited_for_goes_on(probe: Probe) -> None:
    """Lets publishers wait for a stream's reader several times: later events must come normally."""
    await goes_on_blocking(probe, "streams")


@via
@case("OVF-06", implicates={"lost", "lost-first", "ended"}, needs={"overflow": NOT_BLOCKING})
async def a_stalled_stream_reader_costs_fast_ones_nothing(probe: Probe, via: Via) -> None:
    """Overruns a stream's reader: readers beside it must lose nothing, and not be delayed."""
    await fast_readers_go_on(probe, "streams", via)


@case("OVF-06", implicates={"lost", "lost-first", "ended"}, needs={"overflow": ("block",)})
async def a_stalled_stream_reader_loses_fast_ones_nothing(probe: Probe) -> None:
    """Lets publishers wait for a stream's reader: readers beside it must get all that are published."""
    await fast_readers_lose_nothing(probe, "streams")


@case("OVF-06", "OVF-07", needs={"overflow": DROPPING})
async def a_stream_overrun_says_how_many_were_lost(probe: Probe) -> None:
    """Overruns a stream's reader several times: `dropped` must be the number of events not read."""
    await loss_is_counted(probe, "streams", 3, "OVF-06")
