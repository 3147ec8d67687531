"""The collector looks rarely while targets are judged."""

from __future__ import annotations

import subprocess
import sys

SAYS = """
import gc
from eventhook_conformance.engine.garbage_collection import collect_seldom
before = gc.get_threshold()[0]
collect_seldom()
print(gc.get_threshold()[0] > 10 * before, gc.get_freeze_count() > 0)
"""


def test_it_looks_rarely_and_leaves_alone_what_lives() -> None:
    # A process of its own: the thresholds hold for all of it.
    done = subprocess.run(
        [sys.executable, "-c", SAYS], check=True, capture_output=True, text=True, timeout=60
    )
    assert done.stdout == "True True\n"
