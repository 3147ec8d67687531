"""The pages for newcomers, done as a newcomer does: in an empty folder, word for word."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs").glob("getting-started-*.md"))

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

LIMIT_S = 300
"""Five minutes to the first verdict, as the pages promise."""


def commands(page: Path) -> str:
    text = page.read_text(encoding="utf-8")
    return "".join(re.findall(r"^```sh\n(.*?)^```", text, re.DOTALL | re.MULTILINE))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem.rpartition("-")[2])
def test_a_page_says_how_to_begin(page: Path) -> None:
    lines = commands(page).splitlines()
    assert lines[0] == "python3 -m venv .venv"
    assert any(" init --name acme-bus" in line for line in lines)


def test_the_python_page_leads_to_a_verdict(tmp_path: Path) -> None:
    folder = Path(sys.executable).resolve().parent
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands(ROOT / "docs" / "getting-started-python.md")],
        cwd=tmp_path,
        env={**os.environ, "SUITE": str(ROOT), "PATH": f"{folder}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    verdict = done.stdout.splitlines()[-1]
    assert re.match(r"acme-bus: conformant: \d+ requirements hold, 20 by the kit, ", verdict)
