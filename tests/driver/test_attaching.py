"""Drivers on a port: attached to, attached to again, gone, or never there."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from eventhook_conformance.driver.attaching import host_and_port, words_of

SUITE = [sys.executable, "-m", "eventhook_conformance"]


def call(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*SUITE, *arguments], capture_output=True, text=True, timeout=60, check=False
    )


@contextmanager
def listening(target: str = "memory") -> Iterator[str]:
    """Runs a driver on a free port, as if started by hand; yields its address."""
    command = [*SUITE, "driver", target, "--listen", "127.0.0.1:0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            found = re.fullmatch(r"listening on (tcp://\S+)\n", process.stderr.readline())
            assert found
            yield found[1]
        finally:
            process.kill()


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


@pytest.mark.slow
def test_a_running_driver_is_judged_and_goes_on_running() -> None:
    with listening() as address:
        for _ in range(2):
            done = call("run", f"driver:{address}", "-q", "-k", "PUB-02")
            assert done.returncode == 0, done.stdout + done.stderr
            assert "closed the connection" not in done.stderr
        done = call("driver-check", address)
        assert "starts, and `initialize`" in done.stdout
        assert "WRONG" not in done.stdout.partition("it ends")[0]


def test_where_nobody_listens_the_target_cannot_be_used() -> None:
    port = free_port()
    done = call("run", f"driver:tcp://127.0.0.1:{port}")
    assert done.returncode == 2
    assert f"no driver listens on 127.0.0.1:{port}: Connection refused" in done.stderr


def test_a_driver_that_hangs_up_is_said_to_have_done_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        command = [*SUITE, "run", f"driver:tcp://127.0.0.1:{port}"]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
            connection, _ = listener.accept()
            connection.recv(1)
            connection.close()
            _, told = process.communicate(timeout=60)
    assert process.returncode == 2
    assert f"the driver on 127.0.0.1:{port} closed the connection" in told


@pytest.mark.parametrize("wrong", ["", "127.0.0.1", "127.0.0.1:x", ":7000", "a@b:7000", "h:99999"])
def test_what_is_no_address_is_said(wrong: str) -> None:
    with pytest.raises(ValueError, match="expected HOST:PORT, such as"):
        host_and_port(wrong)


def test_an_address_becomes_the_command_of_a_bridge_and_nothing_else_does() -> None:
    assert words_of("tcp://localhost:7000")[-2:] == ["localhost", "7000"]
    assert words_of("./driver tcp://localhost:7000") == ["./driver", "tcp://localhost:7000"]
    assert host_and_port("[::1]:7000") == ("::1", 7000)
