"""Writes the baseline file. Comments and the order of the tables stay as people left them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import tomlkit
from tomlkit.items import Table

from eventhook_conformance.baseline.file import TABLE
from eventhook_conformance.baseline.known import Baseline, Entry, Known
from eventhook_conformance.report.text import printable
from eventhook_conformance.target import Capabilities

_HEAD: Final = """\
# Known failures. `eventhook-conformance run --baseline` fails on any other failure,
# and on an entry that passes now, has expired or names nothing.
#
# [[known]]  target, case (without it: any case), requirements, reason; optional:
#            link, expires (a date, the last day on which the failure is accepted),
#            outcome ("undecided" or "untested").
# [[flaky]]  The same, for a failure that comes and goes.

schema = 1
"""


def dump(baseline: Baseline) -> str:
    """Writes the text of the file. Tables keep their order; a new one follows the last of its kind."""
    head = tomlkit.parse(baseline.head if baseline.head is not None else _HEAD)
    head["specification"] = baseline.specification
    blocks: list[Known | Entry] = [*baseline.targets.values(), *baseline.entries]
    blocks.sort(key=lambda one: (one.line is None, one.line or 0, _order(one)))
    ordered: list[Known | Entry] = []
    for one in blocks:
        places = [at for at, other in enumerate(ordered) if _section(other) == _section(one)]
        ordered.insert(places[-1] + 1 if places and not one.line else len(ordered), one)
    return "\n".join([head.as_string().rstrip("\n") + "\n", *map(_block, ordered)])


def _order(one: Known | Entry) -> tuple[bool, bool, tuple[str, ...]]:
    """Sorts new tables: targets, known, flaky."""
    if isinstance(one, Known):
        return False, False, (one.name,)
    return True, one.flaky, (one.target, one.case or "", *one.requirements)


def _section(one: Known | Entry) -> tuple[str, ...]:
    return ("target",) if isinstance(one, Known) else (_kind(one), one.target)


def _kind(one: Known | Entry) -> str:
    if isinstance(one, Known):
        return "target"
    return "flaky" if one.flaky else "known"


def _block(one: Known | Entry) -> str:
    """Writes one table; comments and members that did not change stay as they stand."""
    kind = _kind(one)
    if one.text is None:
        document, tables, table = tomlkit.document(), tomlkit.aot(), tomlkit.table()
        tables.append(table)
        document.append(kind, tables)
    else:
        header = re.compile(TABLE.pattern, re.MULTILINE)
        document = tomlkit.parse(header.sub(f"[[{kind}]]", one.text, count=1))
        table = document[kind][0]
    _update(table, _target_values(one) if isinstance(one, Known) else _entry_values(one))
    return document.as_string()


def _update(table: Table, wanted: Mapping[str, Any]) -> None:
    for name in [name for name in table if name not in wanted]:
        del table[name]
    for name, value in wanted.items():
        if not isinstance(value, dict):
            if name not in table or table[name] != value:
                table[name] = value
        elif name in table:
            _update(table[name], value)
        else:
            for member, claimed in value.items():
                table.append(tomlkit.key([name, member]), claimed)


def _target_values(known: Known) -> dict[str, Any]:
    plain = Capabilities().to_dict()
    claims = known.claims.to_dict()
    return {
        "name": printable(known.name),
        **({"run": printable(known.run)} if known.run is not None else {}),
        "claims": {
            name: value
            for name, value in claims.items()
            if name == "profiles" or value != plain.get(name)
        },
    }


def _entry_values(entry: Entry) -> dict[str, Any]:
    values = {
        "target": printable(entry.target),
        "case": None if entry.case is None else printable(entry.case),
        "requirements": [printable(one) for one in entry.requirements],
        "outcome": None if entry.outcome == "failed" else entry.outcome,
        "reason": printable(entry.reason),
        "link": None if entry.link is None else printable(entry.link),
        "expires": entry.expires,
    }
    return {name: value for name, value in values.items() if value is not None}
