"""Remembers which cases failed, so that `run --last-failed` runs only these."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from eventhook_conformance.report.writing import write_whole
from eventhook_conformance.results import RunResult

_SMOKE: Final = "smoke::"
"""The step before all cases; it always runs."""


def load_last_failed(targets: Iterable[str]) -> tuple[str, ...]:
    """Returns the IDs of the cases that failed last on any of these targets, in this directory."""
    found: dict[str, None] = {}
    for target in targets:
        found |= dict.fromkeys(_read(_path(target)))
    return tuple(found)


def save_last_failed(result: RunResult) -> None:
    """Remembers the failed and undecided cases of a run, and earlier ones that it did not run."""
    ran = {case.id for case in result.cases if case.outcome != "not_claimed"}
    failed = [case.id for case in result.cases if case.outcome in ("failed", "error")]
    # A machine without a home still gets its verdict, and so does a run whose directory is gone.
    with contextlib.suppress(OSError):
        path = _path(result.invoked_as or result.target)
        failed += [one for one in _read(path) if one not in ran]
        kept = [one for one in failed if not one.startswith(_SMOKE)]
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, json.dumps({"failed": kept}) + "\n")


def _read(path: Path) -> list[str]:
    try:
        failed = json.loads(path.read_text(encoding="utf-8"))["failed"]
    except (OSError, ValueError, KeyError, TypeError):  # because: a lost file only costs the memory
        return []
    return [str(one) for one in failed] if isinstance(failed, list) else []


def _path(target: str) -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    name = hashlib.sha256(f"{Path.cwd()}\0{target}".encode("utf-8", "surrogateescape"))
    return Path(home) / "eventhook-conformance" / "last-failed" / f"{name.hexdigest()[:24]}.json"
