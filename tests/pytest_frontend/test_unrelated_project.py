"""The plugin in the project of a vendor that does not use it: it changes nothing, and loads nothing."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROJECT = """
import pytest


@pytest.fixture
def probe():
    return "ours"


@pytest.mark.parametrize("number", [1, 2])
def test_theirs(probe, number):
    assert probe == "ours"
"""
LOADED = """
import sys, pytest

class Look:
    def pytest_sessionfinish(self):
        print("\\nLOADED", sorted(one for one in sys.modules if one.startswith("eventhook_")))

sys.exit(pytest.main(sys.argv[1:], plugins=[Look()]))
"""
IMPORTS = """
import sys, time
import pytest

began = time.perf_counter()
import {module}
print(time.perf_counter() - began)
"""

BOTH_IMPORTS = """
import time
began = time.perf_counter()
import pytest
middle = time.perf_counter()
import {module}
print(time.perf_counter() - middle, middle - began)
"""


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makeini("[pytest]\naddopts = --strict-markers --strict-config\nxfail_strict = true\n")
    pytester.makepyfile(test_theirs=PROJECT)
    return pytester


def collected(project: pytest.Pytester, *arguments: str) -> list[str]:
    done = project.runpytest_subprocess("-v", "-p", "no:cacheprovider", *arguments)
    done.assert_outcomes(passed=2)
    return [line for line in done.outlines if "::" in line or line.startswith("collected")]


def test_it_changes_nothing(project: pytest.Pytester) -> None:
    assert collected(project) == collected(project, "-p", "no:eventhook_conformance")


def test_it_loads_nothing_of_the_suite(project: pytest.Pytester) -> None:
    script = project.makepyfile(look=LOADED)
    done = project.run(sys.executable, script, "-p", "no:cacheprovider", "test_theirs.py")
    (line,) = [line for line in done.outlines if line.startswith("LOADED")]
    assert line == (
        "LOADED ['eventhook_conformance', 'eventhook_conformance.pytest_frontend',"
        " 'eventhook_conformance.pytest_frontend.options']"
    )


def test_it_costs_little_of_what_the_whole_plugin_would() -> None:
    """Compares the two imports in one go, so that a busy machine slows both."""

    ratios = [imported("options") / imported("plugin") for _ in range(3)]
    assert min(ratios) < 0.2, "the options import what only the plugin needs"


def test_it_costs_little_of_what_pytest_itself_does() -> None:
    """A tenth of the import of pytest is less than 20 ms wherever that takes less than 200 ms."""
    ratios = []
    for _ in range(3):
        script = BOTH_IMPORTS.format(module="eventhook_conformance.pytest_frontend.options")
        done = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
        )
        own, pytests = map(float, done.stdout.split())
        ratios.append(own / pytests)
    assert min(ratios) < 0.1, ratios


def imported(module: str) -> float:
    """Returns how many seconds the import of a module of the plugin takes."""
    script = IMPORTS.format(module=f"eventhook_conformance.pytest_frontend.{module}")
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    return float(done.stdout)


def test_the_defaults_in_the_help_are_those_of_the_settings(project: pytest.Pytester) -> None:
    from eventhook_conformance.settings import Settings

    text = " ".join(project.runpytest_subprocess("--help").stdout.str().split())
    plain = Settings()
    for name, value in (
        ("--eventhook-seed", plain.seed),
        ("--eventhook-timeout", plain.arrival_timeout_s),
        ("--eventhook-settle", plain.settle_s),
        ("--eventhook-examples", plain.examples),
    ):
        told = text[text.index(name) :]
        assert told[told.index("default: ") :].split()[1] == f"{value:g}"
