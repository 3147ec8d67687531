"""Markdown: the table, the folded parts, and that nothing breaks out of either."""

from __future__ import annotations

import platform
import re
from dataclasses import replace
from html import escape as html

import pytest

from checker.builder import Timeline
from eventhook_conformance.report.markdown import markdown
from report import made


def test_a_conformant_target_is_a_line_and_a_table() -> None:
    text = markdown([made.all_pass()])
    assert "- ✅ <code>made</code>: **conformant** · " in text
    assert f" on {html(platform.node())} (" in text
    assert re.search(r"\| \*\*PUB\*\* Publish and subscribe \| (\d+) of \1 hold \|", text)
    assert "<details>" not in text
    assert "STR" not in text


def test_targets_stand_side_by_side_and_only_troubled_rows_are_listed() -> None:
    text = markdown([made.all_pass(), made.result(made.passed(), made.failed(Timeline()))])
    row = next(line for line in text.splitlines() if line.startswith("| PUB-02 "))
    assert row.endswith("| ✓ holds | ✗ does not hold |")
    assert "<details><summary><code>made&#58;&#58;broken</code>" in text
    assert "  expected  " in text
    assert text.count("<details>") == text.count("</details>") == 1


def test_what_has_no_verdict_says_why() -> None:
    text = markdown([made.result(unusable="it is gone")])
    assert "⚠️" in text
    assert "<code>it is gone</code>" in text


def test_the_baseline_has_its_say() -> None:
    text = markdown([made.all_pass()], ["worse  made x PUB-01"])
    assert "**Against the baseline**" in text
    assert "worse  made x PUB-01" in text
    assert "baseline" not in markdown([made.all_pass()])


def test_nothing_from_outside_is_markup() -> None:
    case = made.hostile(Timeline())
    evil = type(case.violations[-1])("failed", ("PUB-03",), "x", "````\n</details>\n# owned")
    case = replace(case, violations=(*case.violations[:-1], evil))
    text = markdown([made.result(case, target=made.HOSTILE)])
    fence = re.search(r"^(`{3,})text$", text, re.MULTILINE)
    assert fence is not None
    outside = re.sub(r"(?ms)^(`{3,})text$.*?^\1$", "", text)
    assert "<script>" not in outside
    assert "owned" not in re.sub(r"<code>.*?</code>", "", outside)
    assert "\x00" not in text
    text.encode("utf-8")


@pytest.mark.parametrize("number", [40, 41])
def test_a_summary_stays_short(number: int) -> None:
    cases = [replace(made.undecided(), message=f"reason {one}") for one in range(number)]
    text = markdown([made.result(*cases)])
    assert text.count("<details>") == 40
    assert ("1 more is in the other reports." in text) == (number > 40)


def test_failures_alike_are_named_and_not_repeated() -> None:
    cases = [made.failed(Timeline(), f"made::broken_{number}") for number in range(30)]
    text = markdown([made.result(*cases)])
    assert text.count("<details>") == 1
    assert "And 29 more alike:" in text
    assert "<code>made&#58;&#58;broken&#95;20</code>, and 9 more" in text


def test_a_should_that_failed_is_said_so_in_the_table() -> None:
    result = made.all_pass()
    result.cases.append(made.advisory_failure())
    text = markdown([result])
    assert "1 failed (SHOULD)" in text.splitlines()[2]
    assert re.search(r"\| \*\*PUB\*\* .* hold, 1 failed \(SHOULD\) \|", text)


def test_what_the_kit_does_is_said() -> None:
    text = markdown([made.result(made.passed("PAT-01"), made.passed(), kit=("filtering",))])
    assert re.search(r"\*\*PAT\*\* Filtering \| 1 of \d+ hold, by the kit \|", text)
    assert ", 1 by the kit, " in text.splitlines()[2]
