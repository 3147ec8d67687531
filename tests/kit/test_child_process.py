"""The ends of child processes."""

from __future__ import annotations

import asyncio
import subprocess

import pytest

from eventhook_conformance.kit import child_process
from eventhook_conformance.kit.child_process import close_stdin, spawn, wait_until_ended

pytestmark = pytest.mark.asyncio

UNTIL_TOLD = ["sh", "-c", "read -r _"]
DEAF = ["sh", "-c", "exec sleep 60 </dev/null"]


async def test_the_event_loop_runs_while_a_process_is_waited_for() -> None:
    process = spawn(UNTIL_TOLD)
    # Only the event loop can let it end: a wait that held the loop up would not come back.
    asyncio.get_running_loop().call_later(0.01, close_stdin, process)
    await wait_until_ended(process)
    assert process.returncode is not None


async def test_a_process_that_takes_its_time_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child_process, "END_TIMEOUT_S", 0.05)
    process = spawn(DEAF)
    close_stdin(process)
    await wait_until_ended(process)
    assert process.returncode == -9


async def test_one_that_no_signal_ends_is_told_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child_process, "END_TIMEOUT_S", 0.05)
    process = spawn(DEAF)
    with monkeypatch.context() as immortal:
        immortal.setattr(subprocess.Popen, "kill", lambda _: None)
        with pytest.raises(TimeoutError, match=rf"process {process.pid} did not end within 0\.05"):
            await wait_until_ended(process)
    process.kill()
    close_stdin(process)
    await wait_until_ended(process)


async def test_a_cancellation_waits_for_the_end() -> None:
    process = spawn(UNTIL_TOLD)
    waiting = asyncio.ensure_future(wait_until_ended(process))
    for _ in range(2):
        await asyncio.sleep(0)
        waiting.cancel()
    await asyncio.sleep(0)
    assert not waiting.done()
    close_stdin(process)
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert process.returncode is not None
