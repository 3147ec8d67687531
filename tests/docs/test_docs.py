"""The documents against the code: options, commands, links and figures."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import click
import pytest

from eventhook_conformance.cli._main import main
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


def unknown_words(text: str) -> list[str]:
    """Returns the commands and options of a page that the command line does not have."""
    found: list[str] = []
    for call in re.findall(r"eventhook-conformance ([a-z-](?:\\\n|[^\n`|&;>#])*)", text):
        command: click.Command | None = main
        for word in re.sub(r"\"[^\"]*\"|'[^']*'|\\", "", call).split():
            if isinstance(command, click.Group) and not word.startswith("-"):
                command = command.get_command(click.Context(command), word)
            known = {"-h", "--help"} if command is not None else set()
            for parameter in command.params if command is not None else ():
                known.update(parameter.opts)
            if command is None or (word.startswith("-") and word not in known):
                found.append(f"{word} in {call!r}")
            if command is None or command.name == "driver-check":  # the rest is the driver's
                break
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_and_option_that_is_named_exists(page: Path) -> None:
    assert unknown_words(page.read_text(encoding="utf-8")) == []


def test_an_unknown_command_and_an_unknown_option_are_found() -> None:
    assert unknown_words("`eventhook-conformance walk memory`") != []
    assert unknown_words("eventhook-conformance run memory \\\n  --fast") != []
    assert unknown_words("eventhook-conformance baseline save a.toml --last-failed") != []
    assert unknown_words("eventhook-conformance baseline save a.toml --runs 5  # --fast") == []


def test_the_table_of_mutants_has_them_all() -> None:
    table = (ROOT / "docs" / "mutants.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^\| `([^`]+)`", table, flags=re.MULTILINE))
    assert listed == set(registered_mutants()), (
        "write the table again: eventhook-conformance self-test --table docs/mutants.md"
    )


def without_verb(bugs: Iterable[str]) -> list[str]:
    """Returns the bug lines that do not say first what the mutant does."""
    return [bug for bug in bugs if not re.match(r"(Never [a-z]+s|[A-Z][a-z]+(?<!s)s) ", bug)]


def test_each_mutant_says_first_what_it_does() -> None:
    assert without_verb(mutant.bug for mutant in registered_mutants().values()) == []


def test_a_bug_without_its_verb_is_found() -> None:
    bugs = ["An event is dropped.", "Closing drops it.", "Never wakes a reader.", "Drops it."]
    assert without_verb(bugs) == bugs[:2]


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
