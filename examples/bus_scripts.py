"""Chooses buses and keeps their measurements, for the scripts that measure every example bus."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec
from verdicts_measuring import Entry, Unmeasured, read_entries

EXAMPLES = Path(__file__).parent
DOCS = EXAMPLES.parent / "docs"

T = TypeVar("T")


def help_text(doc: str | None) -> str:
    """Returns a script's docstring as its help, with the lines of commands as they are."""
    return (doc or "").replace("\n\n    python", "\n\n\b\n    python")


def choose(names: Sequence[str]) -> tuple[list[Entry], list[Entry]]:
    """Returns all buses, and those of these names; all where there is no name.

    Raises:
        click.UsageError: a `verdicts.toml` cannot be read, or there is no bus of a name.
    """
    try:
        entries = read_entries(EXAMPLES)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    known = {entry.bus.name for entry in entries}
    if unknown := [name for name in names if name not in known]:
        raise click.UsageError(f"no bus {', '.join(unknown)}; there are {', '.join(sorted(known))}")
    return entries, [entry for entry in entries if not names or entry.bus.name in names]


def read_kept(file: Path, kind: type[T]) -> dict[str, T]:
    """Returns the earlier measurements, by the name of the bus; none without a file.

    Raises:
        ValueError: the file is not what `write_kept` writes.
    """
    if not file.exists():
        return {}
    buses: Any = json.loads(file.read_text(encoding="utf-8"))["buses"]
    return msgspec.convert(buses, dict[str, kind])  # type: ignore[valid-type]  # because: a type of run time


def write_kept(file: Path, entries: Sequence[Entry], measured: Mapping[str, T]) -> dict[str, T]:
    """Writes the measurements of these buses, in their order, and returns them."""
    names = [entry.bus.name for entry in entries if entry.bus.name in measured]
    kept = {name: measured[name] for name in names}
    told = {"schema": 1, "buses": msgspec.to_builtins(kept)}
    file.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return kept


def measure_each(
    chosen: Sequence[Entry], measure: Callable[[Entry], str], write: Callable[[], None]
) -> int:
    """Measures buses, and tells of each; returns the exit code.

    Args:
        chosen: the buses.
        measure: measures one, keeps the result and returns it in a few words.
        write: writes all that is kept. Called after each: an hour of building is not lost by Ctrl-C.
    """
    missed = 0
    for entry in chosen:
        name = entry.bus.name
        try:
            told = measure(entry)
        except Unmeasured as error:
            missed += 1
            click.echo(f"NOT MEASURED: {name}: {error}", err=True)
        else:
            click.echo(f"{name}: {told}")
        write()
    return 3 if missed else 0
