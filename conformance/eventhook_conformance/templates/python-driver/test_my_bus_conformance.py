"""Judges my-bus by the conformance suite, in this project's own pytest run.

eventhook-conformance driver-check python my_bus_driver.py              # its protocol alone
pytest test_my_bus_conformance.py                                       # the whole suite
"""

import shlex
import subprocess
import sys
from pathlib import Path

COMMAND = ["-m", "pytest", "-q", "--pyargs", "eventhook_conformance"]
LIMIT_S = 600


def test_my_bus_is_conformant() -> None:
    """Runs in a process of its own, since the suite's cases share one event loop and one bus."""
    done = subprocess.run(
        [
            sys.executable,
            *COMMAND,
            "--target",
            f"driver:{shlex.quote(sys.executable)} my_bus_driver.py",
        ],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout
