"""Judges my-bus by the conformance suite, in this project's own pytest run.

eventhook-conformance driver-check java -jar target/my_bus_driver.jar   # its protocol alone
pytest test_my_bus_conformance.py                                       # the whole suite
"""

import subprocess
import sys
from pathlib import Path

BUILD = ["mvn", "-q", "-B", "package"]
COMMAND = ["-m", "pytest", "-q", "--pyargs", "eventhook_conformance"]
HERE = Path(__file__).parent
LIMIT_S = 600


def test_my_bus_is_conformant() -> None:
    """Runs in a process of its own, since the suite's cases share one event loop and one bus."""
    subprocess.run(BUILD, cwd=HERE, timeout=LIMIT_S, check=True)
    done = subprocess.run(
        [
            sys.executable,
            *COMMAND,
            "--target",
            "driver:java -jar target/my_bus_driver.jar",
        ],
        cwd=HERE,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout
