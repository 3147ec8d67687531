"""The baseline as a file: TOML that people edit, review and merge. Comments survive being saved again."""

from __future__ import annotations

import datetime
import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from eventhook_conformance.baseline.known import (
    Baseline,
    BrokenBaseline,
    Entry,
    Known,
    Observed,
    observed,
)
from eventhook_conformance.report.text import printable
from eventhook_conformance.target import Capabilities

_HEAD: Final = """\
# What is known not to hold. `eventhook-conformance run --baseline` fails only on what is not in here,
# and on what should no longer be: an entry that passes now, has expired, or names nothing.
#
# [[known]]  target, case (left out: any case), requirements, reason; if wanted link, expires (a date,
#            the last day on which it is accepted), outcome ("undecided" or "untested").
# [[flaky]]  the same, for what comes and goes: it may fail and may pass.
"""
_MEMBERS: Final[Mapping[str, frozenset[str]]] = {
    "": frozenset({"schema", "specification", "target", "known", "flaky"}),
    "target": frozenset({"name", "claims", "run"}),
    "known": frozenset({"target", "case", "requirements", "reason", "link", "expires", "outcome"}),
}
_TABLE: Final = re.compile(r"\[\[(target|known|flaky)\]\]\s*(?:#.*)?")


def read_baseline(path: Path) -> Baseline:
    """A baseline file.

    Raises:
        BrokenBaseline: it cannot be read, or holds what it should not; the message says where.
    """
    text = _text(path)
    try:
        return parse(text)
    except BrokenBaseline as error:
        raise BrokenBaseline(f"{path}: {error}") from error


def read_either(path: Path) -> Baseline | dict[str, Observed]:
    """A baseline file or a JSON report, whichever it is.

    Raises:
        BrokenBaseline: it is neither.
    """
    if not _text(path).lstrip().startswith("{"):
        return read_baseline(path)
    return read_report(path)


def read_report(path: Path) -> dict[str, Observed]:
    """A JSON report.

    Raises:
        BrokenBaseline: it cannot be read, or is none.
    """
    try:
        return observed(json.loads(_text(path)))
    except BrokenBaseline as error:
        raise BrokenBaseline(f"{path}: {error}") from error
    except (ValueError, RecursionError) as error:
        raise BrokenBaseline(f"{path}: this is no JSON report of a run: {error}") from error


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise BrokenBaseline(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise BrokenBaseline(f"{path} is no UTF-8 text: {error.reason}") from error


def parse(text: str) -> Baseline:
    """Reads the text of a baseline file.

    Raises:
        BrokenBaseline: it is not as it should be.
    """
    try:
        values = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise BrokenBaseline(f"this is no TOML: {error}") from error
    _check_members("", values)
    if values.get("schema") != 1:
        raise BrokenBaseline(f"schema is {values.get('schema')!r}; right would be 1")
    head, blocks = _blocks(text)
    tables = [(kind, one) for kind in ("target", "known", "flaky") for one in _list(values, kind)]
    placed = _placed(tables, blocks)
    targets: dict[str, Known] = {}
    entries: list[Entry] = []
    for number, (kind, one) in enumerate(tables):
        block, line = placed[number] if placed else (None, None)
        where = f"line {line}" if line else f"[[{kind}]] {one.get('case') or one.get('name')!r}"
        try:
            if kind == "target":
                known = _known(one, block)
                if known.name in targets:
                    raise ValueError(f"target {known.name!r} stands here twice")
                targets[known.name] = known
            else:
                entries.append(_entry(one, flaky=kind == "flaky", line=line, text=block))
        except ValueError as error:
            raise BrokenBaseline(f"{where}: {error}") from error
    return Baseline(
        specification=_word(values, "specification"),
        targets=targets,
        entries=tuple(entries),
        kept=True,
        head=head if placed or not tables else None,
    )


def _list(values: Mapping[str, Any], kind: str) -> list[dict[str, Any]]:
    found = values.get(kind, [])
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise BrokenBaseline(f"{kind} is {found!r:.60}; right would be tables [[{kind}]]")
    return found


def _known(one: Mapping[str, Any], text: str | None) -> Known:
    _check_members("target", one)
    claims = one.get("claims", {})
    if not isinstance(claims, dict):
        raise BrokenBaseline(f"claims is {claims!r:.60}; right would be a table")
    return Known(
        name=_word(one, "name"),
        claims=Capabilities.from_dict(claims),
        run=_word(one, "run") if "run" in one else None,
        text=text,
    )


def _entry(one: Mapping[str, Any], *, flaky: bool, line: int | None, text: str | None) -> Entry:
    _check_members("known", one)
    identifiers = one.get("requirements")
    if (
        not isinstance(identifiers, list)
        or not identifiers
        or not all(isinstance(each, str) for each in identifiers)
    ):
        raise BrokenBaseline(
            f"requirements is {identifiers!r:.60}; right would be IDs, such as ['PUB-01']"
        )
    outcome = one.get("outcome", "failed")
    if outcome not in ("failed", "undecided", "untested"):
        raise BrokenBaseline(
            f"outcome is {outcome!r}; right would be 'failed', 'undecided' or 'untested'"
        )
    return Entry(
        target=_word(one, "target"),
        case=_word(one, "case") if "case" in one else None,
        requirements=tuple(identifiers),
        outcome=outcome,
        reason=_word(one, "reason"),
        link=_word(one, "link") if "link" in one else None,
        expires=_day(one.get("expires")),
        flaky=flaky,
        line=line,
        text=text,
    )


def _word(values: Mapping[str, Any], name: str) -> str:
    value = values.get(name)
    if not isinstance(value, str) or not value.strip():
        raise BrokenBaseline(f"{name} is {value!r:.60}; right would be a text")
    return value


def _day(value: object) -> datetime.date | None:
    if value is None or (
        isinstance(value, datetime.date) and not isinstance(value, datetime.datetime)
    ):
        return value
    try:
        return datetime.date.fromisoformat(str(value))
    except ValueError:
        raise BrokenBaseline(
            f"expires is {value!r:.60}; right would be a date, such as 2027-01-31"
        ) from None


def _check_members(kind: str, values: Mapping[str, Any]) -> None:
    for name in values:
        if name not in _MEMBERS[kind]:
            raise BrokenBaseline(
                f"there is no member {name!r}; there are {', '.join(sorted(_MEMBERS[kind]))}"
            )


# Comments: the text of each table is kept as it stands, with the comments above it.


def _blocks(text: str) -> tuple[str, list[tuple[str, str, int]]]:
    """What stands above the first table, then each table: its kind, text, and line."""
    lines = text.splitlines(keepends=True)
    starts = [number for number, line in enumerate(lines) if _TABLE.fullmatch(line.strip())]
    tops = [_top(lines, start) for start in starts]
    blocks = []
    for start, top, end in zip(starts, tops, [*tops[1:], len(lines)], strict=True):
        match = _TABLE.fullmatch(lines[start].strip())
        kind = match[1] if match else ""
        blocks.append((kind, "".join(lines[top:end]).strip("\n") + "\n", start + 1))
    return "".join(lines[: tops[0]] if tops else lines), blocks


def _top(lines: list[str], start: int) -> int:
    while start > 0 and lines[start - 1].lstrip().startswith("#"):
        start -= 1
    return start


def _placed(
    tables: list[tuple[str, dict[str, Any]]], blocks: list[tuple[str, str, int]]
) -> list[tuple[str, int]] | None:
    """The text of each table and its line; None if the text does not divide as the tables do."""
    ordered = sorted(blocks, key=lambda block: ("target", "known", "flaky").index(block[0]))
    if len(ordered) != len(tables):
        return None
    for (kind, one), (_, text, _) in zip(tables, ordered, strict=True):
        try:
            if tomllib.loads(text) != {kind: [one]}:
                return None
        except tomllib.TOMLDecodeError:
            return None
    return [(text, line) for _, text, line in ordered]


# Writing


def dump(baseline: Baseline) -> str:
    """The text of the file: the targets, then what is known, by target, case and requirement."""
    head = baseline.head if baseline.head is not None else _HEAD + "\nschema = 1\n"
    stated = f"specification = {_quoted(baseline.specification)}"
    if re.search(r"(?m)^specification\s*=.*$", head):
        head = re.sub(r"(?m)^specification\s*=.*$", lambda _: stated, head)
    else:
        head = f"{head.rstrip()}\n{stated}\n"
    return "\n".join([head.rstrip("\n") + "\n", *_tables(baseline)])


def _tables(baseline: Baseline) -> Iterator[str]:
    for known in sorted(baseline.targets.values(), key=lambda one: one.name):
        yield known.text or _target_text(known)
    for entry in sorted(baseline.entries, key=_place):
        yield entry.text or _entry_text(entry)


def _place(entry: Entry) -> tuple[bool, str, str, tuple[str, ...]]:
    return entry.flaky, entry.target, entry.case or "", entry.requirements


def _target_text(known: Known) -> str:
    plain = Capabilities().to_dict()
    lines = ["[[target]]", f"name = {_quoted(known.name)}"]
    if known.run is not None:
        lines.append(f"run = {_quoted(known.run)}")
    for name, value in known.claims.to_dict().items():
        if name == "profiles" or value != plain[name]:
            lines.append(f"claims.{name} = {json.dumps(value)}")
    return "\n".join(lines) + "\n"


def _entry_text(entry: Entry) -> str:
    lines = ["[[flaky]]" if entry.flaky else "[[known]]", f"target = {_quoted(entry.target)}"]
    if entry.case is not None:
        lines.append(f"case = {_quoted(entry.case)}")
    lines.append(f"requirements = [{', '.join(map(_quoted, entry.requirements))}]")
    if entry.outcome != "failed":
        lines.append(f"outcome = {_quoted(entry.outcome)}")
    lines.append(f"reason = {_quoted(entry.reason)}")
    if entry.link is not None:
        lines.append(f"link = {_quoted(entry.link)}")
    if entry.expires is not None:
        lines.append(f"expires = {entry.expires.isoformat()}")
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    """A TOML string; what cannot be seen, or not be carried, is written out."""
    return json.dumps(printable(text).replace("\x7f", "\\x7f"), ensure_ascii=False)
