"""OVF: what happens to a reader that does not keep up, and to everybody else."""

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
    """The events read of each publisher are an unbroken run up to its newest."""
    await an_overrun_keeps_a_run(probe, "events", who)


@publisher_layouts
@case("OVF-01", needs={"overflow": ("drop_newest",)})
async def an_overrun_drops_the_newest(probe: Probe, who: str) -> None:
    """The events read of each publisher are an unbroken run from its oldest."""
    await an_overrun_keeps_a_run(probe, "events", who)


@case("OVF-01", implicates={"lost", "lost-first"}, needs={"overflow": ("block",)})
async def an_overrun_makes_publishers_wait(probe: Probe) -> None:
    """Nothing is lost, however late the reader starts."""
    await publishers_wait(probe, "events")


@case("OVF-01", implicates={"lost", "lost-first"}, needs={"overflow": ("unbounded",)})
async def an_overrun_is_kept(probe: Probe) -> None:
    """Nothing is lost."""
    await everything_is_kept(probe, "events")


# OVF-02 and OVF-05: ten times the capacity


@case("OVF-02", "OVF-05", self_contained=True)
async def ten_times_the_capacity_goes_out_and_is_not_hoarded(probe: Probe) -> None:
    """Publishing goes on while a reader stands still, and what that holds stays bounded."""
    await publishing_goes_on_and_is_not_hoarded(probe, "events", "OVF-02", "OVF-05")


@case("OVF-02", needs={"overflow": ("unbounded",)})
async def ten_times_the_capacity_goes_out(probe: Probe) -> None:
    """Publishing goes on while a reader stands still."""
    await publishing_never_waits(OverflowScenario(probe, "events"))


@case("OVF-05", needs={"overflow": ("block",)})
async def what_waits_for_a_reader_is_not_hoarded(probe: Probe) -> None:
    """Publishers wait, so that a bounded number of published events is unread at any time."""
    await publishers_wait_in_time(probe, "events")


# OVF-03: afterwards


@case(
    "OVF-03",
    implicates={"ended", "lost", "repeated", "reordered"},
    needs={"overflow": NOT_BLOCKING},
)
async def a_reader_that_overran_goes_on(probe: Probe) -> None:
    """It gets later events normally."""
    await goes_on(probe, "events", 1)


@case(
    "OVF-03", implicates={"ended", "lost", "repeated", "reordered"}, needs={"overflow": ("block",)}
)
async def a_reader_that_was_waited_for_goes_on(probe: Probe) -> None:
    """It gets later events normally, after it was waited for once and twice."""
    await goes_on_blocking(probe, "events")


# OVF-04: the neighbours


@via
@case("OVF-04", implicates={"lost", "lost-first", "ended"}, needs={"overflow": NOT_BLOCKING})
async def a_stalled_reader_costs_fast_ones_nothing(probe: Probe, via: Via) -> None:
    """Readers beside it, of the same client and of another, lose nothing and wait for nothing."""
    await fast_readers_go_on(probe, "events", via)


@case("OVF-04", implicates={"lost", "lost-first", "ended"}, needs={"overflow": ("block",)})
async def a_stalled_reader_loses_fast_ones_nothing(probe: Probe) -> None:
    """Publishers wait for it; what is out reaches the readers beside it, in the end all."""
    await fast_readers_lose_nothing(probe, "events")


# OVF-07: what was lost


@case("OVF-07", implicates={"ended"})
async def an_overrun_says_how_many_were_lost(probe: Probe) -> None:
    """`dropped` is what was published and not read, exactly, and does not grow without loss."""
    await loss_is_counted(probe, "events", 1, "OVF-03")
