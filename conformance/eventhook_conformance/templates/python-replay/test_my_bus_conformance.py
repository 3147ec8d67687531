"""Judges my-bus by the conformance suite, in this project's own pytest run.

pytest --pyargs eventhook_conformance --target my_bus_target:target     # a test for each case
pytest test_my_bus_conformance.py                                       # all of them as one test
"""

import subprocess
import sys
from pathlib import Path

COMMAND = ["-m", "pytest", "-q", "--pyargs", "eventhook_conformance"]
LIMIT_S = 600


def test_my_bus_is_conformant() -> None:
    """Runs in a process of its own, since the suite's cases share one event loop and one bus."""
    done = subprocess.run(
        [sys.executable, *COMMAND, "--target", "my_bus_target:target"],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout
