"""Leftovers: a run leaves only the requested files in the user's folder, and nothing open."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import configuration

from eventhook_conformance.programs.hypothesis_home import hypothesis_elsewhere, hypothesis_folder

PROGRAM = str(Path(sys.executable).with_name("eventhook-conformance"))
NOBODY = "http://127.0.0.1:9"
"""A proxy that is not there."""

SEARCHES = """
import hypothesis
from hypothesis import strategies as st
from eventhook_conformance.programs.hypothesis_home import hypothesis_elsewhere

# One draw in twenty asks for constants: this many draws ask for certain.
settings = hypothesis.settings(
    database=None, phases=[hypothesis.Phase.generate], max_examples=2000, deadline=None
)

def search():
    try:
        hypothesis.find(st.integers(), lambda one: False, settings=settings)
    except hypothesis.errors.NoSuchExample:
        pass
"""


@pytest.mark.parametrize(
    ("target", "selection"),
    [
        ("memory", "random_histories"),
        pytest.param("memory-server", "sse_document", marks=pytest.mark.timeout(180)),
    ],
)
def test_a_run_leaves_nothing_and_asks_nobody_but_the_target(
    target: str, selection: str, tmp_path: Path
) -> None:
    done = subprocess.run(
        [PROGRAM, "run", target, "-k", selection, "--examples", "20"],
        cwd=tmp_path,
        env={**os.environ, "HTTP_PROXY": NOBODY, "ALL_PROXY": NOBODY, "NO_PROXY": ""},
        check=False,
        capture_output=True,
        text=True,
        timeout=150,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "left open" not in done.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("moved", "left"), [(True, []), (False, [".hypothesis"])])
def test_it_is_the_moving_that_keeps_it_clean(moved: bool, left: list[str], tmp_path: Path) -> None:
    # A module of the user's own: its constants are what hypothesis remembers.
    (tmp_path / "mine.py").write_text(SEARCHES, encoding="utf-8")
    call = "with mine.hypothesis_elsewhere(): mine.search()" if moved else "mine.search()"
    subprocess.run(
        [sys.executable, "-B", "-c", f"import mine\n{call}"],
        cwd=tmp_path,
        env={"PATH": ""},
        check=True,
        timeout=60,
    )
    assert [one.name for one in tmp_path.iterdir() if one.name != "mine.py"] == left


def test_afterwards_hypothesis_keeps_its_files_where_it_did_before() -> None:
    before = configuration.storage_directory(intent_to_write=False).home_directory
    with hypothesis_elsewhere():
        inside = configuration.storage_directory(intent_to_write=False).home_directory
    assert inside == hypothesis_folder() != before
    assert configuration.storage_directory(intent_to_write=False).home_directory == before
