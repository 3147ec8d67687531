"""The badge: what shields.io's endpoint reads to draw one."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from eventhook_conformance.report.standing import VERDICTS
from eventhook_conformance.results import RunResult, Verdict
from eventhook_conformance.specification.requirements import specification_version

_COLOURS: Final[dict[Verdict, str]] = {
    "conformant": "brightgreen",
    "non-conformant": "red",
    "inconclusive": "yellow",
}

_BADNESS: Final[tuple[Verdict, ...]] = ("conformant", "inconclusive", "non-conformant")


def badge(results: Sequence[RunResult]) -> str:
    """The badge of all targets together: the worst verdict decides its colour."""
    return json.dumps(_badge(results), ensure_ascii=True) + "\n"


def _badge(results: Sequence[RunResult]) -> dict[str, Any]:
    counts = Counter(result.verdict for result in results)
    if len(counts) == 1:
        message: str = results[0].verdict
    else:
        message = ", ".join(f"{counts[one]} {one}" for one in VERDICTS if counts[one])
    worst = max(counts, key=_BADNESS.index)
    return {
        "schemaVersion": 1,
        "label": f"eventhook {specification_version()}",
        "message": message,
        "color": _COLOURS[worst],
    }
