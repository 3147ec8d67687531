"""`pytest --pyargs eventhook_conformance --target X` in a vendor's directory, among their own tests."""

from __future__ import annotations

import json
import os
import re

import pytest

from eventhook_conformance.cases import catalog

FEW = "PUB-04 or EVT-11"
"""A selection that keeps a run short."""

SILENT = """
from eventhook_reference.mutants.base import PliableClient, pliable_target


class Silent(PliableClient):
    def hand(self, member, event):
        pass


class Doubles(PliableClient):
    def hand(self, member, event):
        super().hand(member, event)
        super().hand(member, event)


class Late(PliableClient):
    def hand(self, member, event):
        import asyncio

        super().hand(member, event)
        asyncio.get_running_loop().call_later(0.15, member.channel.push, event)


silent = pliable_target("silent", Silent)
doubles = pliable_target("doubles", Doubles)
late = pliable_target("late", Late)
correct = pliable_target("correct")
"""


@pytest.fixture
def vendor(pytester: pytest.Pytester) -> pytest.Pytester:
    """Returns a vendor's directory: tests of their own, settings of their own, targets to judge."""
    pytester.makeini(
        """
        [pytest]
        python_files = *.py
        python_functions = foo check_*
        asyncio_mode = auto
        asyncio_default_fixture_loop_scope = function
        """
    )
    pytester.makepyfile(bus_targets=SILENT)
    pytester.makepyfile(test_theirs="def foo():\n    pass\n\n\nasync def check_loop():\n    pass\n")
    return pytester


def run(vendor: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    return vendor.runpytest_subprocess(
        *("-p", "no:cacheprovider", "-p", "no:randomly", "-p", "no:hypothesispytest"), *arguments
    )


def node_ids(result: pytest.RunResult) -> list[str]:
    """Returns what `--collect-only -q` printed."""
    return [line for line in result.outlines if "::" in line]


def test_every_case_is_collected_under_an_id_that_no_directory_changes(
    vendor: pytest.Pytester,
) -> None:
    ours = ("--pyargs", "eventhook_conformance", "--target", "memory", "--collect-only", "-q")
    result = run(vendor, *ours)
    assert result.ret == 0
    found = node_ids(result)
    expected = []
    for one in catalog():
        name, _, parameters = one.partition("[")
        module, _, function = name.partition("::")
        tail = f"memory-{parameters}" if parameters else "memory]"
        expected.append(f"eventhook_conformance/cases/{module}.py::{function}[{tail}")
    assert sorted(found) == sorted(expected)

    deeper = vendor.mkdir("deeper")
    os.chdir(deeper)
    assert node_ids(run(vendor, *ours)) == found


def test_our_cases_and_their_tests_run_side_by_side_and_nothing_else(
    vendor: pytest.Pytester,
) -> None:
    result = run(
        vendor,
        *("--pyargs", "eventhook_conformance", "test_theirs.py", "-v"),
        *("--target", "memory", "--target", "bus_targets:correct"),
        *("-k", f"{FEW} or test_theirs"),
    )
    passed = [line.split(" ")[0] for line in result.outlines if " PASSED" in line]
    theirs = [one for one in passed if not one.startswith("eventhook_conformance/cases/")]
    assert theirs == ["test_theirs.py::foo", "test_theirs.py::check_loop"]
    ours = [one for one in passed if one not in theirs]
    wanted = {
        one for one, case in catalog().items() if {"PUB-04", "EVT-11"} & set(case.case.requirements)
    }
    assert len(ours) == 2 * len(wanted)
    targets = [re.search(r"\[(memory|bus_targets:correct)", one) for one in ours]
    names = [found.group(1) for found in targets if found]
    assert names == ["memory"] * len(wanted) + ["bus_targets:correct"] * len(wanted)
    result.stdout.fnmatch_lines(
        ["*conformance of memory*", "verdict: *", "*conformance of bus_targets:correct*"]
    )


OURS = ("--pyargs", "eventhook_conformance", "--target", "memory", "-k", FEW)


def test_cases_need_no_plugin_for_asyncio(vendor: pytest.Pytester) -> None:
    result = run(vendor, "-p", "no:asyncio", *OURS)
    assert result.ret == 0
    result.stdout.fnmatch_lines(["verdict: conformant"])


def test_failing_target_is_explained_without_our_frames(vendor: pytest.Pytester) -> None:
    result = run(
        vendor,
        *("--pyargs", "eventhook_conformance", "--target", "bus_targets:doubles"),
        *("-k", "PUB-04 and first_event_is_never_lost", "-x"),
    )
    assert result.ret == 1
    result.stdout.fnmatch_lines(
        [
            "[a-z]*::[a-z]*",
            "  PUB-02 *exactly once*",
            "  expected  *once on s1*",
            "  seen      it was delivered again*",
            "  history",
            "*publish #[0-9]*",
            "  again     eventhook-conformance run bus_targets:doubles -k *",
        ]
    )
    text = result.stdout.str()
    assert "Traceback" not in text
    assert "NotConformant" not in text.replace(
        "eventhook_conformance.pytest_frontend.judged.NotConformant", ""
    )
    assert "run.py:" not in text
    assert "plugin.py:" not in text
    assert result.parseoutcomes()["failed"] == 1  # -x stops at the first


ENDS_MIDWAY = """
told = []


def pytest_runtest_logreport(report):
    told.append(report)
    if len(told) == 5:
        raise SystemError("AST constructor recursion depth mismatch (before=80, after=77)")
"""
NO_PARSING = """
import _pytest._code.code


def fail(*_, **__):
    raise SystemError("AST constructor recursion depth mismatch (before=80, after=77)")


_pytest._code.code.getstatementrange_ast = fail
"""


def test_a_failure_needs_no_source_parsed(vendor: pytest.Pytester) -> None:
    vendor.makepyfile(no_parsing=NO_PARSING)
    result = run(
        vendor,
        *("-p", "no_parsing", "--pyargs", "eventhook_conformance"),
        *(
            "--target",
            "bus_targets:doubles",
            "--target",
            "bus_targets:late",
            "-k",
            "PUB-04",
            "--eventhook-json",
            "report.json",
        ),
    )
    assert result.ret == 1
    assert "INTERNALERROR" not in result.stdout.str() + result.stderr.str()
    assert result.parseoutcomes()["failed"] > 1
    doubles, late = json.loads((vendor.path / "report.json").read_text("utf-8"))["results"]
    assert (doubles["verdict"], late["verdict"]) == ("non-conformant", "non-conformant")
    assert "not run" not in result.stdout.str()


def test_what_ends_pytest_midway_is_told_with_what_was_not_run(vendor: pytest.Pytester) -> None:
    vendor.makepyfile(ends_midway=ENDS_MIDWAY)
    result = run(
        vendor,
        *("-p", "ends_midway", "--pyargs", "eventhook_conformance"),
        *("--target", "bus_targets:correct", "-k", "PUB-04", "--eventhook-json", "report.json"),
    )
    assert result.ret == pytest.ExitCode.INTERNAL_ERROR
    (told,) = json.loads((vendor.path / "report.json").read_text("utf-8"))["results"]
    assert told["verdict"] == "inconclusive"
    assert re.fullmatch(r"pytest ended early: \d+ cases not run", told["message"])
    result.stdout.fnmatch_lines(["verdict: inconclusive", "not run: * cases: *::*"])


def test_what_comes_late_is_shown_as_an_error(vendor: pytest.Pytester) -> None:
    result = run(
        vendor,
        *("--pyargs", "eventhook_conformance", "--target", "bus_targets:late", "-k", "PUB-04"),
    )
    assert result.ret == 1
    result.stdout.fnmatch_lines(
        ["*late arrivals fail these cases after their end:", "*verdict: non-conformant*"]
    )


def test_silent_target_fails_once_and_the_rest_is_skipped(vendor: pytest.Pytester) -> None:
    result = run(
        vendor,
        *("--pyargs", "eventhook_conformance", "--target", "bus_targets:silent", "-k", FEW),
        *("--eventhook-timeout", "0.3", "-rs"),
    )
    outcomes = result.parseoutcomes()
    assert result.ret == 1
    assert outcomes["failed"] == 1
    assert "passed" not in outcomes
    result.stdout.fnmatch_lines(["*not run: the target delivers nothing*"])


def test_not_claimed_is_skipped_with_its_reason_and_an_untested_claim_is_no_success(
    vendor: pytest.Pytester,
) -> None:
    result = run(
        vendor,
        *("--pyargs", "eventhook_conformance.cases", "--target", "memory"),
        *("--eventhook-profile", "streams", "-k", "PUB-04", "-rs"),
    )
    assert result.ret != 0
    result.stdout.fnmatch_lines(
        ["verdict: inconclusive", "*not claimed: profile events is not claimed*"]
    )


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ((), "ERROR: the cases need something to judge: give --target TARGET"),
        (("--target", "nosuch"), "ERROR: no target 'nosuch': registered are *"),
        (
            ("--target", "memory", "--eventhook-profile", "sse"),
            "ERROR: target 'memory': profile 'sse' is not claimed; *",
        ),
    ],
    ids=["none", "unknown", "profile"],
)
def test_wrong_use_is_one_line(
    vendor: pytest.Pytester, arguments: tuple[str, ...], line: str
) -> None:
    result = run(vendor, "--pyargs", "eventhook_conformance", *arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([line])
    assert len([text for text in result.errlines if text.strip()]) == 1


def test_wrong_use_is_one_line_where_warnings_are_errors(vendor: pytest.Pytester) -> None:
    vendor.makeini("[pytest]\nfilterwarnings = error\n")
    result = run(vendor, "--pyargs", "eventhook_conformance")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert [text for text in result.errlines if text.strip()] == [
        "ERROR: the cases need something to judge: give --target TARGET"
    ]


def test_without_the_suite_named_nothing_of_it_shows(vendor: pytest.Pytester) -> None:
    result = run(vendor)
    assert result.ret == 0
    assert "conformance" not in result.stdout.str().partition("collected")[2]
    result.assert_outcomes(passed=2)
