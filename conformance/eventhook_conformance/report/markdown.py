"""Markdown for people who review: the summary of a GitHub step, a comment on a pull request."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from eventhook_conformance.report.console import claims
from eventhook_conformance.report.failure import failure_text
from eventhook_conformance.report.standing import SIGNS, WORDS, advisory, loose_ends, troubled
from eventhook_conformance.report.text import counted, printable
from eventhook_conformance.results import CaseResult, RequirementOutcome, RunResult, Verdict
from eventhook_conformance.specification.requirements import groups, specification_version

_MARKS: Final[dict[Verdict, str]] = {
    "conformant": "✅",
    "non-conformant": "❌",
    "inconclusive": "⚠️",
}
_COUNTED: Final[dict[RequirementOutcome, str]] = {
    "passed": "hold",
    "failed": "do not",
    "error": "undecided",
    "untested": "untested",
    "not_claimed": "not claimed",
}
_MOST_FAILURES: Final = 40
"""In full for each target: GitHub refuses a summary of more than 1 MiB."""


def markdown(results: Sequence[RunResult], notes: Sequence[str] = ()) -> str:
    """The report: the verdicts, what a baseline says of them, the groups side by side, failures folded."""
    lines = ["## Event bus conformance", ""]
    for result in results:
        lines += _verdict(result)
    if notes:
        lines += ["", "**Against the baseline**", "", *_block(notes)]
    lines += ["", *_groups(results), ""]
    broken = [one for one in results if troubled(one)]
    for result in broken:
        lines += _failures(result)
    lines.append(f"<sub>specification {specification_version()}</sub>")
    return "\n".join(lines) + "\n"


def _verdict(result: RunResult) -> Iterator[str]:
    outcomes = Counter(one.outcome for one in result.requirement_results())
    parts = [f"{outcomes[one]} {words}" for one, words in _COUNTED.items() if outcomes[one]]
    held = ", ".join(parts)
    ran = sum(case.outcome != "not_claimed" for case in result.cases)
    yield (
        f"- {_MARKS[result.verdict]} {_code(result.target)}: **{result.verdict}** · requirements: "
        f"{held} · {counted(ran, 'case')} in {result.duration_s:.2f} s "
        f"· claims {_code(claims(result.capabilities))}"
    )
    for end in loose_ends(result):
        yield f"  - {_code(end.message)}"


def _groups(results: Sequence[RunResult]) -> Iterator[str]:
    """A row for each group that any target claims, then one for each requirement that does not hold."""
    yield "| requirement | " + " | ".join(_code(one.target) for one in results) + " |"
    yield "|---|" + "---|" * len(results)
    table = [{one.requirement.id: one for one in run.requirement_results()} for run in results]
    for group, title in groups().items():
        members = [identifier for identifier in table[0] if identifier.startswith(group)]
        counts = [Counter(column[one].outcome for one in members) for column in table]
        if all(count["not_claimed"] == len(members) for count in counts):
            continue
        cells = []
        for count in counts:
            claimed = len(members) - count["not_claimed"]
            cells.append(f"{count['passed']} of {claimed} hold" if claimed else "not claimed")
        yield f"| **{group}** {title} | " + " | ".join(cells) + " |"
        for identifier in members:
            outcomes = [column[identifier].outcome for column in table]
            if not {"failed", "error", "untested"}.isdisjoint(outcomes):
                requirement = table[0][identifier].requirement
                should = " (SHOULD)" if requirement.level == "SHOULD" else ""
                row = " | ".join(f"{SIGNS[one]} {WORDS[one]}" for one in outcomes)
                yield f"| {identifier} {_cell(requirement.title)}{should} | {row} |"


def _failures(result: RunResult) -> Iterator[str]:
    cases = troubled(result)
    yield f"### {_code(result.target)}: {counted(len(cases), 'case')} that did not pass"
    yield ""
    for case in cases[:_MOST_FAILURES]:
        yield f"<details><summary>{_summary(case)}</summary>"
        yield ""
        yield from _block(failure_text(case, result.invoked_as or result.target).splitlines())
        yield ""
        yield "</details>"
    if len(cases) > _MOST_FAILURES:
        yield ""
        yield f"{len(cases) - _MOST_FAILURES} more are in the other reports."
    yield ""


def _summary(case: CaseResult) -> str:
    if case.outcome == "error":
        state = "undecided"
    else:
        found = (one for violation in case.violations for one in violation.requirements)
        state = ", ".join(dict.fromkeys(found)) + (" (SHOULD)" if advisory(case) else "")
    return f"<code>{_html(case.id)}</code> {state}"


def _block(lines: Sequence[str]) -> Iterator[str]:
    """Lines that nothing in them can break out of: the fence is longer than any within."""
    body = [printable(line) for line in lines]
    longest = max((len(run) for run in re.findall("`+", "\n".join(body))), default=0)
    fence = "`" * max(3, longest + 1)
    yield f"{fence}text"
    yield from body
    yield fence


def _code(text: str) -> str:
    return f"<code>{_html(text)}</code>"


def _cell(text: str) -> str:
    return _html(text)


def _html(text: str) -> str:
    """Text that is text in HTML, in Markdown and in a cell of a table."""
    flat = " ".join(printable(text).split())
    return re.sub(r"[&<>\"'`|*_\\\[\]@#~:$]", lambda found: f"&#{ord(found[0])};", flat)
