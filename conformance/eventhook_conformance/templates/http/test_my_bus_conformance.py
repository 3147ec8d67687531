"""Judges the endpoints of my-bus by the conformance suite, in this project's own pytest run.

SERVED=served.json eventhook-conformance run my_bus_server:target --profile sse     # case by case
pytest test_my_bus_conformance.py                                                   # all as one test
"""

import os
import subprocess
import sys
import time
from pathlib import Path

SUITE = [sys.executable, "-m", "eventhook_conformance"]
# In place of the reference server, start yours, and have it say where it is.
SERVE = [*SUITE, "serve", "--backend", "nats", "--port", "0", "--json"]
START_S = 30
LIMIT_S = 600


def test_my_bus_is_conformant(tmp_path: Path) -> None:
    served = tmp_path / "served.json"
    with served.open("w") as output, subprocess.Popen(SERVE, stdout=output) as server:
        try:
            until = time.monotonic() + START_S
            while not served.read_text(encoding="utf-8").endswith("\n"):
                assert server.poll() is None, "the server ended"
                assert time.monotonic() < until, "the server did not say where it is"
                time.sleep(0.05)
            done = subprocess.run(
                [*SUITE, "run", "my_bus_server:target", "--profile", "sse"],
                cwd=Path(__file__).parent,
                env={**os.environ, "SERVED": str(served)},
                capture_output=True,
                text=True,
                timeout=LIMIT_S,
                check=False,
            )
        finally:
            server.terminate()
    assert done.returncode == 0, done.stdout + done.stderr
