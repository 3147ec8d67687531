"""Measures what judging in a process of its own costs: `run` beside `run --in-process`, in turn."""

from __future__ import annotations

from functools import partial

from measuring import Goal, Measured, in_turn, main, ratios, timed_run

START = ("-k", "first_event_is_never_lost")
"""One short case, so that mostly the start and the end are measured."""
RUNS = {
    "start, supervised": START,
    "start, --in-process": (*START, "--in-process"),
    "run memory, supervised": (),
    "run memory, --in-process": ("--in-process",),
}


async def measure(rounds: int) -> Measured:
    """Measures each way of running, the ways in turn."""
    rows = await in_turn(
        {name: partial(timed_run, "memory", *options) for name, options in RUNS.items()}, rounds
    )
    measured = Measured("supervisor.py", "The cost of the supervisor")
    measured.enter(rows, "s")
    start, alone = rows["start, supervised"], rows["start, --in-process"]
    grown = tuple(1000 * (one - other) for one, other in zip(start, alone, strict=True))
    measured.goals += [
        Goal("the start grows by", 60, "at most", "ms", grown),
        Goal("start, supervised against in-process", 1.1, "at most", "×", ratios(rows, *pair(0))),
        Goal(
            "run memory, supervised against in-process", 1.1, "at most", "×", ratios(rows, *pair(2))
        ),
    ]
    return measured


def pair(first: int) -> tuple[str, str]:
    """Returns the names of a supervised run and of the same without a supervisor."""
    supervised, alone = list(RUNS)[first : first + 2]
    return supervised, alone


if __name__ == "__main__":
    main(measure, rounds=7)
