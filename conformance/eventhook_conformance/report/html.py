"""Writes one HTML page for people. It needs no network, no server and no other file.

The template escapes all text from outside. The page's own policy allows only its one script and its
one style.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial as partial_of
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from eventhook_conformance import __version__
from eventhook_conformance.checker import Violation
from eventhook_conformance.evidence import Diagram
from eventhook_conformance.report.causes import Cause, causes
from eventhook_conformance.report.console import claims
from eventhook_conformance.report.environment import environment
from eventhook_conformance.report.failure import rerun_command
from eventhook_conformance.report.html_tables import Links, case_rows, requirement_rows
from eventhook_conformance.report.pages import page_of
from eventhook_conformance.report.showing import breach_lines, diagram_of
from eventhook_conformance.report.text import counted, printable, shortened
from eventhook_conformance.report.wording import (
    SIGNS,
    WORDS,
    LooseEnd,
    advisory,
    holding,
    loose_ends,
    partial,
)
from eventhook_conformance.results import CaseResult, RunResult, specification_of
from eventhook_conformance.specification.requirements import (
    Requirement,
    requirements,
)

_PAGE: Final = Path(__file__).parent / "page"
_MOST_LETTERS: Final = 2000
"""The most letters of a message; the JSON report has it in full."""
_MOST_DRAWN: Final = 120
"""The most cases of a page with diagrams, so that the page of a very broken bus still opens."""


@dataclass(frozen=True)
class ViolationView:
    """One violation and what explains it."""

    requirements: tuple[Requirement, ...]
    expected: str
    seen: str
    diagram: Diagram | None
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Failure:
    """One case that failed or could not be decided."""

    anchor: str
    target: str
    case: CaseResult
    charged: tuple[str, ...]
    advisory: bool
    breaches: tuple[ViolationView, ...]
    again: str


@dataclass(frozen=True)
class CauseView:
    """Failures of one target that have one cause: the most telling one, and the others."""

    title: str
    telling: Failure
    alike: tuple[Failure, ...]


@dataclass(frozen=True)
class Card:
    """The verdict on one target."""

    result: RunResult
    counts: Counter[str]
    holding: str
    """How many requirements hold and do not."""
    partial: str | None
    claims: str
    ran: int
    ends: tuple[LooseEnd, ...]
    segments: tuple[tuple[str, float, float], ...]
    """Outcome, start and width of its part of the bar, in percent."""


def html(results: Sequence[RunResult], notes: Sequence[str] = ()) -> str:
    """Returns the page for all targets; `notes` are the lines of a baseline."""
    templates = Environment(
        loader=FileSystemLoader(_PAGE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: printable(value) if type(value) is str else value,
    )
    style, script = (
        Markup(source.read_text(encoding="utf-8"))  # noqa: S704  # files of ours, not from outside
        for source in (_PAGE / "page.css", _PAGE / "page.js")
    )
    templates.filters["rich"] = _rich
    templates.filters["breakable"] = _breakable
    docs_url = results[0].settings.docs_url if results else ""
    templates.filters["page"] = partial_of(page_of, docs_url=docs_url) if docs_url else _no_page
    found = [
        cause
        for place, result in enumerate(results)
        for cause in _causes(place, result, _MOST_DRAWN // len(results))
    ]
    failures = [failure for cause in found for failure in (cause.telling, *cause.alike)]
    cards = [_card(result) for result in results]
    page = templates.get_template("page.html.j2").render(
        cards=cards,
        groups=list(requirement_rows(results, _links(failures))),
        causes=found,
        failures=failures,
        cases=case_rows(results),
        slowest_s=max((case.duration_s for one in results for case in one.cases), default=0.0),
        notes=notes,
        signs=SIGNS,
        words=WORDS,
        counted=counted,
        style=style,
        script=script,
        style_hash=_hash(style),
        script_hash=_hash(script),
        suite=__version__,
        environment=environment(),
        specification=specification_of(results),
        total=_total(results),
    )
    return page + "\n"


def _no_page(_: str) -> str:
    return ""


def _hash(source: str) -> str:
    digest = hashlib.sha256(source.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"


def _total(results: Sequence[RunResult]) -> str:
    verdicts = Counter(result.verdict for result in results)
    if len(results) == 1:
        return f"{results[0].target}: {results[0].verdict}"
    return ", ".join(f"{count} {verdict}" for verdict, count in verdicts.most_common())


def _card(result: RunResult) -> Card:
    counts: Counter[str] = Counter(one.outcome for one in result.requirement_results())
    claimed = max(1, sum(counts.values()) - counts["not_claimed"])
    segments: list[tuple[str, float, float]] = []
    start = 0.0
    for outcome in ("passed", "failed", "error", "untested"):
        width = 100 * counts[outcome] / claimed
        if width:
            segments.append((outcome, round(start, 3), round(width, 3)))
        start += width
    return Card(
        result=result,
        counts=counts,
        holding=holding(result),
        partial=partial(result),
        claims=claims(result.capabilities),
        ran=sum(case.outcome != "not_claimed" for case in result.cases),
        ends=tuple(end for end in loose_ends(result) if not end.name.endswith(" is tested")),
        segments=tuple(segments),
    )


def _causes(place: int, result: RunResult, most_drawn: int) -> Iterator[CauseView]:
    # The most telling cases have their diagrams first.
    found = causes(result.cases)
    order = [cause.telling for cause in found] + [one for cause in found for one in cause.alike]
    made = {
        id(case): _failure(f"failure-{place}-{number}", result, case, drawn=number < most_drawn)
        for number, case in enumerate(order)
    }
    for cause in found:
        alike = tuple(made[id(case)] for case in cause.alike)
        yield CauseView(_cause_title(cause), made[id(cause.telling)], alike)


def _cause_title(cause: Cause) -> str:
    if cause.requirement is None:
        return "Undecided"
    return f"{cause.requirement.id} {cause.requirement.title}"


def _failure(anchor: str, result: RunResult, case: CaseResult, *, drawn: bool) -> Failure:
    return Failure(
        anchor=anchor,
        target=result.target,
        case=case,
        charged=case.charged,
        advisory=advisory(case),
        breaches=tuple(_breach(case, violation, drawn=drawn) for violation in case.violations),
        again=rerun_command(case, result.invoked_as or result.target),
    )


def _rich(text: str) -> Markup:
    """Escapes a text and turns what stands in backticks into code."""
    return Markup(re.sub("`([^`]+)`", r"<code>\1</code>", str(escape(printable(text)))))  # noqa: S704  # because: escaped first


def _breakable(text: str) -> Markup:
    """Escapes a name and lets a browser break it after its parts, never within a word."""
    return Markup(re.sub(r"(::|[_./,]|(?=\[))", r"\1<wbr>", str(escape(printable(text)))))  # noqa: S704  # because: escaped first


def _breach(case: CaseResult, violation: Violation, *, drawn: bool) -> ViolationView:
    return ViolationView(
        requirements=tuple(requirements(case.specification)[one] for one in violation.requirements),
        expected=shortened(violation.expected, _MOST_LETTERS),
        seen=shortened(violation.witnessed, _MOST_LETTERS),
        diagram=diagram_of(case, violation) if drawn else None,
        lines=tuple(breach_lines(case, violation)),
    )


def _links(failures: Sequence[Failure]) -> Links:
    """Lists the failures that charge a requirement, by the place of the target and requirement."""
    links: Links = defaultdict(list)
    for failure in failures:
        place = int(failure.anchor.split("-")[1])
        for identifier in failure.charged or failure.case.requirements:
            links[place, identifier].append((failure.anchor, failure.case.id))
    return links
