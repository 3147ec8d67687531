"""Gives hypothesis a temporary folder for its files, in place of one of the user's.

By default it makes a folder `.hypothesis` in the current one, also without a database of examples: it
collects constants of all modules, and stores those of each file.
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
    """Returns a folder for all runs of this user, among the files that the system clears away."""
    return Path(tempfile.gettempdir()) / f"eventhook-hypothesis-{os.getuid()}"


@contextmanager
def hypothesis_elsewhere() -> Iterator[None]:
    """Makes hypothesis keep its files in that folder within the block.

    In a vendor's own pytest run hypothesis is the vendor's too, with a database of its own.
    """
    from hypothesis import configuration

    with _LOCK:
        found: Any = configuration.storage_directory(intent_to_write=False)
        # Older versions return the path itself.
        before = found if isinstance(found, Path) else found.path
        configuration.set_hypothesis_home_dir(hypothesis_folder())
        try:
            yield
        finally:
            configuration.set_hypothesis_home_dir(before)
