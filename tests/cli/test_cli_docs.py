"""`docs`: the pages that come with the package, by name."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from click.testing import CliRunner

from eventhook_conformance.cli import main
from eventhook_conformance.cli._docs import pages
from eventhook_conformance.cli._scaffold import templates

ROOT = Path(__file__).parents[2]


def call(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(main, ["docs", *arguments])
    return done.exit_code, done.output


def test_all_pages_are_named_with_their_titles() -> None:
    code, told = call()
    assert code == 0
    assert re.search(r"^kit +The kit: from a client library to a target$", told, re.MULTILINE)
    assert len(told.splitlines()) == len(pages()) > 15


def test_a_page_is_printed_as_it_is() -> None:
    text = (ROOT / "docs" / "kit.md").read_text(encoding="utf-8")
    assert call("kit") == call("kit.md") == (0, text)


def test_a_page_that_is_not_there_is_told_by_its_neighbour() -> None:
    code, told = call("kitt")
    assert code == 2
    assert "no page 'kitt'; did you mean kit?" in told


def test_what_init_writes_points_to_pages_of_the_wheel() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    shipped = project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    named = 0
    for template in templates().values():
        for path, text in template.files("my-bus").items():
            assert not re.search(r"\bdocs/[\w-]+\.md", text), path
            for page in re.findall(r"eventhook-conformance docs ([\w-]+)", text):
                assert f"docs/{page}.md" in shipped, path
                named += 1
    assert named > 0
