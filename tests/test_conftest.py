"""The tests pass in the background of a shell too, where SIGINT is ignored."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

STARTS = """
import signal, subprocess, sys

def test_a_child_is_interrupted():
    waits = [sys.executable, "-c", "print(flush=True); input()"]
    with subprocess.Popen(waits, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        child.stdout.readline()
        child.send_signal(signal.SIGINT)
        try:
            assert child.wait(20) != 0
        finally:
            child.kill()
"""


@pytest.mark.parametrize(("restored", "code"), [(True, 0), (False, 1)])
def test_children_can_be_interrupted_in_the_background(
    restored: bool, code: int, pytester: pytest.Pytester
) -> None:
    fixture = "from conftest import children_can_be_interrupted\n" if restored else ""
    folder = str(__file__).rpartition("/")[0]
    pytester.makepyfile(test_it=f"import sys\nsys.path.insert(0, {folder!r})\n{fixture}{STARTS}")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_it.py"],
        cwd=pytester.path,
        capture_output=True,
        timeout=100,
        check=False,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
    )
    assert done.returncode == code, done.stdout.decode()
