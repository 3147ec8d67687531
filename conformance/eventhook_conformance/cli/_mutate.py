"""`mutate`: finds bugs that the suite misses, by mutants of a target's own code."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import click
import msgspec

from eventhook_conformance.engine.resolve_target import TargetNotFound, find_target
from eventhook_conformance.engine.selection import WrongSelection
from eventhook_conformance.report.text import counted
from eventhook_conformance.report.writing import write_whole
from eventhook_conformance.selftest.mutation_run import (
    LIMIT_S,
    MutantFate,
    NoSource,
    examine_mutants,
)


class Equivalent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A mutant that behaves as the original does, and why."""

    module: str
    function: str
    before: str
    after: str
    reason: str


class _Equivalents(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    equivalent: list[Equivalent]


@click.command()
@click.argument("target")
@click.argument("modules", nargs=-1, required=True, metavar="MODULE...")
@click.option(
    "--equivalent",
    "equivalent_file",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="TOML file of mutants that are equivalent, with reasons.",
)
@click.option("-k", "selection", metavar="EXPR", help="Only cases that match, as for `run`.")
@click.option("--workers", type=click.IntRange(min=1), help="Processes. [default: processors]")
@click.option(
    "--limit",
    type=click.FloatRange(min=0, min_open=True),
    default=LIMIT_S,
    show_default=True,
    metavar="SECONDS",
    help="Limit for one mutant.",
)
@click.option(
    "--json",
    "json_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the fate of each mutant as JSON.",
)
def mutate(
    target: str,
    modules: tuple[str, ...],
    equivalent_file: Path | None,
    selection: str | None,
    workers: int | None,
    limit: float,
    json_file: Path | None,
) -> None:
    """Runs the suite on mutants of the MODULEs of a TARGET.

    Each mutant differs from a module in one place. A mutant that survives shows
    a missing check, dead code, or an equivalent change; --equivalent names the
    last kind, with reasons.

    \b
    Exits 0 if all mutants are caught or equivalent, 1 if some survive, 2 on
    wrong usage. Example:
      eventhook-conformance mutate memory eventhook_reference.channel eventhook_reference.memory
    """
    known = _equivalents(equivalent_file) if equivalent_file is not None else []
    try:
        find_target(target)
        fates = []
        for fate in examine_mutants(
            target, modules, selection=selection, workers=workers, limit_s=limit
        ):
            fates.append(fate)
            if fate.fate == "survived" and _reason(fate, known) is None:
                click.echo(f"survived  {fate.module}, {fate.mutation}")
    except (TargetNotFound, NoSource, WrongSelection) as error:
        raise click.UsageError(str(error)) from error
    survivors = [one for one in fates if one.fate == "survived"]
    unexplained = [one for one in survivors if _reason(one, known) is None]
    counts = Counter(one.fate for one in fates)
    caught = len(fates) - len(survivors)
    click.echo(
        f"{counted(len(fates), 'mutant')}: {caught} caught "
        f"({counts['timed out']} by a time limit, {counts['unusable']} unusable), "
        f"{len(survivors) - len(unexplained)} equivalent, {len(unexplained)} survived"
    )
    for one in _unused(known, fates):
        click.echo(
            f"note: there is no mutant {one.module} {one.function}: {one.before!r} -> {one.after!r}"
        )
    if json_file is not None:
        write_whole(json_file, _json(fates, known))
    sys.exit(1 if unexplained else 0)


def _equivalents(path: Path) -> list[Equivalent]:
    try:
        return msgspec.toml.decode(path.read_bytes(), type=_Equivalents).equivalent
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise click.BadParameter(f"{path}: {error}", param_hint="--equivalent") from error


def _reason(fate: MutantFate, known: Sequence[Equivalent]) -> str | None:
    for one in known:
        if (one.module, one.function, one.before, one.after) == _key(fate):
            return one.reason
    return None


def _key(fate: MutantFate) -> tuple[str, str, str, str]:
    return fate.module, fate.mutation.function, fate.mutation.before, fate.mutation.after


def _unused(known: Sequence[Equivalent], fates: Sequence[MutantFate]) -> list[Equivalent]:
    keys = {_key(one) for one in fates}
    return [one for one in known if (one.module, one.function, one.before, one.after) not in keys]


def _json(fates: Sequence[MutantFate], known: Sequence[Equivalent]) -> str:
    mutants = [
        {
            "module": one.module,
            **msgspec.to_builtins(one.mutation),
            "fate": one.fate,
            "reason": _reason(one, known) or one.reason,
        }
        for one in sorted(fates, key=lambda one: (one.module, one.mutation.line))
    ]
    return json.dumps({"schema": 1, "mutants": mutants}, indent=2, ensure_ascii=True) + "\n"
