"""Gives hypothesis a temporary folder for what it keeps between runs, not one of the user's.

By itself it makes a folder `.hypothesis` in the current one, also without a database of examples: it
reads all modules there are for constants, and remembers those of each file.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

_LOCK = Lock()


def hypothesis_folder() -> Path:
    """Returns one for all runs of this user, among the files that the system clears away."""
    return Path(tempfile.gettempdir()) / f"eventhook-hypothesis-{os.getuid()}"


@contextmanager
def hypothesis_elsewhere() -> Iterator[None]:
    """Has hypothesis keep its files in that folder; afterwards where it kept them before.

    In a vendor's own pytest run hypothesis is the vendor's too, with a database of its own.
    """
    from hypothesis import configuration

    with _LOCK:
        found: Any = configuration.storage_directory(intent_to_write=False)
        # Older versions answer the path itself.
        before = found if isinstance(found, Path) else found.path
        configuration.set_hypothesis_home_dir(hypothesis_folder())
        try:
            yield
        finally:
            configuration.set_hypothesis_home_dir(before)
