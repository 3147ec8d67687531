"""A NATS server in a container: the launcher, its image, and the target over them."""

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from eventhook_conformance.cli import main
from eventhook_conformance.engine.resolve_target import find_target
from eventhook_conformance.kit import NatsContainer, ServerUnavailable, nats_container, nats_image
from eventhook_conformance.kit.nats_container import LABEL
from eventhook_conformance.kit.nats_engine import engine_errors
from eventhook_conformance.kit.nats_server import greets
from eventhook_conformance.target import Target

PATIENCE_S = 30.0

UNREACHABLE = "unix:///nowhere/engine.sock"


@pytest.fixture
def engine() -> Iterator[Any]:
    """Yields the engine's client; without an engine the test is skipped, and the summary says so."""
    try:
        with engine_errors("no client"):
            import docker

            client = docker.from_env()
    except ServerUnavailable as error:
        pytest.skip(f"NOT TESTED: {error}; `.ci/engine pytest` starts one")
    yield client
    client.close()


def containers(engine: Any) -> list[str]:
    return [one.id for one in engine.containers.list(all=True, filters={"label": LABEL})]


def run_target(*arguments: str) -> Any:
    return CliRunner().invoke(main, ["run", "nats-container", "--in-process", *arguments])


@pytest.mark.container
@pytest.mark.asyncio
class TestRunning:
    async def test_runs_inside_and_is_gone_outside(self, engine: Any) -> None:
        async with NatsContainer() as server:
            assert await greets(server.address)
            assert server.container_id in containers(engine)
        assert server.container_id is None
        assert containers(engine) == []
        assert not await greets(server.address)

    async def test_two_share_no_port(self, engine: Any) -> None:
        async with NatsContainer() as one, NatsContainer() as other:
            assert len({one.address, one.monitor_url, other.address, other.monitor_url}) == 4

    async def test_is_killed_and_comes_back_at_the_same_address(self, engine: Any) -> None:
        async with NatsContainer() as server:
            address = server.address
            await server.kill()
            await server.kill()
            assert not await greets(address)
            await server.restart()
            assert server.address == address
            assert await greets(address)

    async def test_a_paused_one_says_nothing_until_it_goes_on(self, engine: Any) -> None:
        async with NatsContainer() as server:
            await server.pause()
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(greets(server.address), 0.3)
            await server.resume()
            assert await asyncio.wait_for(greets(server.address), PATIENCE_S)

    async def test_a_paused_one_can_be_restarted_and_left(self, engine: Any) -> None:
        async with NatsContainer() as server:
            await server.pause()
            await server.restart()
            assert await greets(server.address)
            await server.pause()
        assert containers(engine) == []

    async def test_a_cancelled_start_leaves_nothing(self, engine: Any) -> None:
        starting = asyncio.create_task(NatsContainer().__aenter__())
        await asyncio.sleep(0)
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting
        assert containers(engine) == []

    async def test_an_image_that_cannot_be_had_is_named(self, engine: Any) -> None:
        with pytest.raises(ServerUnavailable, match=r"127\.0\.0\.1:1/nothing") as caught:
            await NatsContainer("127.0.0.1:1/nothing:1").__aenter__()
        assert "\n" not in str(caught.value)
        assert containers(engine) == []


@pytest.mark.container
def test_a_killed_run_leaves_no_container(engine: Any, tmp_path: Path) -> None:
    program = tmp_path / "run.py"
    program.write_text(
        "import asyncio\n"
        "from eventhook_conformance.kit import NatsContainer\n"
        "async def main():\n"
        "    async with NatsContainer() as server:\n"
        "        print(server.container_id, flush=True)\n"
        "        await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    with subprocess.Popen([sys.executable, str(program)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        started = process.stdout.readline().decode().strip()
        assert started in containers(engine)
        process.send_signal(signal.SIGKILL)
    until = time.monotonic() + PATIENCE_S
    while containers(engine) and time.monotonic() < until:
        time.sleep(0.05)
    assert containers(engine) == []


@pytest.mark.container
def test_the_image_is_made_once_of_the_binary_alone(engine: Any) -> None:
    name = nats_image.ensure_image(engine)
    made = engine.images.get(name)
    assert nats_image.ensure_image(engine) == name
    assert engine.images.get(name).id == made.id
    assert made.attrs["Config"]["Entrypoint"] == ["/nats-server"]
    assert len(made.attrs["RootFS"]["Layers"]) == 1


@pytest.mark.container
def test_the_program_prints_the_name(engine: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert nats_image.main() == 0
    name = capsys.readouterr().out.strip()
    assert name == nats_image.image_name()
    assert engine.images.get(name)


@pytest.mark.container
@pytest.mark.slow
def test_the_target_is_conformant_through_kills_and_pauses(engine: Any) -> None:
    outcome = run_target("-q", "-k", "first_event or killed or paused")
    assert outcome.exit_code == 0, outcome.output
    assert "conformant" in outcome.output
    assert containers(engine) == []


def test_the_target_claims_what_the_same_server_without_a_container_does() -> None:
    in_container: Target = find_target("nats-container")
    assert in_container.capabilities == find_target("nats-recovery").capabilities


def test_without_an_engine_one_line_and_exit_2(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", UNREACHABLE)
    outcome = run_target()
    assert outcome.exit_code == 2
    (line,) = [one for one in outcome.output.splitlines() if one.startswith("Error:")]
    assert f"no container engine answers at {UNREACHABLE}" in line
    assert "DOCKER_HOST" in line
    assert "Traceback" not in outcome.output


def test_without_the_extra_one_line_and_exit_2(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "testcontainers.core.docker_client", None)
    outcome = run_target()
    assert outcome.exit_code == 2
    assert (
        "testcontainers is not installed; pip install 'eventhook-conformance[containers]'"
        in outcome.output
    )


def test_without_an_engine_no_image_is_made(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DOCKER_HOST", UNREACHABLE)
    assert nats_image.main() == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_no_image_is_made_of_what_is_no_linux_program(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    binary = tmp_path / "nats-server"
    binary.write_bytes(b"\xcf\xfa\xed\xfe, as on macOS")
    monkeypatch.setattr(nats_image, "find_binary", lambda: binary)
    with pytest.raises(ServerUnavailable, match="set NATS_IMAGE"):
        nats_image.context()


def test_nothing_of_an_engine_is_imported_before_one_is_needed() -> None:
    program = (
        "import sys; from eventhook_reference import nats_targets; "
        "print([one for one in ('docker', 'testcontainers') if one in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(("word", "killed"), [(b"done", True), (b"", False)])
def test_a_guard_that_does_not_end_is_killed_once_it_has_nothing_to_remove(
    monkeypatch: pytest.MonkeyPatch, word: bytes, killed: bool
) -> None:
    monkeypatch.setattr(nats_container, "ENGINE_TIMEOUT_S", 0.05)
    with subprocess.Popen(["sh", "-c", "exec sleep 60"], stdin=subprocess.PIPE) as guard:
        try:
            nats_container._dismiss(guard, word)  # because: only an engine calls it else
            assert (guard.poll() == -signal.SIGKILL) is killed
        finally:
            guard.kill()
