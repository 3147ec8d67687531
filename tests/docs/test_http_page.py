"""The generated parts of `docs/http.md` are as the data of the specification makes them."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[2]


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("http_page", ROOT / "docs" / "http.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["http_page"] = module
    spec.loader.exec_module(module)
    return module


def test_the_page_is_what_the_data_says() -> None:
    module = load()
    page = module.PAGE.read_text(encoding="utf-8")
    assert module.with_generated(page) == page, "run: python docs/http.py"
    assert "| SSE-01 | MUST | 1.0 |" in page
    assert "`types=task.*`" in page


def test_a_page_that_is_out_of_date_is_seen() -> None:
    module = load()
    page = module.PAGE.read_text(encoding="utf-8").replace("| SSE-01 |", "| SSE-99 |")
    assert module.with_generated(page) != page
