"""Measures every bus in the examples with `bench`, and writes docs/bench-results.md.

    python examples/bench_results.py                 # all of them, some 20 seconds each
    python examples/bench_results.py bubus rabbitmq  # renews two; the others stay as they were measured
    python examples/bench_results.py --page          # writes the page again, of what was measured before

Run it on a quiet machine. The buses are those of the `verdicts.toml` files; see `verdicts.py`.

Exit: 2 wrong usage, or a `verdicts.toml` that cannot be read · 3 a bus could not be measured, for want of a
toolchain or a server · 0 all is well.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import click
from bench_results_page import Bench, bench_from, page
from bus_scripts import DOCS, choose, help_text, measure_each, read_kept, write_kept
from verdicts_measuring import Entry, Unmeasured, build, call, surroundings

SECONDS = 15
LIMIT_S = 300.0


def measure(entry: Entry) -> Bench:
    """Builds a bus and measures it.

    Raises:
        Unmeasured: that was not possible.
    """
    bus, folder = entry.bus, entry.folder
    with (
        surroundings(bus.needs) as environment,
        tempfile.TemporaryDirectory(prefix="eventhook-bench-") as place,
    ):
        build(bus, folder, environment)
        file = Path(place) / "bench.json"
        command = [sys.executable, "-m", "eventhook_conformance", "bench", bus.target]
        began = time.perf_counter()
        _, output = call(
            [*command, "--seconds", str(SECONDS), "--json", str(file)],
            folder, environment, LIMIT_S,
        )  # fmt: skip
        took_s = time.perf_counter() - began
        if not file.exists():
            lines = output.strip().splitlines() or ["it said nothing"]
            raise Unmeasured(lines[-1])
        return bench_from(json.loads(file.read_text(encoding="utf-8")), took_s)


def read_measured(file: Path) -> dict[str, Bench]:
    """Returns the earlier measurements."""
    return read_kept(file, Bench)


def write(entries: Sequence[Entry], measured: Mapping[str, Bench], docs: Path) -> None:
    """Writes the page and its data."""
    kept = write_kept(docs / "bench-results.json", entries, measured)
    libraries = {entry.bus.name: entry.bus.library for entry in entries}
    (docs / "bench-results.md").write_text(page(kept, libraries), encoding="utf-8")


def renew(chosen: Sequence[Entry], entries: Sequence[Entry]) -> int:
    """Measures the chosen buses; returns the exit code."""
    measured = read_measured(DOCS / "bench-results.json")

    def one(entry: Entry) -> str:
        found = measured[entry.bus.name] = measure(entry)
        return f"{found.verdict}, in {found.took_s:.0f} s"

    return measure_each(chosen, one, lambda: write(entries, measured, DOCS))


@click.command(
    help=help_text(__doc__),
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.argument("names", nargs=-1)
@click.option("--page", "only_page", is_flag=True, help="Write the page again; measure nothing.")
def main(names: tuple[str, ...], only_page: bool) -> None:
    entries, chosen = choose(names)
    if only_page:
        write(entries, read_measured(DOCS / "bench-results.json"), DOCS)
        return
    sys.exit(renew(chosen, entries))


if __name__ == "__main__":
    main()
