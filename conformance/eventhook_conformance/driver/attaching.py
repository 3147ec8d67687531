"""Reaches drivers on a port, so that a debugger can hold one: `driver:tcp://127.0.0.1:PORT`.

The suite's side runs a bridge in place of the driver's own program. The driver's side takes one
connection after the other, each as the standard input and output of a session.
"""

from __future__ import annotations

import os
import shlex
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

_SCHEME: Final = "tcp://"
_BRIDGE: Final = Path(__file__).with_name("bridge.py")
_CHUNK: Final = 1 << 16


def words_of(command_line: str) -> list[str]:
    """Returns the command of a driver; that of a bridge for an address such as tcp://127.0.0.1:7000.

    Raises:
        ValueError: it is no command line, or no address; the message is one line.
    """
    words = shlex.split(command_line)
    if len(words) != 1 or not words[0].startswith(_SCHEME):
        return words
    host, port = host_and_port(words[0].removeprefix(_SCHEME))
    return [sys.executable, "-I", str(_BRIDGE), host, str(port)]


def host_and_port(text: str) -> tuple[str, int]:
    """Returns the host and the port of a text such as 127.0.0.1:7000.

    Raises:
        ValueError: it is something else.
    """
    address = urlsplit(f"//{text}")
    with suppress(ValueError):
        if address.hostname and address.port is not None and "@" not in text:
            return address.hostname, address.port
    raise ValueError(f"expected HOST:PORT, such as 127.0.0.1:7000, got {text!r}")


def listen(host: str, port: int, serve: Callable[[], None]) -> None:
    """Serves one connection after the other until it is interrupted; says where on standard error.

    Args:
        host: the address to listen on.
        port: the port; 0 takes a free one.
        serve: serves one session on standard input and output, until its end.
    """
    with socket.create_server((host, port)) as listener:
        taken = listener.getsockname()[1]
        print(f"listening on {_SCHEME}{host}:{taken}", file=sys.stderr, flush=True)  # noqa: T201  # because: standard error is the only way out
        while True:
            connection, _ = listener.accept()
            with connection, _standard_streams(connection):
                serve()


@contextmanager
def _standard_streams(connection: socket.socket) -> Iterator[None]:
    """Makes a connection the standard input and output, and gives them back.

    Pipes stand between: the event loop makes its input non-blocking, and output of the same socket with it.
    """
    kept = os.dup(0), os.dup(1)
    stdin = sys.stdin
    (from_it, to_us), (from_us, to_it) = os.pipe(), os.pipe()
    os.dup2(from_it, 0)
    os.dup2(to_it, 1)
    os.close(from_it)
    os.close(to_it)
    sys.stdin = open(0, closefd=False, encoding="utf-8")  # noqa: SIM115  # because: closed by the event loop
    receiving = threading.Thread(target=_receive, args=(connection, to_us), daemon=True)
    sending = threading.Thread(target=_send, args=(from_us, connection), daemon=True)
    receiving.start()
    sending.start()
    try:
        yield
    finally:
        sys.stdin = stdin
        os.dup2(kept[0], 0)
        os.dup2(kept[1], 1)
        for one in kept:
            os.close(one)
        sending.join()
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
        receiving.join()


def _receive(connection: socket.socket, to_us: int) -> None:
    with suppress(OSError), os.fdopen(to_us, "wb", buffering=0) as pipe:
        while data := connection.recv(_CHUNK):
            pipe.write(data)


def _send(from_us: int, connection: socket.socket) -> None:
    with suppress(OSError), os.fdopen(from_us, "rb", buffering=0) as pipe:
        while data := pipe.read(_CHUNK):
            connection.sendall(data)
