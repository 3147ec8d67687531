"""Each finding that a verdict links to is shown by its script, against the library alone.

pytest -m toolchain tests/examples/test_findings.py
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from examples.scripts import EXAMPLES, script

measuring = script("verdicts_measuring")

SCRIPTS = sorted((EXAMPLES / "findings").glob("*.py"))
LIMIT_S = 120.0


def test_each_is_linked_from_a_verdict_and_each_link_leads_to_one() -> None:
    notes = " ".join(entry.bus.notes for entry in measuring.read_entries(EXAMPLES))
    linked = set(re.findall(r"\.\./examples/findings/(\w+\.py)", notes))
    assert linked == {file.name for file in SCRIPTS}


@pytest.mark.toolchain
@pytest.mark.slow
@pytest.mark.parametrize("file", SCRIPTS, ids=lambda file: str(file.stem))
def test_a_finding_is_shown(request: pytest.FixtureRequest, file: Path) -> None:
    if "toolchain" not in request.config.getoption("-m"):
        pytest.skip("NOT TESTED: needs libraries and servers; ask for it with -m toolchain")
    text = file.read_text(encoding="utf-8")
    needs = [need for need in ("redis", "rabbitmq") if measuring.SERVERS[need][0] in text]
    try:
        with measuring.surroundings(needs) as environment:
            command = [sys.executable, file.name]
            code, output = measuring.call(command, file.parent, environment, LIMIT_S)
    except measuring.Missing as error:
        pytest.skip(f"NOT TESTED: {error}")
    if "ModuleNotFoundError" in output:
        pytest.skip(f"NOT TESTED: {output.splitlines()[-1]}")
    assert code == 0, output
    assert re.search(r"^expected .*; seen.*: ", output, re.MULTILINE), output
