"""SIGTERM ends every command that starts something, and nothing of it is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import pytest

MARK = "EVENTHOOK_TEST_MARK"
HANG_S = 90.0
"""No claim of speed: by then it waits for what will never come."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks into /proc"),
]


def marked(mark: str) -> dict[int, str]:
    """Returns the processes that were started with that mark, with their command lines."""
    found: dict[int, str] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with suppress(OSError):
                if mark.encode() in (folder / "environ").read_bytes():
                    words = (folder / "cmdline").read_bytes().replace(b"\0", b" ")
                    if words:
                        found[int(folder.name)] = words.decode(errors="replace")
    return found


def until(holds: Callable[[], bool], what: str) -> None:
    limit = time.monotonic() + HANG_S
    while not holds():
        assert time.monotonic() < limit, what
        time.sleep(0.05)


@pytest.mark.parametrize("ignored", [False, True], ids=["", "interrupts-ignored"])
@pytest.mark.parametrize(
    ("words", "started"),
    [
        pytest.param("run nats -k PUB", "nats-server", marks=pytest.mark.nats, id="run"),
        pytest.param(
            "run memory-server --browser -k browser_reads",
            "--user-data-dir",
            marks=pytest.mark.browser,
            id="run-browser",
        ),
        pytest.param(
            "run nats-replicas -k sse_replicas",
            "eventhook_reference.sse.replica",
            marks=pytest.mark.nats,
            id="run-replicas",
        ),
        pytest.param(
            "serve --backend nats --port 0", "nats-server", marks=pytest.mark.nats, id="serve"
        ),
        pytest.param("bench nats --quick", "nats-server", marks=pytest.mark.nats, id="bench"),
        pytest.param(
            "self-test stays-deaf-after-the-bus-was-lost",
            "nats-server",
            marks=pytest.mark.nats,
            id="self-test",
        ),
        pytest.param("driver memory", "driver", id="driver"),
        pytest.param("driver nats", "nats-server", marks=pytest.mark.nats, id="driver-nats"),
        pytest.param("repeat nats", "nats-server", marks=pytest.mark.nats, id="repeat"),
    ],
)
def test_sigterm_leaves_nothing(words: str, started: str, ignored: bool, tmp_path: Path) -> None:
    mark = uuid4().hex
    folder = tmp_path / "temporary"
    folder.mkdir()

    def begin() -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN if ignored else signal.SIG_DFL)

    process = subprocess.Popen(
        [sys.executable, "-m", "eventhook_conformance", *words.split()],
        cwd=tmp_path,
        env={**os.environ, MARK: mark, "TMPDIR": str(folder)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        preexec_fn=begin,  # noqa: PLW1509  # because: no thread runs here that it could disturb
        start_new_session=True,
    )
    try:
        if words == "driver nats":
            assert process.stdin is not None
            process.stdin.write(
                b'{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocol":1}}\n'
                b'{"jsonrpc":"2.0","id":2,"method":"open","params":{"address":null}}\n'
            )
            process.stdin.flush()
        until(lambda: any(started in one for one in marked(mark).values()), f"{started} to start")
        if words.startswith("driver memory"):
            time.sleep(1.0)  # nothing tells that it waits for requests
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=HANG_S)
        until(lambda: not marked(mark), f"{marked(mark)} to end after {output[-2000:]!r}")
        assert [one.name for one in folder.iterdir()] == []
    finally:
        for pid in marked(mark):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
