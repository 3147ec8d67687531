"""The GitHub Action, run step by step as a runner would, and the definition of the container image."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
ACTION = ROOT / ".ci" / "action"
IMAGE = ROOT / ".ci" / "image"


def action() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ACTION / "action.yml").read_text(encoding="utf-8"))
    return found


def given(value: str, inputs: dict[str, str]) -> str:
    """Returns the value that a runner gives an expression of the action."""
    assert set(re.findall(r"inputs\.(\w+)", value)) <= set(action()["inputs"])
    here = f"{ACTION}/../.."
    value = re.sub(
        r"\$\{\{ inputs\.(\w+) \|\| format\('\{0\}/\.\./\.\.', github\.action_path\) \}\}",
        lambda found: inputs[found[1]] or here,
        value,
    )
    return re.sub(r"\$\{\{ inputs\.(\w+) \}\}", lambda found: inputs[found[1]], value)


def run_step(step: dict[str, Any], folder: Path, **inputs: str) -> tuple[int, str, dict[str, str]]:
    """Runs a step; returns its exit code, its standard output, and its outputs."""
    defaults = {name: one.get("default", "") for name, one in action()["inputs"].items()}
    output = folder / "output"
    output.touch()
    environment = {
        **os.environ,
        **{name: given(value, {**defaults, **inputs}) for name, value in step["env"].items()},
        "PATH": f"{folder / 'bin'}:{Path(sys.executable).parent}:{os.environ['PATH']}",
        "GITHUB_ACTION_PATH": str(ACTION),
        "GITHUB_OUTPUT": str(output),
        "GITHUB_STEP_SUMMARY": str(folder / "summary.md"),
    }
    done = subprocess.run(
        ["bash", "-eo", "pipefail", "-c", step["run"]],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    told = dict(line.split("=", 1) for line in output.read_text(encoding="utf-8").splitlines())
    return done.returncode, done.stdout + done.stderr, told


def test_it_installs_this_repository_with_the_extras_or_what_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    fake = tmp_path / "bin" / "python"
    fake.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n', encoding="utf-8")
    fake.chmod(0o755)
    install, _ = action()["runs"]["steps"]
    told = run_step(install, tmp_path)[1].splitlines()
    assert told[:4] == ["-m", "pip", "install", "--quiet"]
    assert Path(told[4].removesuffix("[nats]")).resolve() == ROOT
    assert run_step(install, tmp_path, install="x.whl", extras="")[1].splitlines()[4] == "x.whl"


@pytest.mark.slow
def test_it_judges_and_says_the_verdict(tmp_path: Path) -> None:
    judge = action()["runs"]["steps"][1]
    code, told, outputs = run_step(
        judge, tmp_path, targets="memory", options="-k 'PUB-01 or PUB-02' -q"
    )
    assert (code, outputs) == (0, {"verdict": "conformant"}), told
    names = {one.name for one in (tmp_path / "conformance-reports").iterdir()}
    assert names == {"report.json", "junit.xml", "report.html", "badge.json"}
    assert "Event bus conformance" in (tmp_path / "summary.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_it_fails_as_the_run_does(tmp_path: Path) -> None:
    judge = action()["runs"]["steps"][1]
    source = (ROOT / "examples" / "lazy_bus_target.py").read_text(encoding="utf-8")
    (tmp_path / "lazy.py").write_text(source, encoding="utf-8")
    code, _, outputs = run_step(judge, tmp_path, targets="lazy:target", options="-k PUB-04 -q")
    assert (code, outputs) == (1, {"verdict": "non-conformant"})


def test_nothing_that_is_given_is_run_as_a_command(tmp_path: Path) -> None:
    judge = action()["runs"]["steps"][1]
    code, _, outputs = run_step(judge, tmp_path, targets="'x; touch owned' $(touch owned)")
    assert (code, outputs["verdict"]) == (2, "none")
    assert not (tmp_path / "owned").exists()
    for step in action()["runs"]["steps"]:
        assert "${{" not in step["run"], "an expression in a script can be made to run anything"


def test_the_page_names_the_inputs_and_outputs() -> None:
    page = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `(\w+)` \|", page, flags=re.MULTILINE)) == set(action()["inputs"])
    for name in action()["outputs"]:
        assert f"`{name}`" in page


def test_the_image_is_made_of_what_there_is() -> None:
    """Its building needs a registry for the base, so its parts are looked at."""
    text = (IMAGE / "Containerfile").read_text(encoding="utf-8")
    let_in = (IMAGE / "Containerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    copied = [
        name
        for line in text.splitlines()
        if line.startswith("COPY ") and "--from" not in line
        for name in line.split()[1:-1]
    ]
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    wheel = tomllib.loads(project)["tool"]["hatch"]["build"]["targets"]["wheel"]
    asked = {Path(one).parts[0] for one in (*wheel["packages"], *wheel["force-include"])}
    assert {"pyproject.toml", *asked} <= set(copied), "the wheel is not built without these"
    for name in copied:
        assert (ROOT / name).exists(), name
        assert f"!{name}" in let_in, name
    (extras,) = re.findall(r'"/source\[([\w,]+)\]"', text)
    for extra in extras.split(","):
        assert re.search(rf"^{extra} = \[", project, flags=re.MULTILINE), extra
    assert re.search(r"^USER (?!root)", text, flags=re.MULTILINE)
    assert 'ENTRYPOINT ["eventhook-conformance"]' in text
