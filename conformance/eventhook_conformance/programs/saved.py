"""Saves programs that broke a target, and reads them to be played again."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Final

from eventhook_conformance.programs.steps import Program, check_program

RANDOM_CASE: Final = "random_histories::no_random_history_breaks_a_rule"
"""The case that searches for them."""

RANDOM_CASES: Final = "random_histories"
"""Selects all cases that play programs: some count channels too."""


def save_program(directory: Path, target: str, case: str, program: Program) -> Path:
    """Writes a program into a file named after target and case; returns its path.

    Raises:
        OSError: it cannot be written.
    """
    directory.mkdir(parents=True, exist_ok=True)
    name = re.sub(r"[^A-Za-z0-9_.-]+", "-", f"{target}.{case.partition('::')[2]}").strip("-")
    path = directory / f"{name}.json"
    content = {"schema": 1, "target": target, "case": case, "program": program}
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return path


def load_program(path: Path) -> Program:
    """Reads a program that was saved.

    Raises:
        OSError: the file cannot be read.
        ValueError: the file holds no program; the message says why.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise ValueError(f"expected JSON: {error}") from error
    if not isinstance(content, dict) or content.get("schema") != 1 or "program" not in content:
        raise ValueError('expected {"schema": 1, "program": [...]}')
    return check_program(content["program"])
