"""The end of a process, and where it stood, in words."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile

import pytest

from eventhook_conformance.engine.judge_request import UNHEARD
from eventhook_conformance.engine.process_end import (
    describe_end,
    is_stopped_without_a_terminal,
    last_stack,
)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (0, "it ended its process with exit status 0"),
        (3, "it ended its process with exit status 3"),
        (-signal.SIGSEGV, "its process was ended by SIGSEGV"),
        (-64, "its process was ended by SIGRTMAX"),
        (-99, "its process was ended by signal 99"),
        (UNHEARD, "it closed the descriptor by which its results are told"),
    ],
)
def test_an_end_in_words(status: int, words: str) -> None:
    assert describe_end(status) == words


CRASHES = """
import faulthandler, os, signal, sys, threading, time

def stands():
    os.kill(os.getpid(), signal.SIGABRT)

def calls():
    stands()

faulthandler.enable(int(sys.argv[1]))
threading.Thread(target=time.sleep, args=(30,), daemon=True).start()
calls()
"""


def test_the_stack_that_a_process_left_is_told_innermost_first() -> None:
    with tempfile.TemporaryFile() as stacks:
        done = subprocess.run(
            [sys.executable, "-c", CRASHES, str(stacks.fileno())],
            pass_fds=[stacks.fileno()],
            check=False,
            timeout=60,
        )
        assert done.returncode == -signal.SIGABRT
        stacks.seek(0)
        where = last_stack(stacks.read().decode())
    assert where == "stands (<string>:5), called by calls (<string>:8)"


def test_a_stopped_process_without_a_terminal_is_told_from_others() -> None:
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as process:
        try:
            assert not is_stopped_without_a_terminal(process.pid)
            process.send_signal(signal.SIGSTOP)
            os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)
            assert is_stopped_without_a_terminal(process.pid)
        finally:
            process.kill()
    with pytest.raises(OSError, match="No such file"):
        is_stopped_without_a_terminal(process.pid)


def test_frames_of_the_loop_and_of_the_suite_are_left_out() -> None:
    text = """Fatal Python error: Aborted

Thread 0x00007f (most recent call first):
  File "/lib/python3.11/threading.py", line 5 in wait

Current thread 0x00007e (most recent call first):
  File "/site/eventhook_conformance/engine/session.py", line 9 in judge
  File "/vendor/bus.py", line 3 in publish
  File "/lib/python3.11/asyncio/events.py", line 80 in _run
"""
    assert last_stack(text) == "publish (bus.py:3)"
    assert last_stack("") is None
    assert last_stack("nothing of a stack\n") is None
