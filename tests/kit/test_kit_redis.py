"""The example over a real Redis server, where there is one."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "examples" / "targets"
PROGRAM = str(Path(sys.executable).with_name("eventhook-conformance"))

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("redis-server") is None, reason="redis-server is not there"),
    pytest.mark.skipif(importlib.util.find_spec("redis") is None, reason="redis-py is not there"),
]


def test_redis_pubsub_is_judged() -> None:
    done = subprocess.run(
        [PROGRAM, "run", "redis_pubsub:target", "-k", "PUB or TEN or OVF or STR"],
        cwd=FOLDER,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "kit       codec, validation, size check, filtering, buffer" in done.stdout


def test_a_server_that_is_not_there_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "unix:///no/such/socket")
    done = subprocess.run(
        [PROGRAM, "run", "redis_pubsub:target"],
        cwd=FOLDER,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "cannot be used: opening a client failed" in done.stderr
