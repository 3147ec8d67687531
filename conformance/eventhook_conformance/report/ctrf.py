"""Writes CTRF, the Common Test Report Format: JSON that many CI tools read."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final, Literal

from eventhook_conformance import __version__
from eventhook_conformance.report.environment import environment
from eventhook_conformance.report.failure import failure_text
from eventhook_conformance.report.text import printable
from eventhook_conformance.report.wording import advisory, loose_ends
from eventhook_conformance.results import CaseResult, RunResult, exit_code, specification_of

_STATUSES: Final = ("passed", "failed", "skipped", "pending", "other")
_Status = Literal["passed", "failed", "skipped", "pending", "other"]


def ctrf(results: Sequence[RunResult], now_s: float | None = None) -> str:
    """Returns the report. `now_s` is the end of the run, in seconds since the epoch (default: now)."""
    return json.dumps(_report(results, now_s or time.time()), indent=2, ensure_ascii=True) + "\n"


def _report(results: Sequence[RunResult], now_s: float) -> dict[str, Any]:
    tests = [test for result in results for test in _tests(result)]
    counts = Counter(test["status"] for test in tests)
    duration_s = sum(result.duration_s for result in results)
    return {
        "reportFormat": "CTRF",
        "specVersion": "0.1.0",
        "generatedBy": f"eventhook-conformance {__version__}",
        "results": {
            "tool": {
                "name": "eventhook-conformance",
                "version": __version__,
                "extra": {"specification": specification_of(results)},
            },
            "summary": {
                "tests": len(tests),
                **{status: counts[status] for status in _STATUSES},
                "suites": len(results),
                "start": round((now_s - duration_s) * 1000),
                "stop": round(now_s * 1000),
                "duration": round(duration_s * 1000),
            },
            "tests": tests,
            "environment": {
                "appName": printable(", ".join(result.target for result in results)),
                "healthy": exit_code(results) == 0,
                "extra": {
                    **{printable(one.target): {"verdict": one.verdict} for one in results},
                    "run": environment().to_dict(),
                },
            },
        },
    }


def _tests(result: RunResult) -> Iterator[dict[str, Any]]:
    target = printable(result.target)
    for case in result.cases:
        module, _, _ = case.id.partition("::")
        test: dict[str, Any] = {
            "name": case.id,
            "status": _status(case),
            "duration": round(case.duration_s * 1000),
            "suite": [target, module],
            "rawStatus": case.outcome,
            "tags": list(case.requirements),
            "type": "conformance",
        }
        if case.message is not None:
            test["message"] = printable(case.message)
        if case.outcome in ("failed", "error"):
            test["trace"] = printable(
                failure_text(case, result.invoked_as or result.target, result.settings.docs_url)
            )
        yield test
    for end in loose_ends(result):
        yield {
            "name": end.name,
            "status": "failed",
            "duration": 0,
            "suite": [target, "verdict"],
            "message": printable(end.message),
            "rawStatus": "inconclusive",
            "type": "conformance",
        }


def _status(case: CaseResult) -> _Status:
    match case.outcome:
        case "passed":
            return "passed"
        case "not_claimed":
            return "skipped"
        case "error":
            return "other"
        case "failed":
            return "other" if advisory(case) else "failed"
