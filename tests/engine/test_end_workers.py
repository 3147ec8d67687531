"""Workers end in order where they can, and are killed where they do not."""

from __future__ import annotations

import multiprocessing
import signal
import subprocess
import sys
import time
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest

from eventhook_conformance.engine.termination import end_workers


def wait(ready: Event, handler: int) -> None:
    signal.signal(signal.SIGTERM, signal.Handlers(handler))
    ready.set()
    time.sleep(600)


@pytest.mark.parametrize(
    ("handler", "ended_by"),
    [(signal.SIG_DFL, signal.SIGTERM), (signal.SIG_IGN, signal.SIGKILL)],
    ids=["obeys", "ignores it"],
)
def test_workers_are_ended(handler: signal.Handlers, ended_by: signal.Signals) -> None:
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    worker = context.Process(target=wait, args=(ready, int(handler)))
    worker.start()
    assert ready.wait(60)
    end_workers(limit_s=60 if ended_by is signal.SIGTERM else 0.2)
    assert worker.exitcode == -ended_by


STARTS_A_WORKER = """
import multiprocessing, sys, time
from eventhook_conformance.engine.termination import end_with_parent

def work(told):
    end_with_parent()
    told.put(multiprocessing.current_process().pid)
    time.sleep(600)

if __name__ == "__main__":
    context = multiprocessing.get_context("spawn")
    told = context.Queue()
    context.Process(target=work, args=(told,)).start()
    print(told.get(timeout=60), flush=True)
    time.sleep(600)
"""


def test_a_worker_ends_with_its_killed_parent(tmp_path: Path) -> None:
    program = tmp_path / "starts_a_worker.py"
    program.write_text(STARTS_A_WORKER)
    with subprocess.Popen([sys.executable, program], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        worker = Path("/proc") / parent.stdout.readline().strip()
        assert worker.exists()
        parent.kill()
        until = time.monotonic() + 60
        while not ended(worker) and time.monotonic() < until:
            time.sleep(0.02)
    assert ended(worker)


def ended(process: Path) -> bool:
    """Returns whether a process is gone; one that nobody waits for may stay as a zombie."""
    try:
        return (process / "stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True
