"""Leaks: reports those of a target, and not the suite's own tasks and threads."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.hostile import Hostile, examine
from eventhook_conformance.engine.descendants import children, end_marked
from eventhook_conformance.engine.judge_start import JUDGE
from eventhook_conformance.engine.leaks import LeakWatch
from eventhook_conformance.report.console import body
from eventhook_conformance.report.json_report import to_json


def test_a_clean_target_leaves_nothing() -> None:
    result = examine(Hostile().target)
    assert result.leaked == []
    assert to_json([result])["results"][0]["leaked"] == []
    assert "left open" not in "\n".join(body(result))


@contextmanager
def left_open() -> Iterator[int]:
    """Holds a thread, a child process and a descriptor; yields the number of the process."""
    release = threading.Event()
    thread = threading.Thread(target=release.wait, name="keeps-going")
    thread.start()
    waits = [sys.executable, "-c", "input()"]
    with subprocess.Popen(waits, stdin=subprocess.PIPE) as process, Path("/dev/null").open():
        yield process.pid
        process.kill()
    release.set()
    thread.join()


def test_a_thread_of_the_loop_that_waits_for_a_driver_is_not_the_targets() -> None:
    async def look() -> list[str]:
        watch, release = LeakWatch(), threading.Event()
        waiting = threading.Thread(target=release.wait, name="asyncio-waitpid-7")
        waiting.start()
        found = await watch.left()
        release.set()
        waiting.join()
        return found

    assert asyncio.run(look()) == []


def test_each_kind_is_told_and_changes_no_verdict() -> None:
    async def leak() -> list[str]:
        watch = LeakWatch()
        tasks = [asyncio.create_task(asyncio.sleep(60)) for _ in range(2)]
        with left_open() as pid:
            found = await watch.left()
            assert pid in children()
        for task in tasks:
            task.cancel()
        return found

    tasks, threads, processes, descriptors = asyncio.run(leak())
    assert tasks == "2 tasks (2 sleep)"
    assert threads == "1 thread (keeps-going)"
    assert processes.startswith("1 child process (")
    assert "/dev/null" in descriptors
    result = examine(Hostile().target)
    verdict = result.verdict
    result.leaked = [tasks, threads]
    assert result.verdict == verdict
    assert "  left open 2 tasks (2 sleep), 1 thread (keeps-going)" in "\n".join(body(result))


def test_what_was_closed_in_time_is_none() -> None:
    async def close() -> list[str]:
        watch = LeakWatch()
        with left_open():
            task = asyncio.create_task(asyncio.sleep(60))
        task.cancel()
        await asyncio.to_thread(sum, [1])
        return await watch.left()

    assert asyncio.run(close()) == []


def test_the_children_that_are_left_can_be_ended() -> None:
    source = (
        "import subprocess, sys\n"
        "from eventhook_conformance.engine.leaks import end_children\n"
        "child = subprocess.Popen(['sleep', '60'])\n"
        "end_children()\n"
        "print(child.wait(30))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", source], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "-9\n"


def test_processes_of_a_judge_are_found_in_whatever_session_they_are() -> None:
    waits = [sys.executable, "-c", "input()"]
    with (
        subprocess.Popen(
            waits, stdin=subprocess.PIPE, start_new_session=True, env={JUDGE: "mine"}
        ) as mine,
        subprocess.Popen(waits, stdin=subprocess.PIPE, env={JUDGE: "mine, too"}) as other,
    ):
        end_marked("mine")
        assert mine.wait(60) == -9
        assert other.poll() is None
        other.kill()
