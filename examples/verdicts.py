"""Judges every bus in the examples and writes docs/verdicts.md; each is told of in a `verdicts.toml`.

    python examples/verdicts.py                 # all of them
    python examples/verdicts.py bubus rabbitmq  # renews two; the others stay as they were measured
    python examples/verdicts.py --broken        # breaks each in one line and sees its verdict turn
    python examples/verdicts.py --page          # writes the page again, of what was measured before

The targets in Python need `pip install -r examples/targets/requirements.txt`.

Exit: 2 wrong usage, or a `verdicts.toml` that cannot be read · 1 a broken bus did not turn · 3 something
could not be measured, for want of a toolchain or a server · 0 all is well.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import click
from bus_scripts import DOCS, choose, help_text, measure_each, read_kept, write_kept
from verdicts_measuring import (
    REFERENCES,
    Entry,
    Unmeasured,
    broken_outcomes,
    measure,
)
from verdicts_page import Measured, Row, measured_from, page, safe

from eventhook_conformance import __version__
from eventhook_conformance.report.submission import read_about
from eventhook_conformance.specification.requirements import specification_version


def read_measured(file: Path) -> dict[str, Measured]:
    """Returns the earlier measurements; none without a file.

    Raises:
        ValueError: the file is not what this script writes.
    """
    return read_kept(file, Measured)


def read_submitted(folder: Path) -> dict[str, tuple[Row, Measured]]:
    """Returns the vendors' submissions by the name of the bus; `verdict check` reads the same files.

    Raises:
        NotReadable: a file has a wrong form.
    """
    found = {}
    for file in sorted(folder.glob("*.toml")):
        about = read_about(file)
        report = json.loads(file.with_suffix(".json").read_text(encoding="utf-8"))
        notes = f"Submitted by {safe(about.by)}; from {safe(about.source)}. {safe(about.notes)}"
        row = Row(about.name, about.language, about.library, notes.strip())
        found[about.name] = row, measured_from(report, "")
    return found


def write(entries: Sequence[Entry], measured: Mapping[str, Measured], docs: Path) -> None:
    """Writes the page and its data."""
    suite = f"eventhook-conformance {__version__}, specification {specification_version()}"
    kept = write_kept(docs / "verdicts.json", entries, measured)
    rows = [Row(one.bus.name, one.bus.language, one.bus.library, one.bus.notes) for one in entries]
    for name, (row, found) in read_submitted(docs / "submitted").items():
        rows.append(row)
        kept[name] = found
    (docs / "verdicts.md").write_text(page(rows, kept, suite), encoding="utf-8")


def renew(chosen: Sequence[Entry], entries: Sequence[Entry]) -> int:
    measured = read_measured(DOCS / "verdicts.json")

    def one(entry: Entry) -> str:
        name = entry.bus.name
        found = measured[name] = measure(entry).after(measured.get(name))
        failed = ", ".join(each.requirement for each in found.failed)
        return f"{found.verdict}, {found.held} hold{failed and '; not ' + failed}"

    return measure_each(chosen, one, lambda: write(entries, measured, DOCS))


def break_all(chosen: Sequence[Entry]) -> int:
    codes = {0}
    for entry in chosen:
        name, broken = entry.bus.name, entry.bus.broken
        try:
            before, after = broken_outcomes(entry)
        except Unmeasured as error:
            codes.add(3)
            click.echo(f"NOT MEASURED: {name}: {error}", err=True)
            continue
        turned = (before, after) == ("passed", "failed")
        codes.add(0 if turned else 1)
        what = "turned" if turned else "DID NOT TURN"
        click.echo(f"{name}: {what}: {broken and broken.turns} {before}, broken {after}")
    return 1 if 1 in codes else max(codes)


@click.command(
    help=help_text(__doc__),
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.argument("names", nargs=-1)
@click.option("--broken", is_flag=True, help="Break each in one line and see its verdict turn.")
@click.option("--page", "only_page", is_flag=True, help="Write the page again; measure nothing.")
def main(names: tuple[str, ...], broken: bool, only_page: bool) -> None:
    entries, chosen = choose(names)
    if only_page:
        write(entries, read_measured(DOCS / "verdicts.json"), DOCS)
        return
    if broken and not names:
        chosen = [entry for entry in chosen if entry.bus not in REFERENCES]
    sys.exit(break_all(chosen) if broken else renew(chosen, entries))


if __name__ == "__main__":
    main()
