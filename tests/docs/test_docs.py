"""The documents against the code: options, commands, links and figures."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from eventhook_conformance.selftest.examine import registered_mutants
from eventhook_conformance.specification.requirements import requirements

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def commands(text: str) -> list[str]:
    return [line for line in text.splitlines() if ".venv/bin/" in line]


def test_ci_runs_the_commands_of_the_readme_word_for_word() -> None:
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    assert len(commands(README)) == 2
    for command in commands(README):
        assert command in ci


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8"))
    for target in targets:
        if not target.startswith(("http://", "https://")):
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_requirement_that_is_named_exists(page: Path) -> None:
    groups = "|".join(sorted({one.group for one in requirements().values()}))
    named = set(re.findall(rf"\b(?:{groups})-\d\d\b", page.read_text(encoding="utf-8")))
    assert named <= set(requirements())


def test_the_table_of_mutants_has_them_all() -> None:
    table = (ROOT / "docs" / "mutants.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^\| `([^`]+)`", table, flags=re.MULTILINE))
    assert listed == set(registered_mutants()), (
        "write the table again: eventhook-conformance self-test --table docs/mutants.md"
    )


def test_the_smallest_target_runs_as_it_stands() -> None:
    command = [sys.executable, "-m", "eventhook_conformance", "run", "my_bus_target:target"]
    done = subprocess.run(
        [*command, "-q", "-k", "PUB-01"],
        cwd=ROOT / "examples",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("my-bus: conformant")


def test_the_glossary_is_in_order_and_has_each_word_once() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    glossary = text.partition("## Glossary")[2]
    listed = re.findall(r"^\| ([a-z][^|]*?) \|", glossary, flags=re.MULTILINE)[1:]
    assert listed == sorted(listed)
    assert len(listed) == len(set(listed)) > 50
