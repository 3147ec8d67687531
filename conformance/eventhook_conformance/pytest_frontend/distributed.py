"""The plugin under pytest-xdist: each target is judged by one worker, and the controller reports.

Cases of one target share clients, and some may not run beside others. So one worker gets them all,
whatever `--dist` says; other targets and other tests go to the others meanwhile.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import pytest

from eventhook_conformance.engine.event_decoding import decode_case, decode_run
from eventhook_conformance.engine.event_encoding import encode_case, encode_run
from eventhook_conformance.results import CaseResult, RunResult

OUTPUT: Final = "eventhook_conformance"
"""The key under which a worker sends its results at its end."""
CASE: Final = "eventhook_case"
"""The attribute of a report that holds the result of its case: it is known even if the worker dies."""
_PREFIX: Final = "eventhook_conformance/cases/"


def is_worker(config: pytest.Config) -> bool:
    """Returns whether this process is a worker of pytest-xdist."""
    return hasattr(config, "workerinput")


def is_controller(config: pytest.Config) -> bool:
    """Returns whether this process only hands out tests to workers."""
    return not is_worker(config) and config.getoption("dist", "no") != "no"


def target_of(nodeid: str, targets: Iterable[str]) -> str | None:
    """Returns the target that a test of that ID judges; None if it judges none."""
    if not nodeid.startswith(_PREFIX):
        return None
    parameters = nodeid.partition("[")[2]
    found = [one for one in targets if parameters.startswith((f"{one}-", f"{one}]"))]
    return max(found, key=len, default=None)


def mark_result(report: pytest.TestReport, result: CaseResult) -> None:
    """Sends the result of a case along with a report."""
    setattr(report, CASE, json.dumps(encode_case(result)))


def case_of(nodeid: str, target: str) -> str:
    """Returns the ID of the case that a test of that ID runs against a target."""
    module, _, function = nodeid.removeprefix(_PREFIX).partition("[")[0].partition("::")
    parameters = nodeid.partition("[")[2].removeprefix(target).partition("@")[0]
    case = f"{module.removesuffix('.py')}::{function}"
    return f"{case}[{parameters.removeprefix('-')}" if parameters.startswith("-") else case


def output_of(results: Mapping[str, RunResult]) -> str:
    """Returns the data that a worker sends at its end: the results by target."""
    return json.dumps({name: encode_run(one) for name, one in results.items()})


class Collected:
    """Collects what a worker tells the controller about one target.

    Args:
        result: the result of the target, as if nothing had been run.
    """

    def __init__(self, result: RunResult) -> None:
        self.planned: set[str] = set()
        """The IDs of the cases that the workers were to run."""
        self._empty = result
        self._whole: list[RunResult] = []
        self._cases: dict[str, CaseResult] = {}

    def take_report(self, report: pytest.TestReport) -> None:
        """Takes the result of a case that came with a report."""
        content = getattr(report, CASE, None)
        if content is not None:
            case = decode_case(json.loads(content))
            self._cases[case.id] = case

    def take_output(self, content: dict[str, Any]) -> None:
        """Takes the data that a worker sent at its end."""
        self._whole.append(decode_run(content, self._empty.settings))

    def results(self) -> list[RunResult]:
        """Returns the results: one, or one of each worker with `--dist each`."""
        if not self._whole:
            if not (self._cases or self.planned):
                return []
            self._empty.suite_failure = "its worker ended early"
            self._whole.append(self._empty)
        first = self._whole[0]
        if len(self._whole) == 1:
            # A worker that died was replaced; what it had told still counts.
            known = {case.id for case in first.cases}
            first.cases += [case for name, case in self._cases.items() if name not in known]
        return self._whole


def scheduler_for(config: pytest.Config, log: Any, targets: Sequence[str]) -> Any:
    """Returns a scheduler that gives each target to one worker, and all else as `--dist` says.

    None for `--dist each`, where every worker judges every target.
    """
    from xdist.scheduler import LoadGroupScheduling

    dist = config.getoption("dist")
    if dist == "each":
        return None

    class Scheduling(LoadGroupScheduling):  # type: ignore[misc]  # because: xdist ships no types
        def _split_scope(self, nodeid: str) -> str:
            target = target_of(nodeid, targets)
            if target is not None:
                return f"{_PREFIX}[{target}]"
            match dist:
                case "loadfile":
                    return nodeid.partition("::")[0]
                case "loadscope":
                    return nodeid.rpartition("::")[0]
            return str(super()._split_scope(nodeid))

    return Scheduling(config, log)
