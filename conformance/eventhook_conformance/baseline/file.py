"""Reads a baseline file strictly. Each table keeps its text, so that saving again keeps comments."""

from __future__ import annotations

import datetime
import json
import re
import tomllib
from collections.abc import Mapping
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
from eventhook_conformance.target import Capabilities

_MEMBERS: Final[Mapping[str, frozenset[str]]] = {
    "": frozenset({"schema", "specification", "target", "known", "flaky"}),
    "target": frozenset({"name", "claims", "run"}),
    "known": frozenset({"target", "case", "requirements", "reason", "link", "expires", "outcome"}),
}
_KINDS: Final = ("target", "known", "flaky")
TABLE: Final = re.compile(r"[ \t]*\[\[[ \t]*(target|known|flaky)[ \t]*\]\]")
"""The header of a table."""


def read_baseline(path: Path) -> Baseline:
    """Reads a baseline file.

    Raises:
        BrokenBaseline: it cannot be read or is not valid; the message says where.
    """
    text = _text(path)
    try:
        return parse(text)
    except BrokenBaseline as error:
        raise BrokenBaseline(f"{path}: {error}") from error


def read_either(path: Path) -> Baseline | dict[str, Observed]:
    """Reads a file that is either a baseline or a JSON report.

    Raises:
        BrokenBaseline: it is neither.
    """
    if not _text(path).lstrip().startswith("{"):
        return read_baseline(path)
    return read_report(path)


def read_report(path: Path) -> dict[str, Observed]:
    """Reads a JSON report.

    Raises:
        BrokenBaseline: it cannot be read or is not a JSON report.
    """
    try:
        return observed(json.loads(_text(path)))
    except BrokenBaseline as error:
        raise BrokenBaseline(f"{path}: {error}") from error
    except (ValueError, RecursionError) as error:
        raise BrokenBaseline(f"{path}: expected a JSON report of a run: {error}") from error


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise BrokenBaseline(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise BrokenBaseline(f"{path} is not UTF-8 text: {error.reason}") from error


def parse(text: str) -> Baseline:
    """Reads the text of a baseline file.

    Raises:
        BrokenBaseline: the text is not a valid baseline; the message says where.
    """
    try:
        values = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise BrokenBaseline(f"expected TOML: {error}") from error
    _check_members("", values)
    if values.get("schema") != 1:
        raise BrokenBaseline(f"expected schema = 1, got {values.get('schema')!r}")
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
                known = _known(one, line=line, text=block)
                if known.name in targets:
                    raise ValueError(f"target {known.name!r} is defined twice")
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
        raise BrokenBaseline(f"expected tables [[{kind}]], got {kind} = {found!r:.60}")
    return found


def _known(one: Mapping[str, Any], *, line: int | None, text: str | None) -> Known:
    _check_members("target", one)
    claims = one.get("claims", {})
    if not isinstance(claims, dict):
        raise BrokenBaseline(f"expected a table for claims, got {claims!r:.60}")
    return Known(
        name=_word(one, "name"),
        claims=Capabilities.from_dict(claims),
        run=_word(one, "run") if "run" in one else None,
        line=line,
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
        raise BrokenBaseline(f"expected requirements = ['PUB-01', …], got {identifiers!r:.60}")
    outcome = one.get("outcome", "failed")
    if outcome not in ("failed", "undecided", "untested"):
        raise BrokenBaseline(
            f"expected outcome 'failed', 'undecided' or 'untested', got {outcome!r:.60}"
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
        raise BrokenBaseline(f"expected text for {name}, got {value!r:.60}")
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
            f"expected a date for expires, such as 2027-01-31, got {value!r:.60}"
        ) from None


def _check_members(kind: str, values: Mapping[str, Any]) -> None:
    for name in values:
        if name not in _MEMBERS[kind]:
            raise BrokenBaseline(
                f"expected one of {', '.join(sorted(_MEMBERS[kind]))}, got {name!r}"
            )


# Comments: each table keeps its text as it stands, with the comments above it.


def _blocks(text: str) -> tuple[str, list[tuple[str, str, int]]]:
    """Splits a file into the text above the first table, and the tables: kind, text, line."""
    lines = re.split(r"(?<=\n)", text)
    starts: list[int] = []
    for number, line in enumerate(lines):
        # A line within a multi-line string may look like a table; the text before it is then no TOML.
        if TABLE.match(line) and _is_toml("".join(lines[starts[-1] if starts else 0 : number])):
            starts.append(number)
    tops = [_first_comment(lines, start) for start in starts]
    blocks = []
    for start, top, end in zip(starts, tops, [*tops, len(lines)][1:], strict=True):
        match = TABLE.match(lines[start])
        kind = match[1] if match else ""
        blocks.append((kind, "".join(lines[top:end]).strip("\n") + "\n", start + 1))
    return "".join(lines[: tops[0]] if tops else lines), blocks


def _is_toml(text: str) -> bool:
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return False
    return True


def _first_comment(lines: list[str], start: int) -> int:
    while start > 0 and lines[start - 1].lstrip().startswith("#"):
        start -= 1
    return start


def _placed(
    tables: list[tuple[str, dict[str, Any]]], blocks: list[tuple[str, str, int]]
) -> list[tuple[str, int]] | None:
    """Finds the text of each table and its line; None if a table is written in another way."""
    ordered = sorted(blocks, key=lambda block: _KINDS.index(block[0]))
    values = [tomllib.loads(text) for _, text, _ in ordered]
    if values != [{kind: [one]} for kind, one in tables]:
        return None
    return [(text, line) for _, text, line in ordered]
