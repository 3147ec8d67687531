"""Real servers for the targets beside this file: the one that an environment variable names, or our own.

Our own listens on this machine alone, keeps its files in a temporary folder and is gone when the
context is left, Ctrl-C included: the server has a session of its own, which the terminal does not reach.
"""

import asyncio
import os
import shutil
import signal
import socket
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path

from eventhook_conformance import Server
from eventhook_conformance.kit import ServerUnavailable

START_TIMEOUT_S = 60.0
"""RabbitMQ on a busy machine takes half a minute."""
STOP_TIMEOUT_S = 2.0

# Where Debian keeps programs that are not on everybody's path.
PLACES = ("/usr/lib/rabbitmq/bin", "/usr/sbin", "/usr/local/sbin")
# With its default of 1000, a client that is a little slow loses messages, and nobody is told.
MOSQUITTO = """
listener {port} 127.0.0.1
allow_anonymous true
max_queued_messages 0
"""
KAFKA = """
process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
offsets.topic.replication.factor=1
log.dirs={folder}/data
"""
KAFKA_JARS = Path(__file__).parent / "kafka_broker" / "lib"
POSTGRES_PLACES = Path("/usr/lib/postgresql")


def redis() -> AbstractAsyncContextManager[Server]:
    """Redis, on a socket in its folder."""
    return _own_or_named("REDIS_URL", _redis)


def postgresql() -> AbstractAsyncContextManager[Server]:
    """Runs PostgreSQL on a socket in its folder; as the user `postgres` if we are root."""
    return _own_or_named("DATABASE_URL", _postgresql)


def mosquitto() -> AbstractAsyncContextManager[Server]:
    """Runs Mosquitto on a free port."""
    return _own_or_named("MQTT_URL", _mosquitto)


def rabbitmq() -> AbstractAsyncContextManager[Server]:
    """Runs RabbitMQ on a free port, with a port mapper of its own."""
    return _own_or_named("AMQP_URL", _rabbitmq)


def kafka() -> AbstractAsyncContextManager[Server]:
    """Runs one Kafka node in KRaft mode on free ports, from the jars that `kafka_broker/pom.xml` names."""
    return _own_or_named("KAFKA_SERVERS", _kafka)


@asynccontextmanager
async def _own_or_named(
    variable: str, start: Callable[[Path], AbstractAsyncContextManager[str]]
) -> AsyncIterator[Server]:
    server = Server()
    if url := os.environ.get(variable):
        server.address = url
        yield server
        return
    with tempfile.TemporaryDirectory(prefix="eventhook-", ignore_cleanup_errors=True) as folder:
        async with start(Path(folder)) as server.address:
            yield server


@asynccontextmanager
async def _redis(folder: Path) -> AsyncIterator[str]:
    program = _find("redis-server", package="redis-server", variable="REDIS_URL")
    where = folder / "redis.sock"
    options = ["--port", "0", "--unixsocket", str(where), "--save", "", "--dir", str(folder)]
    async with _process([program, *options], folder, lambda: _accepts(path=where)):
        yield f"unix://{where}"


@asynccontextmanager
async def _postgresql(folder: Path) -> AsyncIterator[str]:
    initdb, postgres, isready = (
        _find(one, package="postgresql", variable="DATABASE_URL", places=_postgres_places())
        for one in ("initdb", "postgres", "pg_isready")
    )
    # The server refuses to run as root.
    user = "postgres" if os.geteuid() == 0 else None
    if user:
        shutil.chown(folder, user, user)
    data, options = folder / "data", ["-U", "postgres", "-A", "trust", "--no-sync"]
    async with _process([initdb, "-D", str(data), *options], folder, user=user) as making:
        if await making.wait():
            raise ServerUnavailable(f"initdb failed; its output ends: {_end_of_log(folder)}")
    where = ["-h", str(folder), "-p", "5432"]
    command = [postgres, "-D", str(data), "-k", str(folder), "-c", "listen_addresses=", "-F"]

    async def ready() -> bool:
        async with _process([isready, "-q", *where], folder) as asking:
            return await asking.wait() == 0

    async with _process(command, folder, ready, user=user, stop=signal.SIGINT):
        yield f"postgresql://postgres@/postgres?host={folder}&port=5432"


@asynccontextmanager
async def _mosquitto(folder: Path) -> AsyncIterator[str]:
    program = _find("mosquitto", package="mosquitto", variable="MQTT_URL")
    port = _free_port()
    config = folder / "mosquitto.conf"
    config.write_text(MOSQUITTO.format(port=port), encoding="utf-8")
    async with _process([program, "-c", str(config)], folder, lambda: _accepts(port=port)):
        yield f"mqtt://127.0.0.1:{port}"


@asynccontextmanager
async def _rabbitmq(folder: Path) -> AsyncIterator[str]:
    program = _find("rabbitmq-server", package="rabbitmq-server", variable="AMQP_URL")
    mapper = _find("epmd", package="rabbitmq-server", variable="AMQP_URL")
    port, nodes_port, mapper_port = _free_port(), _free_port(), _free_port()
    environment = {
        # Its cookie lies in the home folder.
        **os.environ,
        "HOME": str(folder),
        "ERL_EPMD_PORT": str(mapper_port),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODENAME": "eventhook@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(nodes_port),
        "RABBITMQ_MNESIA_BASE": str(folder / "data"),
        "RABBITMQ_LOGS": "-",
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
        # Makes the script become the server, so that the process that we end is it.
        "RUNNING_UNDER_SYSTEMD": "true",
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+sbwt none",
    }
    async with (
        _process([mapper], folder, lambda: _accepts(port=mapper_port), environment=environment),
        _process(
            [program],
            folder,
            lambda: _accepts(port=port),
            environment=environment,
            # It does not hear a milder word while it starts, and nothing of it is kept.
            stop=signal.SIGKILL,
        ),
    ):
        yield f"amqp://guest:guest@127.0.0.1:{port}/"


@asynccontextmanager
async def _kafka(folder: Path) -> AsyncIterator[str]:
    java = _find("java", package="default-jre-headless", variable="KAFKA_SERVERS")
    if not KAFKA_JARS.exists():
        raise ServerUnavailable(
            f"there is no Kafka to start; in {KAFKA_JARS.parent.name}: mvn dependency:copy-dependencies"
            " -DoutputDirectory=lib, or set KAFKA_SERVERS"
        )
    port, controller = _free_port(), _free_port()
    config = folder / "server.properties"
    config.write_text(KAFKA.format(port=port, controller=controller, folder=folder))
    logs = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"
    jvm = [java, "-Xmx512m", "-XX:TieredStopAtLevel=1", logs, "-cp", f"{KAFKA_JARS}/*"]
    cluster = ["-t", "AAAAAAAAAAAAAAAAAAAAAQ", "--standalone", "-c", str(config)]
    async with _process([*jvm, "kafka.tools.StorageTool", "format", *cluster], folder) as making:
        if await making.wait():
            raise ServerUnavailable(f"formatting failed; the output ends: {_end_of_log(folder)}")
    command = [*jvm, "kafka.Kafka", str(config)]
    # Nothing of it is kept, and an orderly end takes it seconds.
    async with _process(command, folder, lambda: _accepts(port=port), stop=signal.SIGKILL):
        yield f"127.0.0.1:{port}"


@asynccontextmanager
async def _process(
    command: Sequence[str],
    folder: Path,
    ready: Callable[[], Awaitable[bool]] | None = None,
    *,
    user: str | None = None,
    environment: dict[str, str] | None = None,
    stop: signal.Signals = signal.SIGTERM,
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Runs a process: yields it when it is ready; on leaving, ends it and all that it started."""
    with (folder / "log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=folder,
            env=environment,
            user=user,
            group=user,
            extra_groups=[] if user else None,
            start_new_session=True,
        )
    try:
        if ready is not None:
            await _wait_until(ready, process, folder, Path(command[0]).name)
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.send_signal(stop)
        try:
            await asyncio.wait_for(process.wait(), STOP_TIMEOUT_S)
        except TimeoutError:
            pass
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()


async def _wait_until(
    ready: Callable[[], Awaitable[bool]],
    process: asyncio.subprocess.Process,
    folder: Path,
    name: str,
) -> None:
    try:
        async with asyncio.timeout(START_TIMEOUT_S):
            while not await ready():
                if process.returncode is not None:
                    raise ServerUnavailable(
                        f"{name} ended with {process.returncode}; its log ends: {_end_of_log(folder)}"
                    )
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise ServerUnavailable(
            f"{name} was not ready within {START_TIMEOUT_S:g} s; its log ends: {_end_of_log(folder)}"
        ) from None


async def _accepts(*, path: Path | None = None, port: int | None = None) -> bool:
    try:
        if path is not None:
            _, writer = await asyncio.open_unix_connection(path)
        else:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


def _find(program: str, *, package: str, variable: str, places: Sequence[str] = PLACES) -> str:
    # RabbitMQ's own script, where Debian's wrapper would come first and leave our settings out.
    path = os.pathsep.join([*places, os.environ.get("PATH", "")])
    found = shutil.which(program, path=path)
    if found is None:
        raise ServerUnavailable(
            f"there is no {program} to start; apt-get install {package}, or set {variable}"
        )
    return found


def _postgres_places() -> list[str]:
    versions = sorted(POSTGRES_PLACES.glob("*/bin"), key=lambda its: int(its.parent.name))
    return [str(place) for place in reversed(versions)]


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def _end_of_log(folder: Path) -> str:
    lines = (folder / "log").read_text(encoding="utf-8", errors="replace").splitlines()
    return " | ".join(lines[-3:]) or "nothing"
