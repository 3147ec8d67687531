"""What a person at a terminal sees of a run: its settings, its groups, every failure, the verdict."""

from __future__ import annotations

import textwrap
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from eventhook_conformance.report.failure import WIDTH, failure_text
from eventhook_conformance.results import CaseResult, RequirementResult, RunResult
from eventhook_conformance.specification.requirements import groups, specification_version
from eventhook_conformance.target import Capabilities

_COLOURS: Final = {"conformant": "green", "non-conformant": "red", "inconclusive": "yellow"}
_WORDS: Final = {"failed": "FAILED", "error": "undecided", "untested": "untested"}


def header(result: RunResult) -> Iterator[str]:
    """Which target, what it claims, and the effective settings."""
    settings = result.settings
    yield f"{result.target}  (specification {specification_version()})"
    if result.about:
        yield from _filled("  is        ", result.about)
    yield from _filled("  claims    ", claims(result.capabilities))
    narrowed = f", only -k {settings.selection!r}" if settings.selection else ""
    yield from _filled(
        "  settings  ",
        f"seed {settings.seed}, waits {settings.arrival_timeout_s:g} s for what must come, "
        f"listens {settings.settle_s:g} s for what must not{narrowed}",
    )
    if result.kit:
        yield from _filled("  kit       ", ", ".join(result.kit))


def claims(capabilities: Capabilities) -> str:
    """The claims that matter to a reader: the profiles, and what differs from the defaults."""
    plain = Capabilities().to_dict()
    parts = [" ".join(sorted(capabilities.profiles))]
    for name, value in capabilities.to_dict().items():
        if name != "profiles" and value != plain[name]:
            parts.append(f"{name}={value}")
    return ", ".join(parts)


def body(result: RunResult, *, verbose: bool = False) -> Iterator[str]:
    """A line for each group, then every failure in full."""
    by_group: dict[str, list[RequirementResult]] = defaultdict(list)
    for one in result.requirement_results():
        by_group[one.requirement.group].append(one)
    yield ""
    for group, title in groups().items():
        if any(one.outcome != "not_claimed" for one in by_group[group]):
            yield from _group(group, title, by_group[group], result, verbose)
    if result.unaudited:
        yield from _filled(
            "  unaudited ",
            f"{len(result.unaudited)} cases: the driver failed later, and what might still have "
            "come to them was not heard",
        )
    failed = [case for case in result.cases if case.outcome == "failed"]
    undecided = _alike(case for case in result.cases if case.outcome == "error")
    shown = [(case, 0) for case in failed] + [(alike[0], len(alike) - 1) for alike in undecided]
    for number, (case, others) in enumerate(shown, start=1):
        yield ""
        yield f"--- {number} of {len(shown)} ".ljust(WIDTH, "-")
        yield failure_text(case, result.invoked_as or result.target)
        if others:
            yield f"  and {others} other cases, for the same reason"


def _alike(cases: Iterable[CaseResult]) -> list[list[CaseResult]]:
    """Cases that say the same: a missing library keeps hundreds from being decided."""
    groups: dict[str | None, list[CaseResult]] = defaultdict(list)
    for case in cases:
        groups[case.message].append(case)
    return list(groups.values())


def _group(
    group: str,
    title: str,
    members: Sequence[RequirementResult],
    result: RunResult,
    verbose: bool,
) -> Iterator[str]:
    outcomes = Counter(member.outcome for member in members)
    cases = [case for case in result.cases if case.requirements[0].startswith(group)]
    seconds = sum(case.duration_s for case in cases)
    claimed = len(members) - outcomes["not_claimed"]
    ran = sum(case.outcome != "not_claimed" for case in cases)
    yield (
        f"  {group}  {title:<30.30} {outcomes['passed']:>3} of {claimed:<3} hold"
        f"  {ran:>4} cases  {seconds:6.2f} s"
    ).rstrip()
    for member in members:
        if member.outcome in _WORDS:
            should = " (SHOULD)" if member.requirement.level == "SHOULD" else ""
            word = _WORDS[member.outcome] + should
            yield f"       {member.requirement.id}  {word}  {member.requirement.title}"
        elif verbose:
            reason = f": {member.reason}" if member.reason else ""
            yield f"       {member.requirement.id}  {member.outcome.replace('_', ' ')}{reason}"


def verdict(result: RunResult) -> str:
    """The last line."""
    if result.unusable:
        return result.unusable
    outcomes = Counter(one.outcome for one in result.requirement_results())
    summary = result.summary
    ran = sum(summary.values()) - summary["not_claimed"]
    parts = [f"{outcomes['passed']} requirements hold"]
    if outcomes["failed"]:
        parts.append(f"{outcomes['failed']} do not")
    if undecided := outcomes["error"] + outcomes["untested"]:
        parts.append(f"{undecided} undecided")
    parts.append(f"{outcomes['not_claimed']} not claimed")
    held = ", ".join(parts)
    text = f"{result.target}: {result.verdict}: {held}; {ran} cases in {result.duration_s:.2f} s"
    return f"{text}; {result.suite_failure}" if result.suite_failure else text


def colour(result: RunResult) -> str:
    """The colour of a verdict."""
    return _COLOURS[result.verdict]


def _filled(label: str, text: str) -> Iterator[str]:
    yield from textwrap.wrap(text, WIDTH, initial_indent=label, subsequent_indent=" " * len(label))
