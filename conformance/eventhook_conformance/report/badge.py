"""Writes the badge as JSON that shields.io's endpoint draws."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from eventhook_conformance.report.wording import VERDICTS, partial
from eventhook_conformance.results import RunResult, Verdict, specification_of
from eventhook_conformance.target import PROFILES

_COLOURS: Final[dict[Verdict, str]] = {
    "conformant": "brightgreen",
    "non-conformant": "red",
    "inconclusive": "yellow",
}

_BADNESS: Final[tuple[Verdict, ...]] = ("conformant", "inconclusive", "non-conformant")


def badge(results: Sequence[RunResult]) -> str:
    """Returns the badge of all targets together. The worst verdict decides its colour.

    It names the profiles and the version of the specification, such as `events+streams 1.0`. A
    partial run earns no verdict on a badge.
    """
    return json.dumps(_badge(results), ensure_ascii=True) + "\n"


def _badge(results: Sequence[RunResult]) -> dict[str, Any]:
    counts = Counter(result.verdict for result in results)
    worst = max(counts, key=_BADNESS.index)
    colour = _COLOURS[worst]
    asked = f"{_profiles(results)} {specification_of(results)}"
    if worst == "conformant" and any(partial(result) for result in results):
        message, colour = "partial run", "lightgrey"
    elif worst == "conformant":
        message = asked
    elif len(counts) == 1:
        message = f"{asked}: {worst}"
    else:
        told = ", ".join(f"{counts[one]} {one}" for one in VERDICTS if counts[one])
        message = f"{asked}: {told}"
    return {"schemaVersion": 1, "label": "eventhook", "message": message, "color": colour}


def _profiles(results: Sequence[RunResult]) -> str:
    """Returns the profiles that all targets claim, in the order of the specification."""
    common = frozenset.intersection(
        *(frozenset(result.capabilities.profiles) for result in results)
    )
    return "+".join(one for one in PROFILES if one in common) or "no common profile"
