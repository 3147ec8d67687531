"""The measurements of each bus, and the page that is made of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, TypeAlias

import msgspec

from eventhook_conformance.report.console import claims
from eventhook_conformance.report.text import counted, printable
from eventhook_conformance.specification.requirements import requirements
from eventhook_conformance.target import Capabilities

_LONGEST_MESSAGE = 240
_MARKS: Mapping[str, str] = {"conformant": "✓", "non-conformant": "✗", "inconclusive": "?"}

Verdict: TypeAlias = Literal["conformant", "non-conformant", "inconclusive"]


class Breach(msgspec.Struct, frozen=True):
    """A requirement that does not hold, with one message that shows it."""

    requirement: str
    level: str
    title: str
    message: str


class Earlier(msgspec.Struct, frozen=True, kw_only=True):
    """An earlier outcome of a bus."""

    date: str
    specification: str
    about: str
    verdict: Verdict
    failed: tuple[str, ...]


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of one bus."""

    verdict: Verdict
    date: str
    specification: str
    claims: str
    about: str
    toolchain: str
    held: int
    failed: tuple[Breach, ...]
    undecided: tuple[str, ...]
    not_claimed: int
    cases: int
    seconds: int
    earlier: tuple[Earlier, ...] = ()
    """Its outcomes under other versions, the newest first."""

    def after(self, before: Measured | None) -> Measured:
        """Returns this, with what was measured before where that was another bus or specification."""
        if before is None:
            return self
        same = (before.specification, before.about, before.verdict) == (
            self.specification,
            self.about,
            self.verdict,
        )
        last = Earlier(
            date=before.date,
            specification=before.specification,
            about=before.about,
            verdict=before.verdict,
            failed=tuple(one.requirement for one in before.failed),
        )
        earlier = before.earlier if same else (last, *before.earlier)
        return msgspec.structs.replace(self, earlier=earlier)

    def profiles(self) -> dict[str, str]:
        """Returns the mark of each profile that it claims: ✓ where every MUST of it holds."""
        unmet = {one.requirement: "✗" for one in self.failed if one.level == "MUST"}
        unmet |= dict.fromkeys(self.undecided, "?")
        known = requirements()
        found = dict.fromkeys(self.claims.partition(",")[0].split(), "✓")
        for identifier, mark in unmet.items():
            profile = known[identifier].profile
            if found.get(profile) != "✗":
                found[profile] = mark
        return found


class Row(msgspec.Struct, frozen=True):
    """The page's remarks on a bus, beside its measurements."""

    name: str
    language: str
    library: str
    notes: str


def measured_from(report: Mapping[str, Any], toolchain: str) -> Measured:
    """Returns the results in the JSON report of one run."""
    [result] = report["results"]
    outcomes: dict[str, list[Mapping[str, Any]]] = {}
    for requirement in result["requirements"]:
        outcomes.setdefault(requirement["outcome"], []).append(requirement)
    failed = tuple(
        Breach(one["id"], one["level"], one["title"], _message_of(result, one["id"]))
        for one in outcomes.get("failed", [])
    )
    undecided = [*outcomes.get("error", []), *outcomes.get("untested", [])]
    return Measured(
        verdict=result["verdict"],
        date=result["environment"]["date"][:10],
        specification=result["specification"]["version"],
        claims=claims(Capabilities.from_dict(result["target"]["capabilities"])),
        about=result["target"]["about"] or "",
        toolchain=toolchain,
        held=len(outcomes.get("passed", [])),
        failed=failed,
        undecided=tuple(sorted(one["id"] for one in undecided)),
        not_claimed=len(outcomes.get("not_claimed", [])),
        cases=sum(case["outcome"] != "not_claimed" for case in result["cases"]),
        seconds=round(result["duration_s"]),
    )


def _message_of(result: Mapping[str, Any], requirement: str) -> str:
    """Returns the first message, of a case made for the requirement if there is one."""
    found = [
        (requirement not in case["requirements"], violation["message"])
        for case in result["cases"]
        for violation in case["violations"]
        if violation["requirement"] == requirement
    ]
    message: str = min(found, key=lambda one: one[0])[1]
    return shortened(message)


def shortened(text: str) -> str:
    """Returns the text in one line, cut where it gets long."""
    flat = " ".join(text.split())
    return flat if len(flat) <= _LONGEST_MESSAGE else flat[: _LONGEST_MESSAGE - 1].rstrip() + "…"


def safe(text: str) -> str:
    """Escapes a text from a bus for Markdown and for a cell of a table."""
    flat = " ".join(printable(text).split())
    escaped = re.sub(r"([\\`*_\[\]<>|#&])", r"\\\1", flat)
    # These have no backslash form in every Markdown.
    return re.sub(r"[~$@]", lambda found: f"&#{ord(found[0])};", escaped)


def page(rows: Sequence[Row], measured: Mapping[str, Measured], suite: str) -> str:
    """Returns the page about the buses that were measured."""
    shown = [(row, measured[row.name]) for row in rows if row.name in measured]
    lines = [
        "# Verdicts",
        "",
        f"Made by `python examples/verdicts.py` with {suite}: every bus in `examples/`,",
        "judged for what it claims, as its users have it. `python examples/verdicts.py NAME` renews one;",
        "`--broken` breaks each on purpose in one line, and sees its verdict turn.",
        "",
        "A profile has ✓ where every MUST of it holds, ✗ where one does not, and ? where one is undecided.",
        "The number is the version of the specification. To add a bus, see",
        "[submitting a verdict](submitting-a-verdict.md).",
        "",
        "| bus | verdict | profiles | library | held | failed |",
        "|---|---|---|---|---|---|",
    ]
    for row, found in shown:
        marks = ", ".join(f"{name} {mark}" for name, mark in found.profiles().items())
        cells = (
            f"[{safe(row.name)}](#{_anchor(row.name)})",
            f"{_MARKS[found.verdict]} {found.verdict}",
            f"{marks} · {found.specification}",
            f"{safe(row.library)} ({safe(row.language)})",
            str(found.held),
            _failed(found),
        )
        lines.append("| " + " | ".join(cells) + " |")
    for row, found in shown:
        lines += ["", *_section(row, found)]
    return "\n".join(lines) + "\n"


def _failed(found: Measured) -> str:
    """Says how many requirements failed, a SHOULD apart: it changes no verdict."""
    should = sum(one.level == "SHOULD" for one in found.failed)
    must = len(found.failed) - should
    if not should:
        return str(must)
    return f"{must}, and {should} (SHOULD)" if must else f"{should} (SHOULD)"


def _section(row: Row, found: Measured) -> Iterator[str]:
    yield f"## {safe(row.name)}"
    yield ""
    if row.notes:
        yield " ".join(row.notes.split())
        yield ""
    yield f"- claims: {safe(found.claims)}"
    with_what = ", ".join(one for one in (found.about, found.toolchain) if one)
    yield (
        f"- judged on {found.date} by specification {found.specification}, with {safe(with_what)}: "
        f"{counted(found.cases, 'case')} in {found.seconds} s, {found.not_claimed} requirements not claimed"
    )
    for breach in found.failed:
        should = " (SHOULD)" if breach.level == "SHOULD" else ""
        yield (f"- **{breach.requirement}**{should} {safe(breach.title)}: {safe(breach.message)}")
    if found.undecided:
        what = counted(len(found.undecided), "requirement")
        yield f"- {what} undecided, since no case came to its end: {', '.join(found.undecided)}"
    for one in found.earlier:
        failing = f"; not {', '.join(one.failed)}" if one.failed else ""
        yield (
            f"- before, on {one.date} by specification {one.specification}, with {safe(one.about)}: "
            f"{one.verdict}{failing}"
        )


def _anchor(name: str) -> str:
    """Returns the anchor that GitHub gives a heading."""
    return re.sub(r"[^\w-]", "", name.lower().replace(" ", "-"))
