"""Writes Markdown for reviewers: the summary of a GitHub step, a comment on a pull request."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from eventhook_conformance import __version__
from eventhook_conformance.report.causes import Cause, causes
from eventhook_conformance.report.console import claims
from eventhook_conformance.report.environment import environment
from eventhook_conformance.report.failure import failure_text
from eventhook_conformance.report.text import counted, printable
from eventhook_conformance.report.wording import (
    SIGNS,
    advisory,
    holding,
    loose_ends,
    partial,
    standing,
    troubled,
    word,
)
from eventhook_conformance.results import RunResult, Verdict, specification_of
from eventhook_conformance.specification.requirements import groups

_MARKS: Final[dict[Verdict, str]] = {
    "conformant": "✅",
    "non-conformant": "❌",
    "inconclusive": "⚠️",
}
_MOST_FAILURES: Final = 40
"""The most causes in full for each target: GitHub refuses a summary of more than 1 MiB."""
_MOST_ALIKE: Final = 20
"""The most cases that are named as alike."""


def markdown(results: Sequence[RunResult], notes: Sequence[str] = ()) -> str:
    """Returns the report: verdicts, the lines of a baseline, groups side by side, folded failures."""
    lines = ["## Event bus conformance", ""]
    for result in results:
        lines += _verdict(result)
    if notes:
        lines += ["", "**Against the baseline**", "", *_block(notes)]
    lines += ["", *_groups(results), ""]
    broken = [one for one in results if troubled(one)]
    for result in broken:
        lines += _failures(result)
    made = environment()
    lines.append(
        f"<sub>specification {specification_of(results)} · eventhook-conformance {__version__} · "
        f"{_html(made.line)} · {_code(made.command)}</sub>"
    )
    return "\n".join(lines) + "\n"


def _verdict(result: RunResult) -> Iterator[str]:
    ran = sum(case.outcome != "not_claimed" for case in result.cases)
    left_out = partial(result)
    part = f" · partial ({_code(left_out)})" if left_out else ""
    yield (
        f"- {_MARKS[result.verdict]} {_code(result.target)}: **{result.verdict}**{part} · "
        f"{holding(result)} · {counted(ran, 'case')} in {result.duration_s:.2f} s "
        f"· claims {_code(claims(result.capabilities))}"
    )
    for end in loose_ends(result):
        yield f"  - {_code(end.message)}"


def _groups(results: Sequence[RunResult]) -> Iterator[str]:
    """Makes a row for each group that any target claims, and for each requirement that does not hold."""
    yield "| requirement | " + " | ".join(_code(one.target) for one in results) + " |"
    yield "|---|" + "---|" * len(results)
    table = [{one.requirement.id: one for one in run.requirement_results()} for run in results]
    for group, title in groups().items():
        members = [identifier for identifier in table[0] if identifier.startswith(group)]
        columns = [[column[one] for one in members] for column in table]
        if all(one.outcome == "not_claimed" for column in columns for one in column):
            continue
        cells = [standing(run, column) for run, column in zip(results, columns, strict=True)]
        yield f"| **{group}** {title} | " + " | ".join(cells) + " |"
        for identifier in members:
            outcomes = [column[identifier].outcome for column in table]
            if not {"failed", "error", "untested"}.isdisjoint(outcomes):
                requirement = table[0][identifier].requirement
                level = " (SHOULD)" if requirement.level == "SHOULD" else ""
                row = " | ".join(
                    f"{SIGNS[column[identifier].outcome]} {word(column[identifier], run)}"
                    for run, column in zip(results, table, strict=True)
                )
                yield f"| {identifier} {_cell(requirement.title)}{level} | {row} |"


def _failures(result: RunResult) -> Iterator[str]:
    cases = troubled(result)
    found = causes(cases)
    yield f"### {_code(result.target)}: {counted(len(cases), 'case')} that did not pass"
    yield ""
    for cause in found[:_MOST_FAILURES]:
        case = cause.telling
        yield f"<details><summary>{_summary(cause)}</summary>"
        yield ""
        yield from _block(
            failure_text(
                case, result.invoked_as or result.target, result.settings.docs_url
            ).splitlines()
        )
        if cause.alike:
            yield ""
            yield f"And {len(cause.alike)} more alike:"
            yield ""
            named = [_code(one.id) for one in cause.alike[:_MOST_ALIKE]]
            rest = len(cause.alike) - len(named)
            yield ", ".join(named) + (f", and {rest} more" if rest else "")
        yield ""
        yield "</details>"
    if len(found) > _MOST_FAILURES:
        yield ""
        more = counted(len(found) - _MOST_FAILURES, "more is", "more are")
        yield f"{more} in the other reports."
    yield ""


def _summary(cause: Cause) -> str:
    case = cause.telling
    if case.outcome == "error":
        state = "undecided"
    else:
        state = ", ".join(case.charged) + (" (SHOULD)" if advisory(case) else "")
    more = f", and {len(cause.alike)} more alike" if cause.alike else ""
    return f"<code>{_html(case.id)}</code> {state}{more}"


def _block(lines: Sequence[str]) -> Iterator[str]:
    """Returns lines as a code block; its fence is longer than any in them, so that none ends the block."""
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
    """Escapes a text for HTML, Markdown and a cell of a table."""
    flat = " ".join(printable(text).split())
    return re.sub(r"[&<>\"'`|*_\\\[\]@#~:$]", lambda found: f"&#{ord(found[0])};", flat)
