"""Finds what varies from run to run: such failures are flaky."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from eventhook_conformance.baseline.known import (
    NO_REASON,
    Baseline,
    Charge,
    Entry,
    Observed,
)


def merge(runs: Sequence[Observed]) -> tuple[Observed, dict[Charge, str]]:
    """Merges the results of several runs of one target.

    Returns:
        A result with all failures of any run, and each charge that varied between
        the runs, with the number of runs that had it.
    """
    charges = {charge: text for run in runs for charge, text in run.charges.items()}
    undecided = {charge: text for run in runs for charge, text in run.undecided.items()}
    merged = replace(
        runs[-1],
        charges=charges,
        undecided={one: text for one, text in undecided.items() if one not in charges},
        decided=set.intersection(*(set(run.decided) for run in runs)),
        outcomes={
            identifier: next(
                (run.outcomes[identifier] for run in runs if run.outcomes[identifier] != "passed"),
                "passed",
            )
            for identifier in runs[-1].outcomes
        },
        trouble=next((run.trouble for run in runs if run.trouble is not None), None),
    )
    return merged, dict(_varying(runs))


def _varying(runs: Sequence[Observed]) -> Iterator[tuple[Charge, str]]:
    failed = Counter(charge for run in runs for charge in run.charges)
    seen = Counter(charge for run in runs for charge in {**run.undecided, **run.charges})
    for charge, count in seen.items():
        if count < len(runs):
            yield charge, f"seen in {count} of {len(runs)} runs"
        elif 0 < failed[charge] < len(runs):
            yield charge, f"failed in {failed[charge]} of {len(runs)} runs, else undecided"


def mark_flaky(baseline: Baseline, varying: Mapping[str, Mapping[Charge, str]]) -> Baseline:
    """Makes flaky entries of what varies, by target; the rest of an entry stays as it is."""
    entries: list[Entry] = []
    for entry in baseline.entries:
        found = varying.get(entry.target, {})
        flaky = tuple(one for one in entry.requirements if (entry.case, one) in found)
        if entry.flaky or entry.case is None or not flaky:
            entries.append(entry)
            continue
        stable = tuple(one for one in entry.requirements if one not in flaky)
        if stable:
            entries.append(replace(entry, requirements=stable))
        marked = replace(entry, requirements=flaky, flaky=True, outcome="failed")
        if entry.reason == NO_REASON:
            marked = replace(marked, reason=found[entry.case, flaky[0]])
        # Text and place stay with the stable part, if there is one.
        entries.append(replace(marked, line=None, text=None) if stable else marked)
    return replace(baseline, entries=tuple(entries))
