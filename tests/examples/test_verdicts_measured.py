"""Examples: each bus gets the verdict in the docs, and another one once it is broken.

    pytest -m toolchain tests/examples

They build in several languages and start several servers, so they run only where they are asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from examples.scripts import EXAMPLES, script

measuring = script("verdicts_measuring")
verdicts = script("verdicts")

ENTRIES = measuring.read_entries(EXAMPLES)
BROKEN = [entry for entry in ENTRIES if entry.bus.broken is not None]


def name(entry: Any) -> str:
    return str(entry.bus.name)


pytestmark = [pytest.mark.toolchain, pytest.mark.slow, pytest.mark.timeout(2400)]


@pytest.fixture(autouse=True)
def _asked_for(request: pytest.FixtureRequest) -> None:
    if "toolchain" not in request.config.getoption("-m"):
        pytest.skip("NOT TESTED: needs toolchains and servers; ask for it with -m toolchain")


@contextmanager
def loud() -> Iterator[None]:
    """Skips what this machine cannot run, and says so."""
    try:
        yield
    except measuring.Missing as error:
        pytest.skip(f"NOT TESTED: {error}")


@pytest.mark.parametrize("entry", ENTRIES, ids=name)
def test_a_driver_speaks_the_protocol(entry: Any) -> None:
    if not entry.bus.target.startswith("driver:"):
        pytest.skip("it is no driver")
    with loud(), measuring.surroundings(entry.bus.needs) as environment:
        measuring.build(entry.bus, entry.folder, environment)
        code, output = measuring.driver_check(entry.bus, entry.folder, environment)
    assert code == 0, output


@pytest.mark.parametrize("entry", ENTRIES, ids=name)
def test_a_bus_comes_to_what_the_docs_say(entry: Any) -> None:
    told = verdicts.read_measured(EXAMPLES.parent / "docs" / "verdicts.json")
    assert entry.bus.name in told, "it was never measured: run examples/verdicts.py"
    with loud():
        found = measuring.measure(entry)
    assert found.verdict == told[entry.bus.name].verdict
    if not entry.bus.racy:
        assert musts(found) == musts(told[entry.bus.name])


def musts(measured: Any) -> list[str]:
    """Returns the failed MUSTs; a SHOULD may depend on how busy the machine is."""
    return [one.requirement for one in measured.failed if one.level == "MUST"]


@pytest.mark.parametrize("entry", BROKEN, ids=name)
def test_breaking_a_bus_turns_its_verdict(entry: Any) -> None:
    with loud():
        assert measuring.broken_outcomes(entry) == ("passed", "failed")
