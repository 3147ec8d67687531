"""Workers end in order where they can, and are killed where they do not."""

from __future__ import annotations

import multiprocessing
import signal
import time
from multiprocessing.synchronize import Event

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
