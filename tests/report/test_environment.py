"""Every report says where it comes from."""

from __future__ import annotations

import datetime
import platform
from html import unescape
from pathlib import Path

import pytest

from eventhook_conformance import __version__
from eventhook_conformance.report.environment import environment
from eventhook_conformance.report.files import Reports
from report import made


def test_the_environment_is_this_one() -> None:
    found = environment()
    when = datetime.datetime.fromisoformat(found.date)
    assert datetime.timedelta() <= datetime.datetime.now(datetime.UTC) - when
    assert found.host == platform.node()
    assert found.python.endswith(platform.python_version())
    assert found.versions["eventhook-conformance"] == __version__
    assert "pytest" in found.versions
    assert found.command


@pytest.mark.parametrize("name", ["json", "junit", "html", "markdown", "ctrf"])
def test_every_report_has_it(tmp_path: Path, name: str) -> None:
    path = tmp_path / "report"
    assert Reports({f"{name}_file": path}).write([made.all_pass()])
    text = unescape(path.read_text(encoding="utf-8"))
    for part in (environment().date, environment().host, environment().python):
        assert part in text
