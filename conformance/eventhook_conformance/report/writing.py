"""Writes files whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path


def write_whole(path: Path, text: str) -> None:
    """Writes a file. A reader never sees half of it, and a failure leaves the older file.

    Raises:
        OSError: the file cannot be written.
    """
    if path.exists() and not path.is_file():
        with open(path, "w", encoding="utf-8", opener=_open_if_read) as file:
            file.write(text)  # a device or a pipe cannot be replaced
        return
    beside = path.with_name(path.name + ".part")
    try:
        beside.unlink(missing_ok=True)
        with beside.open("x", encoding="utf-8") as file:
            file.write(text)
        beside.replace(path)
    except BaseException:  # because: also on Ctrl-C half a file may not stay
        beside.unlink(missing_ok=True)
        raise


def _open_if_read(path: str, flags: int) -> int:
    """Opens a pipe only if it has a reader: else opening would wait for ever."""
    descriptor = os.open(path, flags | os.O_NONBLOCK)
    os.set_blocking(descriptor, True)
    return descriptor


def append_whole(path: Path, text: str) -> None:
    """Adds to a file that others write to. A failure leaves the file as it was.

    Raises:
        OSError: the file cannot be written.
    """
    with path.open("a", encoding="utf-8") as file:
        before = os.fstat(file.fileno()).st_size
        try:
            file.write(text)
            file.flush()
        except BaseException:  # because: also on Ctrl-C half a text may not stay
            os.ftruncate(file.fileno(), before)
            raise
