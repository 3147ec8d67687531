"""Writes the JSON report: the whole result, for machines."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from eventhook_conformance import __version__
from eventhook_conformance.checker import Violation
from eventhook_conformance.report.environment import environment
from eventhook_conformance.report.showing import lines_of
from eventhook_conformance.results import CaseResult, RequirementResult, RunResult


def json_text(results: Sequence[RunResult]) -> str:
    """Returns the report as text, in ASCII."""
    return json.dumps(to_json(results), indent=2, ensure_ascii=True) + "\n"


def to_json(results: Sequence[RunResult]) -> dict[str, Any]:
    """Returns the report as JSON values, one result for each target."""
    return {"schema": 1, "results": [_result(result) for result in results]}


def _result(result: RunResult) -> dict[str, Any]:
    summary = result.summary
    return {
        "suite": {"name": "eventhook-conformance", "version": __version__},
        "specification": {"version": result.settings.specification},
        "environment": environment().to_dict(),
        "settings": result.settings.to_dict(),
        "target": {
            "name": result.target,
            "about": result.about or None,
            "capabilities": result.capabilities.to_dict(),
            "kit": list(result.kit),
        },
        "verdict": result.verdict,
        "message": result.unusable or result.suite_failure or _nothing(result),
        "duration_s": round(result.duration_s, 6),
        "summary": {
            "passed": summary["passed"],
            "failed": summary["failed"],
            "not_claimed": summary["not_claimed"],
            "errors": summary["error"],
        },
        "requirements": [_requirement(one) for one in result.requirement_results()],
        "unaudited": list(result.unaudited),
        "leaked": list(result.leaked),
        "cases": [_case(case) for case in result.cases],
    }


def _nothing(result: RunResult) -> str | None:
    """Says that nothing was tested; None where something was."""
    if any(case.outcome != "not_claimed" for case in result.cases):
        return None
    return "nothing was tested: no case was selected that applies to the claims"


def _requirement(result: RequirementResult) -> dict[str, Any]:
    return {
        "id": result.requirement.id,
        "level": result.requirement.level,
        "title": result.requirement.title,
        "outcome": result.outcome,
        "reason": result.reason,
        "cases": list(result.cases),
    }


def _case(case: CaseResult) -> dict[str, Any]:
    return {
        "id": case.id,
        "requirements": list(case.requirements),
        "duration_s": round(case.duration_s, 6),
        "outcome": case.outcome,
        "blame": case.blame,
        "message": case.message,
        "violations": [
            {
                "requirement": requirement,
                "kind": violation.kind,
                "message": violation.message,
                **_values(violation),
            }
            for violation in case.violations
            for requirement in violation.requirements
        ],
        "history": _history(case),
        **({"hung": list(case.hung)} if case.hung else {}),
        **({"died": list(case.died)} if case.died else {}),
    }


def _values(violation: Violation) -> dict[str, Any]:
    """Returns the values that the message cuts, in full."""
    if violation.values is None:
        return {}
    expected, seen = violation.values
    return {"values": {"expected": expected, "seen": seen}}


def _history(case: CaseResult) -> list[str] | None:
    """Returns the lines that show the breaches; None for a case that passed."""
    if not (case.history or case.evidence) or not case.violations:
        return None
    return [line.strip() for line in lines_of(case)]
