"""Each finding that a verdict links to is shown by its script, against the library alone.

pytest -m toolchain tests/examples/test_findings.py
"""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from eventhook_conformance.kit import ServerUnavailable
from examples.scripts import EXAMPLES, script

measuring = script("verdicts_measuring")

SCRIPTS = sorted((EXAMPLES / "findings").glob("*.py"))
LIMIT_S = 120.0


@contextmanager
def surroundings(text: str) -> Iterator[dict[str, str]]:
    """The environment for a script, with a server where it reads the address of one."""
    if "REDIS_URL" not in text:
        with measuring.surroundings(()) as environment:
            yield environment
        return
    server = script("targets.servers").redis()
    with asyncio.Runner() as runner, measuring.surroundings(()) as environment:
        try:
            running = runner.run(server.__aenter__())
        except ServerUnavailable as error:
            pytest.skip(f"NOT TESTED: {error}")
        try:
            yield {**environment, "REDIS_URL": running.address}
        finally:
            runner.run(server.__aexit__(None, None, None))


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
    with surroundings(file.read_text(encoding="utf-8")) as environment:
        command = [sys.executable, file.name]
        code, output = measuring.call(command, file.parent, environment, LIMIT_S)
    if "ModuleNotFoundError" in output:
        pytest.skip(f"NOT TESTED: {output.splitlines()[-1]}")
    assert code == 0, output
    assert re.search(r"^expected .*; seen.*: ", output, re.MULTILINE), output
