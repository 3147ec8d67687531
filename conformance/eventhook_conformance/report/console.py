"""Prints a run for a person at a terminal: settings, groups, failures by cause, summary, verdict."""

from __future__ import annotations

import shlex
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from eventhook_conformance.report.causes import Cause, causes
from eventhook_conformance.report.environment import environment
from eventhook_conformance.report.failure import failure_text, run_command
from eventhook_conformance.report.text import WIDTH, counted, filled
from eventhook_conformance.report.wording import (
    holding,
    not_selected,
    partial,
    troubled,
    word,
)
from eventhook_conformance.results import CaseResult, RequirementResult, RunResult
from eventhook_conformance.specification.requirements import groups
from eventhook_conformance.target import Capabilities

Known = Callable[[CaseResult], bool]
"""Tells a failure that a baseline has recorded."""

_COLOURS: Final = {"conformant": "green", "non-conformant": "red", "inconclusive": "yellow"}
_WORDS: Final = {"failed": "FAILED", "error": "undecided", "untested": "untested"}
_MOST_IN_FULL: Final = 12
"""The most causes that are explained in full; the others are named."""
_MOST_UNTESTED: Final = 3
"""The most untested requirements of a group that have a line each."""
_MOST_SELECTED: Final = 6
"""The most requirements that the command to repeat names."""
_NEARLY_ALL: Final = 0.8
_FEW_CASES: Final = 10


def nothing_known(_: CaseResult) -> bool:
    """Returns the baseline of a run without one."""
    return False


def header(result: RunResult) -> Iterator[str]:
    """Names the target, its claims, the effective settings, and where and when it is judged."""
    settings = result.settings
    yield f"{result.target}  (specification {settings.specification})"
    if result.about:
        yield from filled("  is        ", result.about)
    yield from filled("  claims    ", claims(result.capabilities))
    left_out = partial(result)
    yield from filled(
        "  settings  ",
        f"seed {settings.seed}, timeout {settings.arrival_timeout_s:g} s, "
        f"settle {settings.settle_s:g} s, depth {settings.depth}{f', only {left_out}' if left_out else ''}",
    )
    if result.kit:
        yield from filled("  kit       ", ", ".join(result.kit))
    yield from filled("  run       ", environment().line)


def claims(capabilities: Capabilities) -> str:
    """Returns the profiles, and the claims that differ from the defaults."""
    plain = Capabilities().to_dict()
    parts = [" ".join(sorted(capabilities.profiles))]
    for name, value in capabilities.to_dict().items():
        if name != "profiles" and value != plain.get(name):
            parts.append(f"{name}={value}")
    return ", ".join(parts)


def body(
    result: RunResult, *, verbose: bool = False, is_known: Known = nothing_known
) -> Iterator[str]:
    """Prints a line for each group, then the failures by cause.

    With `verbose` it prints every requirement, and every failure in full.
    """
    yield ""
    if result.silent:
        yield from filled(
            "  ", "Nothing that was published ever arrived, so no other case was run."
        )
    else:
        yield from _groups(result, verbose)
    if result.unaudited:
        yield from filled(
            "  unaudited ",
            f"{counted(len(result.unaudited), 'case')}: the driver failed later, so events that "
            "came late to them could not be read",
        )
    if result.leaked:
        yield from filled(
            "  left open ", f"{', '.join(result.leaked)}, after the target was closed"
        )
    shown = [case for case in troubled(result) if verbose or not is_known(case)]
    hidden = len(troubled(result)) - len(shown)
    if hidden:
        yield from filled(
            "  known     ", f"{counted(hidden, 'case')} came out as recorded in the baseline"
        )
    yield from _hint(result, shown)
    yield from _failures(result, causes(shown), verbose)


def _groups(result: RunResult, verbose: bool) -> Iterator[str]:
    by_group: dict[str, list[RequirementResult]] = defaultdict(list)
    for one in result.requirement_results():
        by_group[one.requirement.group].append(one)
    for group, title in groups().items():
        if any(one.outcome != "not_claimed" for one in by_group[group]):
            yield from _group(group, title, by_group[group], result, verbose)


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
    width = max(map(len, groups().values()))
    by_kit = any(word(one, result) == "holds, by the kit" for one in members)
    yield (
        f"  {group}  {title:<{width}}  {outcomes['passed']:>3} of {claimed:<3} hold"
        f"  {ran:>4} {'case ' if ran == 1 else 'cases'}  {seconds:6.2f} s"
        f"{'  by the kit' if by_kit else ''}"
    )
    folded = outcomes["untested"] > _MOST_UNTESTED and not verbose
    for member in members:
        identifier = member.requirement.id
        if member.outcome in _WORDS and not (folded and member.outcome == "untested"):
            should = " (SHOULD)" if member.requirement.level == "SHOULD" else ""
            told = _WORDS[member.outcome] + should
            yield f"       {identifier}  {told}  {member.requirement.title}"
        elif verbose:
            reason = f": {member.reason}" if member.reason else ""
            told = "passed" if member.outcome == "passed" else word(member, result)
            yield from filled(
                f"       {identifier}  ", told + ("" if not_selected(member) else reason)
            )
    if folded:
        untested = [one.requirement.id for one in members if one.outcome == "untested"]
        yield from filled("       ", f"{len(untested)} untested: {', '.join(untested)}")


def _hint(result: RunResult, shown: Sequence[CaseResult]) -> Iterator[str]:
    ran = sum(case.outcome != "not_claimed" for case in result.cases)
    if len(shown) >= _FEW_CASES and len(shown) >= _NEARLY_ALL * ran:
        yield ""
        yield from filled(
            "  hint      ",
            f"Nearly all cases did not pass ({len(shown)} of {ran}). The first one below is "
            "probably the cause of the others: look into it first.",
        )


def _failures(result: RunResult, found: Sequence[Cause], verbose: bool) -> Iterator[str]:
    target, docs_url = result.invoked_as or result.target, result.settings.docs_url
    for number, cause in enumerate(found, start=1):
        title = f"--- {number} of {len(found)}"
        if cause.requirement is not None:
            title += f"  {cause.requirement.id}"
        if number > _MOST_IN_FULL and not verbose:
            yield f"{title}  {cause.telling.id}{_more(cause)}"
            continue
        yield ""
        title += f"  {counted(len(cause.cases), 'case')}" if cause.alike else ""
        yield f"{title} ".ljust(WIDTH, "-")
        yield failure_text(cause.telling, target, docs_url)
        if verbose:
            for case in cause.alike:
                yield ""
                yield failure_text(case, target, docs_url)
        elif cause.alike:
            yield f"  and {len(cause.alike)} more alike (-v prints them)"


def _more(cause: Cause) -> str:
    return f", and {len(cause.alike)} more alike" if cause.alike else ""


def summary(result: RunResult, *, is_known: Known = nothing_known) -> Iterator[str]:
    """Prints the requirements that do not hold, with the number of cases, and the command to repeat."""
    shown = [case for case in troubled(result) if not is_known(case)]
    if not shown:
        return
    counts = Counter(identifier for case in shown for identifier in case.charged)
    undecided = Counter(
        identifier for case in shown if not case.charged for identifier in case.requirements
    )
    yield ""
    for one in result.requirement_results():
        identifier = one.requirement.id
        found = counts[identifier] or undecided[identifier]
        if not found:
            continue
        should = " (SHOULD)" if one.requirement.level == "SHOULD" else ""
        told = "FAILED" if counts[identifier] else "undecided"
        title = f"{one.requirement.title}{should}, {counted(found, 'case')}"
        yield from filled(f"{told:<9}  {identifier}  ", title)
    yield f"{'again':<9}  {_again(result, [*counts, *undecided])}"


def _again(result: RunResult, identifiers: Sequence[str]) -> str:
    settings = result.settings
    command = run_command(
        result.invoked_as or result.target, settings.specification, settings.repeat_options
    )
    if result.silent:
        return command
    if len(identifiers) > _MOST_SELECTED:
        return f"{command} --last-failed"
    return f"{command} -k {shlex.quote(' or '.join(identifiers))}"


def verdict(result: RunResult) -> str:
    """Returns the last line."""
    if result.unusable:
        return result.unusable
    counts = result.summary
    ran = sum(counts.values()) - counts["not_claimed"]
    if result.settings.selection is not None and not result.cases and not result.suite_failure:
        return (
            f"{result.target}: {result.verdict}: -k {result.settings.selection!r} matches no case; "
            "`eventhook-conformance list cases` has them all"
        )
    part = f"partial ({partial(result)}): " if partial(result) else ""
    text = (
        f"{result.target}: {result.verdict}: {part}{holding(result)}; "
        f"{counted(ran, 'case')} in {result.duration_s:.2f} s"
    )
    return f"{text}; {result.suite_failure}" if result.suite_failure else text


def colour(result: RunResult) -> str:
    """Returns the colour of a verdict."""
    return _COLOURS[result.verdict]
