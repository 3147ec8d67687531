"""Writes the badge as JSON that shields.io's endpoint draws."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from eventhook_conformance.report.standing import VERDICTS, partial
from eventhook_conformance.results import RunResult, Verdict, specification_of

_COLOURS: Final[dict[Verdict, str]] = {
    "conformant": "brightgreen",
    "non-conformant": "red",
    "inconclusive": "yellow",
}

_BADNESS: Final[tuple[Verdict, ...]] = ("conformant", "inconclusive", "non-conformant")


def badge(results: Sequence[RunResult]) -> str:
    """Returns the badge of all targets together. The worst verdict decides its colour.

    A partial run earns no verdict on a badge.
    """
    return json.dumps(_badge(results), ensure_ascii=True) + "\n"


def _badge(results: Sequence[RunResult]) -> dict[str, Any]:
    counts = Counter(result.verdict for result in results)
    worst = max(counts, key=_BADNESS.index)
    colour = _COLOURS[worst]
    if worst == "conformant" and any(partial(result) for result in results):
        message, colour = "partial run", "lightgrey"
    elif len(counts) == 1:
        message = worst
    else:
        message = ", ".join(f"{counts[one]} {one}" for one in VERDICTS if counts[one])
    return {
        "schemaVersion": 1,
        "label": f"eventhook {specification_of(results)}",
        "message": message,
        "color": colour,
    }
