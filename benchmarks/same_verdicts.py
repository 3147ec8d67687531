"""Compares the verdicts before a change with those after it.

BEFORE and AFTER are two JSON reports (`run --json`), two results of `self-test --json`, or two folders of
them, whose files are paired by name. Each line of the output is one difference: a case, a requirement, a
verdict or a mutant. Times, messages and histories may differ.

    python benchmarks/same_verdicts.py before.json after.json
    python benchmarks/same_verdicts.py before/ after/

Exits 0 if nothing differs, 1 if something does, 2 on wrong usage or a file that cannot be read, 3 if there
was nothing to compare, in all or in one of the pairs.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias, get_args

import msgspec

Kind: TypeAlias = Literal["case", "requirement", "verdict", "mutant"]
Facts: TypeAlias = Mapping[tuple[Kind, str], str]
"""The outcomes, by kind and name."""


# The part of a report, or of a self-test's result, that must not change.
class Violation(msgspec.Struct):
    requirement: str


class Case(msgspec.Struct):
    id: str
    outcome: str
    violations: tuple[Violation, ...]


class Requirement(msgspec.Struct):
    id: str
    outcome: str


class Target(msgspec.Struct):
    name: str


class Result(msgspec.Struct):
    target: Target
    verdict: str
    requirements: tuple[Requirement, ...]
    cases: tuple[Case, ...]


class Mutant(msgspec.Struct):
    name: str
    outcome: str
    charged: tuple[str, ...]
    message_found: bool


class Document(msgspec.Struct):
    results: tuple[Result, ...] | None = None
    mutants: tuple[Mutant, ...] | None = None


@dataclass
class Comparison:
    """The differences of two files or folders."""

    differences: list[str] = field(default_factory=list)
    uncompared: list[str] = field(default_factory=list)
    """The pairs in which nothing was judged on both sides."""
    compared: Counter[Kind] = field(default_factory=Counter)
    pairs: int = 0

    @property
    def exit_code(self) -> int:
        """Returns 1 if something differs, 3 if nothing was compared in all or in a pair, else 0."""
        if not self.compared.total():
            return 3
        if self.differences:
            return 1
        return 3 if self.uncompared else 0

    def add(self, before: Facts, after: Facts, place: str = "") -> None:
        """Compares one pair of files; `place` begins each line."""
        common = Counter(kind for kind, name in before if (kind, name) in after)
        self.pairs += 1
        self.compared += common
        if not common["case"] + common["mutant"]:
            self.uncompared.append(f"{place}expected a case or a mutant on both sides, got none")
        for kind, name in dict.fromkeys((*before, *after)):
            was, now = (side.get((kind, name), f"no such {kind}") for side in (before, after))
            if was != now:
                self.differences.append(f"{place}{name}: expected {was}, got {now}")

    def summary(self) -> str:
        """Counts the comparisons and the differences."""
        counts = ", ".join(_many(self.compared[kind], kind) for kind in get_args(Kind))
        differ = _many(len(self.differences), "difference")
        return f"compared {counts} in {_many(self.pairs, 'pair')} of files: {differ}"


def _many(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"


def read(file: Path) -> Facts:
    """Reads a file.

    Raises:
        OSError: it cannot be read.
        ValueError: it is neither a report nor a result of a self-test; the message names it.
    """
    try:
        document = msgspec.json.decode(file.read_bytes(), type=Document)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{file}: {error}") from error
    if document.results is None and document.mutants is None:
        raise ValueError(f"{file}: expected a report or the result of a self-test, got neither")
    facts: dict[tuple[Kind, str], str] = {}
    for kind, name, said in _said(document):
        if (kind, name) in facts:
            raise ValueError(f"{file}: expected each {kind} once, got {name} twice")
        facts[kind, name] = said
    return facts


def _said(document: Document) -> Iterator[tuple[Kind, str, str]]:
    for result in document.results or ():
        name = result.target.name
        yield "verdict", f"{name}: verdict", result.verdict
        for requirement in result.requirements:
            yield "requirement", f"{name}: requirement {requirement.id}", requirement.outcome
        for case in result.cases:
            charged = _charged(one.requirement for one in case.violations)
            yield "case", f"{name}: case {case.id}", f"{case.outcome}{charged}"
    for mutant in document.mutants or ():
        found = "message found" if mutant.message_found else "message not found"
        said = f"{mutant.outcome}{_charged(mutant.charged)} ({found})"
        yield "mutant", f"mutant {mutant.name}", said


def _charged(requirements: Iterable[str]) -> str:
    charged = " ".join(sorted(set(requirements)))
    return f" at {charged}" if charged else ""


def compare(before: Path, after: Path) -> Comparison:
    """Compares two files, or two folders file by file.

    Raises:
        OSError, ValueError: as `read` does; or one is a file, the other a folder.
    """
    found = Comparison()
    if before.is_dir() != after.is_dir():
        raise ValueError("expected two files or two folders, got one of each")
    if not before.is_dir():
        found.add(read(before), read(after))
        return found
    olds, news = _files(before), _files(after)
    for name in sorted(olds | news):
        if name in olds and name in news:
            found.add(read(before / name), read(after / name), f"{name}: ")
        else:
            was, now = ("a file" if name in side else "no such file" for side in (olds, news))
            found.differences.append(f"{name}: expected {was}, got {now}")
    return found


def _files(folder: Path) -> set[str]:
    return {file.relative_to(folder).as_posix() for file in folder.rglob("*.json")}


def main() -> None:
    """Runs the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("before", type=Path, metavar="BEFORE", help="a file, or a folder of them")
    parser.add_argument("after", type=Path, metavar="AFTER", help="what to compare with it")
    options = parser.parse_args()
    for path in (options.before, options.after):
        if not path.exists():
            parser.error(f"there is no {path}")
    try:
        found = compare(options.before, options.after)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    print(*found.differences, *found.uncompared, found.summary(), sep="\n")
    sys.exit(found.exit_code)


if __name__ == "__main__":
    main()
