"""Writes JUnit XML as Jenkins' xUnit plugin defines it (`junit-10.xsd`): other tools read it too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from eventhook_conformance import __version__
from eventhook_conformance.report.environment import environment
from eventhook_conformance.report.failure import failure_text
from eventhook_conformance.report.text import printable
from eventhook_conformance.report.wording import LooseEnd, advisory, loose_ends
from eventhook_conformance.results import CaseResult, RunResult

_COUNTED: Final = ("tests", "failures", "errors")


def junit(results: Sequence[RunResult]) -> str:
    """Returns the report: a suite for each target, a test case for each case.

    A case that breaks SHOULD requirements only counts as skipped. A reason for having no verdict (the
    target cannot be used, a requirement is untested) is an error, or the list would look green.
    """
    root = Element("testsuites", name="eventhook-conformance")
    suites = [_suite(root, result) for result in results]
    for name in _COUNTED:
        root.set(name, str(sum(int(suite.get(name, "0")) for suite in suites)))
    root.set("time", _seconds(sum(result.duration_s for result in results)))
    indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{tostring(root, encoding="unicode")}\n'


def _suite(root: Element, result: RunResult) -> Element:
    suite = SubElement(root, "testsuite", name=printable(result.target))
    suite.set("timestamp", environment().date)
    suite.set("hostname", environment().host)
    properties = SubElement(suite, "properties")
    known = {
        "verdict": result.verdict,
        "suite.version": __version__,
        "specification.version": result.settings.specification,
        **{f"environment.{name}": value for name, value in _environment().items()},
        **{f"settings.{name}": value for name, value in result.settings.to_dict().items()},
        **{f"claims.{name}": value for name, value in result.capabilities.to_dict().items()},
        **({"kit": list(result.kit)} if result.kit else {}),
    }
    for name, value in known.items():
        text = " ".join(map(str, value)) if isinstance(value, list) else str(value)
        SubElement(properties, "property", name=name, value=printable(text))
    for case in result.cases:
        _case(suite, result, case)
    for end in loose_ends(result):
        _loose_end(suite, result, end)
    counts = {"tests": "testcase", "failures": "testcase/failure", "errors": "testcase/error"}
    for name, path in {**counts, "skipped": "testcase/skipped"}.items():
        suite.set(name, str(len(suite.findall(path))))
    suite.set("time", _seconds(result.duration_s))
    return suite


def _case(suite: Element, result: RunResult, case: CaseResult) -> None:
    module, _, name = case.id.partition("::")
    element = SubElement(
        suite,
        "testcase",
        classname=f"{printable(result.target)}.{module}",
        name=f"{printable(name)} ({', '.join(case.requirements)})",
        time=_seconds(case.duration_s),
    )
    message = printable(case.message or "")
    match case.outcome:
        case "not_claimed":
            SubElement(element, "skipped", type="not claimed", message=message)
        case "error":
            kind = f"undecided, blame: {case.blame or 'unknown'}"
            problem = SubElement(element, "error", type=kind, message=message)
            problem.text = _explained(case, result)
        case "failed" if advisory(case):
            SubElement(element, "skipped", type="SHOULD", message=f"SHOULD not met: {message}")
            SubElement(element, "system-out").text = _explained(case, result)
        case "failed":
            problem = SubElement(element, "failure", type=" ".join(case.charged), message=message)
            problem.text = _explained(case, result)


def _loose_end(suite: Element, result: RunResult, end: LooseEnd) -> None:
    element = SubElement(
        suite,
        "testcase",
        classname=f"{printable(result.target)}.verdict",
        name=end.name,
        time=_seconds(0),
    )
    SubElement(element, "error", type="no verdict", message=printable(end.message))


def _environment() -> dict[str, str]:
    plain = environment().to_dict()
    versions = plain.pop("versions")
    return {**plain, **{f"versions.{name}": value for name, value in versions.items()}}


def _explained(case: CaseResult, result: RunResult) -> str:
    return printable(
        failure_text(case, result.invoked_as or result.target, result.settings.docs_url)
    )


def _seconds(duration_s: float) -> str:
    return f"{duration_s:.3f}"
