"""OVF-06: what happens to a stream's reader that does not keep up, and to everybody else."""

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
    """The events read of each publisher are an unbroken run up to its newest."""
    await an_overrun_keeps_a_run(probe, "streams", who)


@publisher_layouts
@case("OVF-06", needs={"overflow": ("drop_newest",)})
async def a_stream_overrun_drops_the_newest(probe: Probe, who: str) -> None:
    """The events read of each publisher are an unbroken run from its oldest."""
    await an_overrun_keeps_a_run(probe, "streams", who)


@case("OVF-06", implicates={"lost", "lost-first"}, needs={"overflow": ("block",)})
async def a_stream_overrun_makes_publishers_wait(probe: Probe) -> None:
    """Nothing is lost, however late the reader starts."""
    await publishers_wait(probe, "streams")


@case("OVF-06", implicates={"lost", "lost-first"}, needs={"overflow": ("unbounded",)})
async def a_stream_overrun_is_kept(probe: Probe) -> None:
    """Nothing is lost."""
    await everything_is_kept(probe, "streams")


@case("OVF-06", needs={"overflow": DROPPING}, self_contained=True)
async def ten_times_the_stream_capacity_goes_out_and_is_not_hoarded(probe: Probe) -> None:
    """Publishing goes on while a reader stands still, and what that holds stays bounded."""
    await publishing_goes_on_and_is_not_hoarded(probe, "streams", "OVF-06", "OVF-06")


@case("OVF-06", needs={"overflow": ("unbounded",)})
async def ten_times_the_stream_capacity_goes_out(probe: Probe) -> None:
    """Publishing goes on while a reader stands still."""
    await publishing_never_waits(OverflowScenario(probe, "streams"))


@case("OVF-06", needs={"overflow": ("block",)})
async def what_waits_for_a_stream_reader_is_not_hoarded(probe: Probe) -> None:
    """A bounded number of published stream events is unread at any time."""
    await publishers_wait_in_time(probe, "streams")


@case(
    "OVF-06",
    implicates={"ended", "lost", "repeated", "reordered"},
    needs={"overflow": NOT_BLOCKING},
)
async def a_stream_reader_that_overran_goes_on(probe: Probe) -> None:
    """It gets later stream events normally, each time that it overran."""
    await goes_on(probe, "streams", 3)


@case(
    "OVF-06", implicates={"ended", "lost", "repeated", "reordered"}, needs={"overflow": ("block",)}
)
async def a_stream_reader_that_was_waited_for_goes_on(probe: Probe) -> None:
    """It gets later stream events normally, each time that it was waited for."""
    await goes_on_blocking(probe, "streams")


@via
@case("OVF-06", implicates={"lost", "lost-first", "ended"}, needs={"overflow": NOT_BLOCKING})
async def a_stalled_stream_reader_costs_fast_ones_nothing(probe: Probe, via: Via) -> None:
    """Readers beside it, of the same client and of another, lose nothing and wait for nothing."""
    await fast_readers_go_on(probe, "streams", via)


@case("OVF-06", implicates={"lost", "lost-first", "ended"}, needs={"overflow": ("block",)})
async def a_stalled_stream_reader_loses_fast_ones_nothing(probe: Probe) -> None:
    """Publishers wait for it; what is out reaches the readers beside it, in the end all."""
    await fast_readers_lose_nothing(probe, "streams")


@case("OVF-06", "OVF-07", needs={"overflow": DROPPING})
async def a_stream_overrun_says_how_many_were_lost(probe: Probe) -> None:
    """`dropped` is exact, over several overruns; a wrong count breaks OVF-07 alone."""
    await loss_is_counted(probe, "streams", 3, "OVF-06")
