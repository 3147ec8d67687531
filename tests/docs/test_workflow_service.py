"""The page of workflow services: its tables are current, and its service runs as it stands."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "workflow-service.md"


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "workflow_service", ROOT / "docs" / "workflow_service.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_its_tables_and_code_are_current() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert generator().renewed(text) == text, "run `python docs/workflow_service.py`"


def test_a_part_that_there_is_not_is_an_error() -> None:
    with pytest.raises(KeyError, match="elsewhere"):
        generator().renewed("<!-- made: elsewhere -->\n<!-- end -->")


def test_it_names_every_step_and_every_member_of_a_snapshot() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text.count("| `") > 100
    assert all(f"| `{do}` |" in text for do in ("retry-task", "cancel-child", "together"))


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_its_service_is_conformant_as_pasted(tmp_path: Path) -> None:
    text = PAGE.read_text(encoding="utf-8")
    (code,) = re.findall(
        r"^```python\n# my_workflows\.py\n(.*?)^```", text, re.DOTALL | re.MULTILINE
    )
    (tmp_path / "my_workflows.py").write_text(code, encoding="utf-8")
    command = [sys.executable, "-m", "eventhook_conformance", "run", "my_workflows:target"]
    done = subprocess.run(
        [*command, "-q", "--profile", "lifecycle"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "my-workflows: conformant" in done.stdout
    assert "18 requirements hold" in done.stdout
