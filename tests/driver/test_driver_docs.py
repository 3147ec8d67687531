"""The session in the docs is one that a driver really has."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SKELETON = ROOT / "examples" / "drivers" / "skeleton" / "driver.py"


def test_the_session_in_the_docs_is_true() -> None:
    text = (ROOT / "docs" / "drivers.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```\n(.*?)```", text, re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    asked = [line[2:] for line in lines if line.startswith("> ")]
    answers = [json.loads(line[2:]) for line in lines if line.startswith("< ")]
    done = subprocess.run(
        [sys.executable, str(SKELETON)],
        input="\n".join(asked) + "\n",
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert done.stderr == ""
    got = {answer["id"]: answer for answer in map(json.loads, done.stdout.splitlines())}
    assert len(answers) == len(got) == 9
    for answer in answers[1:]:  # the first says who it is: another one
        assert got[answer["id"]] == answer
