"""OVF: overruns readers, and checks what they and others get."""

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
    NOT_BLOCKING,
    OverflowScenario,
    publisher_layouts,
)
from eventhook_conformance.probe import Probe, Via
from eventhook_conformance.specification import case, via

# OVF-01: the policy


@publisher_layouts
@case("OVF-01", needs={"overflow": ("drop_oldest",)})
async def an_overrun_drops_the_oldest(probe: Probe, who: str) -> None:
    """Overruns a reader: it must get an unbroken run of each publisher's events, up to the newest."""
    await an_overrun_keeps_a_run(probe, "events", who)


@publisher_layouts
@case("OVF-01", needs={"overflow": ("drop_newest",)})
async def an_overrun_drops_the_newest(probe: Probe, who: str) -> None:
    """Overruns a reader: it must get an unbroken run of each publisher's events, from the oldest."""
    await an_overrun_keeps_a_run(probe, "events", who)


@case("OVF-01", implicates={"lost", "lost-first"}, needs={"overflow": ("block",)})
async def an_overrun_makes_publishers_wait(probe: Probe) -> None:
    """Publishes more than the capacity: publishers must wait, and nothing may be lost."""
    await publishers_wait(probe, "events")


@case("OVF-01", implicates={"lost", "lost-first"}, needs={"overflow": ("unbounded",)})
async def an_overrun_is_kept(probe: Probe) -> None:
    """Publishes more than the capacity: nothing may be lost."""
    await everything_is_kept(probe, "events")


# OVF-02 and OVF-05: ten times the capacity


@case("OVF-02", "OVF-05", self_contained=True)
async def ten_times_the_capacity_goes_out_and_is_not_hoarded(probe: Probe) -> None:
    """Publishes ten times the capacity, unread: publishing goes on, and a bounded number is held."""
    await publishing_goes_on_and_is_not_hoarded(probe, "events", "OVF-02", "OVF-05")


@case("OVF-02", needs={"overflow": ("unbounded",)})
async def ten_times_the_capacity_goes_out(probe: Probe) -> None:
    """Publishes ten times the capacity, unread: publishing must go on."""
    await publishing_never_waits(OverflowScenario(probe, "events"))


@case("OVF-05", needs={"overflow": ("block",)})
async def what_waits_for_a_reader_is_not_hoarded(probe: Probe) -> None:
    """Lets publishers wait for a reader: a bounded number of events may be published and unread."""
    await publishers_wait_in_time(probe, "events")


# OVF-03: afterwards


@case(
    "OVF-03",
    implicates={"ended", "lost", "repeated", "reordered"},
    needs={"overflow": NOT_BLOCKING},
)
async def a_reader_that_overran_goes_on(probe: Probe) -> None:
    """Overruns a reader and reads it: later events must come normally."""
    await goes_on(probe, "events", 1)


@case(
    "OVF-03", implicates={"ended", "lost", "repeated", "reordered"}, needs={"overflow": ("block",)}
)
async def a_reader_that_was_waited_for_goes_on(probe: Probe) -> None:
    """Lets publishers wait for a reader twice, and reads: later events must come normally."""
    await goes_on_blocking(probe, "events")


# OVF-04: the neighbours


@via
@case("OVF-04", implicates={"lost", "lost-first", "ended"}, needs={"overflow": NOT_BLOCKING})
async def a_stalled_reader_costs_fast_ones_nothing(probe: Probe, via: Via) -> None:
    """Overruns a reader: readers beside it must lose nothing, and get events as fast as before."""
    await fast_readers_go_on(probe, "events", via)


@case("OVF-04", implicates={"lost", "lost-first", "ended"}, needs={"overflow": ("block",)})
async def a_stalled_reader_loses_fast_ones_nothing(probe: Probe) -> None:
    """Lets publishers wait for a reader: readers beside it must get all events that are published."""
    await fast_readers_lose_nothing(probe, "events")


# OVF-07: what was lost


@case("OVF-07", implicates={"ended"})
async def an_overrun_says_how_many_were_lost(probe: Probe) -> None:
    """Overruns a reader: `dropped` must be the number of events published and not read."""
    await loss_is_counted(probe, "events", 1, "OVF-03")
