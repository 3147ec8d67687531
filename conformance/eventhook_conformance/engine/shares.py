"""Shares the cases of a target among several processes, and makes one run of theirs.

Each process opens the target anew: a bus of its own, or a server of its own.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain, zip_longest
from typing import Final, TypeVar

from eventhook_conformance.engine.events import (
    CaseFinished,
    CaseStarted,
    EngineEvent,
    EventSubscriber,
    ResultRevised,
    RunFinished,
    RunStarted,
)
from eventhook_conformance.results import CaseResult, RunResult
from eventhook_conformance.target import Capabilities

T = TypeVar("T")

MOST_PROCESSES: Final = 64
"""How many processes may share the cases of a target."""


def share(cases: Sequence[T], place: int, processes: int) -> list[T]:
    """Returns the cases of one process: neighbours, which are alike, go to different ones."""
    return list(cases[place::processes])


def why_not_shared(capabilities: Capabilities, *, serves: bool) -> str | None:
    """Returns why the cases of a target cannot be shared; None: they can.

    Args:
        capabilities: the claims.
        serves: the suite starts the target's server.
    """
    if capabilities.in_process or serves or not capabilities.introspection:
        return None
    return (
        "its processes may share a server, where the channels of one would count for the other; "
        "give it a `server` that the suite starts, or claim no introspection"
    )


class MergedRun:
    """Merges the runs of several processes into one; they may report at the same time.

    Args:
        planned: the cases of each process, by ID.
        claimed: how many cases apply to the target.
        subscribers: are told what happens, in order.
    """

    def __init__(
        self, planned: Sequence[Sequence[str]], claimed: int, subscribers: Sequence[EventSubscriber]
    ) -> None:
        # The order in which one process would have judged them.
        places = (one for one in chain(*zip_longest(*planned)) if one is not None)
        self._places = {identifier: place for place, identifier in enumerate(places)}
        self._processes = len(planned)
        self._claimed = claimed
        self._subscribers = tuple(subscribers)
        self._lock = threading.Lock()
        self._started = False
        self._told: set[str] = set()
        self._results: list[RunResult] = []

    def take(self, event: EngineEvent) -> None:
        """Takes an event from one of the processes."""
        with self._lock:
            match event:
                case RunStarted():
                    if not self._started:
                        self._started = True
                        self._tell(replace(event, cases=self._claimed))
                case CaseFinished():
                    # A target that delivers nothing fails the same look in each process.
                    if event.result.id not in self._told:
                        self._told.add(event.result.id)
                        self._tell(event)
                case CaseStarted() | ResultRevised():
                    self._tell(event)
                case RunFinished():
                    self._results.append(event.result)
                    if len(self._results) == self._processes:
                        self._tell(RunFinished(event.run, self._merged()))

    def _tell(self, event: EngineEvent) -> None:
        for subscriber in self._subscribers:
            subscriber(event)

    def _merged(self) -> RunResult:
        results = self._results
        cases = {one.id: one for result in results for one in result.cases}
        return replace(
            results[0],
            cases=sorted(cases.values(), key=self._place),
            unusable=next((one.unusable for one in results if one.unusable), None),
            silent=any(one.silent for one in results),
            suite_failure=next((one.suite_failure for one in results if one.suite_failure), None),
            selected=frozenset(chain.from_iterable(one.selected for one in results)),
            duration_s=max(one.duration_s for one in results),
            unaudited=list(dict.fromkeys(chain.from_iterable(one.unaudited for one in results))),
            leaked=list(dict.fromkeys(chain.from_iterable(one.leaked for one in results))),
        )

    def _place(self, case: CaseResult) -> int:
        return self._places.get(case.id, -1)
