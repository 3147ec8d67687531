"""The plugin under pytest-xdist: one worker for each target, one verdict, the reports written once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from eventhook_conformance.pytest_frontend.distributed import case_of, target_of
from eventhook_conformance.pytest_frontend.options import REPORTS
from eventhook_conformance.report.formats import FORMATS

TARGETS = """
import os
from contextlib import asynccontextmanager
from pathlib import Path

from eventhook_conformance import Target
from eventhook_reference.mutants.base import PliableBus, PliableClient, pliable_target


class Doubles(PliableClient):
    def hand(self, member, event):
        super().hand(member, event)
        super().hand(member, event)


class Dies(PliableClient):
    calls = 0

    async def publish(self, side, event):
        Dies.calls += 1
        if Dies.calls > 12:
            os._exit(3)
        await super().publish(side, event)


bus = PliableBus()


@asynccontextmanager
async def once():
    with open("opened", "a") as file:
        file.write(f"{os.getpid()}\\n")
    client = PliableClient(bus)
    yield client
    await client.aclose()


doubles = pliable_target("doubles", Doubles)
dies = pliable_target("dies", Dies)
correct = pliable_target("correct")
fixed = Target("fixed", open=once, capabilities=PliableClient.capabilities)
"""

FEW = "PUB-08 or PUB-21"


@pytest.fixture
def vendor(pytester: pytest.Pytester) -> pytest.Pytester:
    """Returns a vendor's directory."""
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    pytester.makepyfile(bus_targets=TARGETS)
    pytester.makepyfile(test_theirs="def test_theirs():\n    pass\n")
    return pytester


def run(vendor: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    return vendor.runpytest_subprocess(
        *("-p", "no:cacheprovider", "--pyargs", "eventhook_conformance", "-n", "2"), *arguments
    )


def results(vendor: pytest.Pytester) -> list[dict[str, Any]]:
    """Returns the results in the JSON report."""
    found: list[dict[str, Any]] = json.loads(Path(vendor.path / "r.json").read_text())["results"]
    return found


@pytest.mark.slow
@pytest.mark.parametrize("dist", ["load", "loadgroup", "loadfile", "loadscope", "worksteal"])
def test_a_target_is_judged_by_one_worker_and_told_once(dist: str, vendor: pytest.Pytester) -> None:
    result = run(
        vendor,
        *("test_theirs.py", "--dist", dist, "-k", f"{FEW} or theirs"),
        *("--target", "bus_targets:fixed", "--eventhook-json", "r.json"),
    )
    assert result.ret == 0
    text = result.stdout.str()
    assert text.count("verdict: conformant") == 1
    assert len({*(vendor.path / "opened").read_text().split()}) == 1
    (one,) = results(vendor)
    assert one["verdict"] == "conformant"
    assert one["summary"]["passed"] == result.parseoutcomes()["passed"] - 1


@pytest.mark.slow
def test_all_reports_are_written_by_the_controller(vendor: pytest.Pytester) -> None:
    files = [f"--eventhook-{name}=report.{name}" for name in REPORTS if name != "json"]
    result = run(
        vendor,
        *("--target", "bus_targets:doubles", "--target", "bus_targets:correct", "-k", FEW),
        *files,
        "--eventhook-json=r.json",
    )
    assert result.ret == 1
    result.stdout.fnmatch_lines_random(
        ["*conformance of bus_targets:doubles*", "verdict: non-conformant", "verdict: conformant"]
    )
    broken, correct = results(vendor)
    assert (broken["verdict"], correct["verdict"]) == ("non-conformant", "conformant")
    failed = [case for case in broken["cases"] if case["outcome"] == "failed"]
    assert failed
    assert all(case["message"] and case["history"] for case in failed)
    for name in REPORTS:
        if name != "json":
            assert (vendor.path / f"report.{name}").stat().st_size > 80
    again = run(vendor, "--target", "bus_targets:correct", "-k", FEW, "--eventhook-json=no/r.json")
    assert again.ret == pytest.ExitCode.USAGE_ERROR
    assert "--eventhook-json: there is no directory no" in again.stderr.str()


@pytest.mark.slow
def test_an_inconclusive_run_and_a_worker_that_dies_are_no_success(
    vendor: pytest.Pytester,
) -> None:
    result = run(vendor, "--target", "memory", "--eventhook-profile", "streams", "-k", "PUB-04")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["verdict: inconclusive"])
    result = run(
        vendor,
        *("--target", "bus_targets:dies", "-k", FEW, "--max-worker-restart", "0"),
        "--eventhook-json=r.json",
    )
    assert result.ret != 0
    (one,) = results(vendor)
    assert one["verdict"] == "inconclusive"
    assert one["message"]
    assert "verdict: inconclusive" in result.stdout.str()
    assert "not run: " in result.stdout.str()


def test_without_a_target_one_line_says_so(vendor: pytest.Pytester) -> None:
    result = run(vendor)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "the cases need something to judge: give --target TARGET" in result.stderr.str()


def test_the_options_are_the_formats() -> None:
    assert list(REPORTS) == list(FORMATS)


@pytest.mark.parametrize(
    ("nodeid", "target", "case"),
    [
        ("eventhook_conformance/cases/publish.py::one[memory]", "memory", "publish::one"),
        (
            "eventhook_conformance/cases/publish.py::one[memory-server-a-b]@x",
            "memory-server",
            "publish::one[a-b]",
        ),
        ("eventhook_conformance/cases/publish.py::one[memory-a]", "memory", "publish::one[a]"),
        ("tests/publish.py::one[memory-a]", None, ""),
        ("eventhook_conformance/cases/publish.py::one[other]", None, ""),
    ],
)
def test_a_test_names_its_target_and_its_case(nodeid: str, target: str | None, case: str) -> None:
    assert target_of(nodeid, ["memory", "memory-server"]) == target
    if target is not None:
        assert case_of(nodeid, target) == case
