"""Makes the pages of the specification: one for each requirement, an index, and the words."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Any, Final

from eventhook_conformance.cases import catalog
from eventhook_conformance.selftest.examine import registered_mutants
from eventhook_conformance.specification import Instance
from eventhook_conformance.specification.requirements import (
    Requirement,
    asked_in,
    groups,
    requirements,
    versions,
    words,
)
from eventhook_conformance.target import Mutant

_MARKS: Final = {"MUST": "", "SHOULD": " *(SHOULD)*"}

_RANKED_LOW: Final = ("---", "search: {boost: 0.3}", "---", "")
"""Begins a page that the search shows after the guides: by its ID it is found all the same."""


def path_of(identifier: str) -> str:
    """Returns the path of a requirement's page."""
    return f"requirements/{identifier}.md"


def pages(docs: Path) -> Mapping[str, str]:
    """Returns the pages by path.

    Args:
        docs: the folder that has the verdicts.
    """
    cases = _by_requirement((one, one.case.requirements) for one in catalog().values())
    mutants = _by_requirement((one, one.caught_by) for one in registered_mutants().values())
    failing = _failing(docs / "verdicts.json")
    drawings = json.loads((docs / "histories.json").read_text(encoding="utf-8"))
    found = {
        path_of(one.id): "\n".join(
            _page(one, cases[one.id], mutants[one.id], failing[one.id], drawings.get(one.id))
        )
        for one in requirements().values()
    }
    found["specification.md"] = "\n".join(_index())
    found["words.md"] = "\n".join(_words())
    return found


def _by_requirement(pairs: Iterable[tuple[Any, Iterable[str]]]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = defaultdict(list)
    for one, identifiers in pairs:
        for identifier in identifiers:
            found[identifier].append(one)
    return found


def _failing(file: Path) -> dict[str, list[tuple[str, str]]]:
    """Returns the buses that fail each requirement, with a message that shows it."""
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for name, bus in json.loads(file.read_text(encoding="utf-8"))["buses"].items():
        for breach in bus["failed"]:
            found[breach["requirement"]].append((name, breach["message"]))
    return found


def _page(
    one: Requirement,
    cases: list[Instance],
    mutants: list[Mutant],
    failing: list[tuple[str, str]],
    drawing: Mapping[str, str] | None,
) -> Iterator[str]:
    yield from _RANKED_LOW
    yield f"# {one.id} {_safe(one.title)}"
    yield ""
    yield f'!!! abstract "{one.level}"'
    yield f"    {one.text}"
    yield ""
    yield f"**Why.** {one.why}"
    yield ""
    needs = ", ".join(
        f"{name}={' or '.join(map(str, values))}" for name, values in one.needs.items()
    )
    facts = {
        "Group": groups()[one.group],
        "Profile": f"{one.profile}, and every driver" if one.drivers else one.profile,
        "Needs": f"the claim {needs}" if needs else "nothing more",
        "Since": f"specification {one.since}",
        "Source": one.source,
    }
    yield '<dl class="facts" markdown="0">'
    for name, value in facts.items():
        yield f"<dt>{name}</dt><dd>{escape(value)}</dd>"
    yield "</dl>"
    yield ""
    yield f"All of the group are in the [specification](../specification.md#{one.group.lower()})."
    yield from _versions(one)
    yield from _cases(one, cases)
    yield from _drawing(drawing)
    yield from _mutants(mutants)
    yield from _buses(failing)


def _versions(one: Requirement) -> Iterator[str]:
    """Tells what each version of the specification asks."""
    yield ""
    yield "## By version of the specification"
    yield ""
    for version in reversed(versions()):
        if not asked_in(one.since, version):
            yield f"- **{version}** does not ask it."
        elif (text := requirements(version)[one.id].text) == one.text:
            yield f"- **{version}** asks it as above."
        else:
            yield f"- **{version}** says: {text}"


def _cases(one: Requirement, cases: list[Instance]) -> Iterator[str]:
    by_name: dict[str, list[Instance]] = defaultdict(list)
    for instance in cases:
        by_name[instance.case.name].append(instance)
    yield ""
    yield f"## Cases that test it: {len(cases)}"
    yield ""
    yield "```"
    yield f"eventhook-conformance run TARGET -k {one.id}"
    yield "```"
    yield ""
    for name, instances in by_name.items():
        shows = " ".join((instances[0].body.__doc__ or "").partition("\n\n")[0].split())
        times = f" ({len(instances)} sets of parameters)" if len(instances) > 1 else ""
        later = instances[0].case.since
        since = f" Since specification {later}." if later not in (one.since, versions()[0]) else ""
        yield f"- `{name}`{times}: {_safe(shows)}{since}"


def _drawing(drawing: Mapping[str, str] | None) -> Iterator[str]:
    """Shows a history that breaks it, as the suite's own page draws it."""
    if drawing is None:
        return
    yield ""
    yield "## How a bus that breaks it looks"
    yield ""
    yield f"The bug `{drawing['mutant']}`, as `{drawing['case']}` sees it."
    yield ""
    yield f"Expected: {_safe(drawing['expected'])}  "
    yield f"Seen: {_safe(drawing['seen'])}"
    yield ""
    flat = re.sub(r"\s*\n\s*", "", drawing["svg"])
    label = "Sequence diagram, scrolls sideways"
    yield f'<div class="drawn" markdown="0" tabindex="0" role="group" aria-label="{label}">{flat}</div>'


def _mutants(mutants: list[Mutant]) -> Iterator[str]:
    yield ""
    yield f"## Bugs that it catches: {len(mutants)}"
    yield ""
    if not mutants:
        yield "No mutant is named for it alone."
        return
    yield "Each is a broken bus that the suite must catch by this requirement. Judge one with"
    yield "`eventhook-conformance self-test NAME`."
    yield ""
    yield "| mutant | the bug | the message says |"
    yield "|---|---|---|"
    for one in mutants:
        yield f"| `{one.name}` | {_safe(one.bug)} | {_safe(one.seen)} |"


def _buses(failing: list[tuple[str, str]]) -> Iterator[str]:
    yield ""
    yield f"## Buses that fail it: {len(failing)}"
    yield ""
    if not failing:
        yield "None of those in the [table of verdicts](../verdicts.md)."
    for name, message in failing:
        yield f"- [{name}](../verdicts.md#{name}): {_safe(message)}"


def _index() -> Iterator[str]:
    yield "# The specification"
    yield ""
    yield f"Released versions: {', '.join(versions())}. A released version never changes."
    yield "`run TARGET --specification VERSION` judges by an earlier one."
    for group, title in groups().items():
        yield ""
        yield f"## {group} {title} {{: #{group.lower()} }}"
        yield ""
        yield "| | | profile | since |"
        yield "|---|---|---|---|"
        for one in requirements().values():
            if one.group == group:
                link = f"[{one.id}]({path_of(one.id)})"
                yield f"| {link} | {_safe(one.title)}{_MARKS[one.level]} | {one.profile} | {one.since} |"


def _words() -> Iterator[str]:
    yield "# Words"
    yield ""
    yield "The requirements use these words in a sense of their own. The words of the code are in the"
    yield "[glossary](contributing.md#glossary)."
    yield ""
    yield "| word | meaning |"
    yield "|---|---|"
    for word, meaning in words().items():
        yield f"| {word} | {_safe(meaning)} |"


def _safe(text: str) -> str:
    """Returns text that stays one cell of a table; code in backticks stays code."""
    parts = re.split(r"(`[^`]*`)", " ".join(text.split()))
    return (
        "".join(
            part if part.startswith("`") else re.sub(r"([\\*_\[\]<>|#&])", r"\\\1", part)
            for part in parts
        )
        .replace("|", r"\|")
        .replace(r"\\|", r"\|")
    )
