"""Joins standard input and output to a driver that listens on a port: `python bridge.py HOST PORT`.

It imports nothing of the suite, so that it starts at once.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
from contextlib import suppress
from typing import Final

CONNECT_S: Final = 5.0
_CHUNK: Final = 1 << 16
_SHUTDOWN: Final = b'"shutdown"'


def main(host: str, port: int) -> int:
    """Copies bytes both ways until the driver closes the connection.

    Returns:
        0 if it was asked to shut down, or its input has ended; else 1.
    """
    where = f"{host}:{port}"
    try:
        connection = socket.create_connection((host, port), timeout=CONNECT_S)
    except OSError as error:
        print(f"no driver listens on {where}: {error.strerror or error}", file=sys.stderr)  # noqa: T201  # because: it is a program
        return 1
    connection.settimeout(None)
    ending = threading.Event()
    with connection:
        threading.Thread(target=_send, args=(connection, ending), daemon=True).start()
        with suppress(OSError):
            while data := connection.recv(_CHUNK):
                _write(data)
    if not ending.is_set():
        print(f"the driver on {where} closed the connection", file=sys.stderr)  # noqa: T201  # because: as above
        return 1
    return 0


def _send(connection: socket.socket, ending: threading.Event) -> None:
    with suppress(OSError):
        while data := os.read(0, _CHUNK):
            if _SHUTDOWN in data:
                ending.set()
            connection.sendall(data)
        ending.set()
        connection.shutdown(socket.SHUT_WR)


def _write(data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(1, view) :]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2])))
