"""Reads every `verdicts.toml`, builds its buses, and judges them by the suite."""

from __future__ import annotations

import asyncio
import json
import os
import platform
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, Literal

import msgspec
from targets import servers
from verdicts_page import Measured, measured_from

from eventhook_conformance import Server
from eventhook_conformance.kit import NatsServer, ServerUnavailable
from eventhook_conformance.specification.requirements import requirements

BUILD_LIMIT_S = 1200.0
RUN_LIMIT_S = 900.0
GRACE_S = 30.0
"""How long a run that was interrupted may take to stop its servers."""

TOOLCHAINS = {
    "Rust": "rustc --version",
    "Go": "go version",
    "TypeScript": "node --version",
    "JavaScript": "node --version",
    "Node": "node --version",
    "Java": "java --version",
}
# How the suite tells that a target wants a library or a server's program.
_ABSENT = re.compile(r"No module named|there is no \S+ to start")
BUILT = ("target", "build", "dist", "node_modules", "__pycache__", ".*_cache")


SERVERS: Mapping[str, tuple[str, Callable[[], AbstractAsyncContextManager[Server]]]] = {
    "nats": ("NATS_URL", NatsServer),
    "jetstream": ("NATS_URL", partial(NatsServer, jetstream=True)),
    "redis": ("REDIS_URL", servers.redis),
    "rabbitmq": ("AMQP_URL", servers.rabbitmq),
}
"""By the name of a need: the variable that a bus reads its address from, and what starts it."""


class Broken(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One change that must turn the verdict."""

    file: str
    replace: str
    by: str
    turns: str


class Bus(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One entry of a `verdicts.toml`."""

    name: str
    language: str
    library: str
    target: str
    build: str = ""
    needs: tuple[Literal["nats", "jetstream", "redis", "rabbitmq"], ...] = ()
    notes: str = ""
    racy: bool = False
    """It always fails, but which requirements depends on a race in it."""
    broken: Broken | None = None


class Entry(msgspec.Struct, frozen=True):
    """A bus, and the folder that all its commands run in."""

    bus: Bus
    folder: Path


class Unmeasured(Exception):
    """Something could not be built or run; the message is one line that says why."""


class Missing(Unmeasured):
    """This machine has no such toolchain, server or library."""


REFERENCES = (
    Bus(
        name="memory",
        language="Python",
        library="this project's reference",
        target="memory",
        notes="The reference in memory: what a conformant bus looks like without a network.",
    ),
    Bus(
        name="nats",
        language="Python",
        library="this project's reference over nats-py",
        target="nats",
        notes="The reference over a real NATS server.",
    ),
)


def read_entries(examples: Path) -> list[Entry]:
    """Returns the references, then the buses of every `verdicts.toml`.

    Raises:
        ValueError: a file is no TOML, a member is wrong, or a name is there twice.
    """
    entries = [Entry(bus, examples.parent) for bus in REFERENCES]
    for file in sorted(examples.rglob("verdicts.toml")):
        if any(part in BUILT for part in file.relative_to(examples).parts):
            continue
        try:
            found = tomllib.loads(file.read_text(encoding="utf-8")).get("bus", [])
            entries += [Entry(bus, file.parent) for bus in msgspec.convert(found, tuple[Bus, ...])]
        except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
            raise ValueError(f"{file.relative_to(examples)}: {error}") from error
    names = [entry.bus.name for entry in entries]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"there are two buses of the name {', '.join(twice)}")
    for bus in (entry.bus for entry in entries):
        if bus.broken is not None and bus.broken.turns not in requirements():
            raise ValueError(f"{bus.name}: there is no requirement {bus.broken.turns!r}")
    return entries


@contextmanager
def surroundings(needs: Sequence[str]) -> Iterator[dict[str, str]]:
    """Yields the environment of a bus, with the servers that it needs; this Python's programs first."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    environment = {**os.environ, "PATH": path}
    with asyncio.Runner() as runner, ExitStack() as running:
        for need in needs:
            variable, start = SERVERS[need]
            context = start()
            try:
                server = runner.run(context.__aenter__())
            except ServerUnavailable as error:
                raise Missing(str(error)) from error
            running.callback(lambda left: runner.run(left.__aexit__(None, None, None)), context)
            environment[variable] = server.address
        yield environment


def call(
    args: Sequence[str], folder: Path, environment: Mapping[str, str], limit_s: float
) -> tuple[int, str]:
    """Returns a command's exit code and output.

    Raises:
        Unmeasured: there is no such program, or it took longer than the limit.
    """
    if shutil.which(args[0], path=environment["PATH"]) is None and not (folder / args[0]).exists():
        raise Missing(f"there is no {args[0]} on this machine")
    with subprocess.Popen(
        args,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as process:
        try:
            output, _ = process.communicate(timeout=limit_s)
        except subprocess.TimeoutExpired:
            raise Unmeasured(f"{shlex.join(args)} took longer than {limit_s:g} s") from None
        finally:
            _end(process)
    return process.returncode, output


def _end(process: subprocess.Popen[str]) -> None:
    """Interrupts what still runs, as Ctrl-C would, so that it stops its servers; then ends it."""
    for number, limit_s in ((signal.SIGINT, GRACE_S), (signal.SIGKILL, None)):
        if process.poll() is None:
            with suppress(ProcessLookupError, subprocess.TimeoutExpired):
                os.killpg(process.pid, number)
                process.wait(limit_s)


def build(bus: Bus, folder: Path, environment: Mapping[str, str]) -> None:
    """Builds a bus by its own command.

    Raises:
        Unmeasured: that failed.
    """
    if not bus.build:
        return
    code, output = call(shlex.split(bus.build), folder, environment, BUILD_LIMIT_S)
    if code:
        raise Unmeasured(f"{bus.build} ended with {code}: {_last_line(output)}")


def run(bus: Bus, folder: Path, environment: Mapping[str, str], *options: str) -> dict[str, Any]:
    """Returns the JSON report of one run.

    Raises:
        Unmeasured: there is none, or the target could not be used.
    """
    with tempfile.TemporaryDirectory(prefix="eventhook-verdicts-") as place:
        file = Path(place) / "report.json"
        suite = [sys.executable, "-m", "eventhook_conformance", "run", bus.target]
        args = [*suite, "-q", "--json", str(file), *options]
        code, output = call(args, folder, environment, RUN_LIMIT_S)
        if code == 2 or not file.exists():
            reason = _last_line(output)
            raise (Missing if _ABSENT.search(reason) else Unmeasured)(reason)
        report: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        return report


def driver_check(bus: Bus, folder: Path, environment: Mapping[str, str]) -> tuple[int, str]:
    """Returns the exit code and the output of a check of the driver; 0 for a target that is none."""
    if not bus.target.startswith("driver:"):
        return 0, ""
    driver = shlex.split(bus.target.removeprefix("driver:"))
    suite = [sys.executable, "-m", "eventhook_conformance", "driver-check"]
    return call([*suite, *driver], folder, environment, RUN_LIMIT_S)


def _last_line(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"


def measure(entry: Entry) -> Measured:
    """Builds a bus and has the suite judge it.

    Raises:
        Unmeasured: that was not possible.
    """
    bus, folder = entry.bus, entry.folder
    with surroundings(bus.needs) as environment:
        build(bus, folder, environment)
        return measured_from(run(bus, folder, environment), toolchain(bus, folder, environment))


def toolchain(bus: Bus, folder: Path, environment: Mapping[str, str]) -> str:
    """Returns the version of the tool that builds a bus."""
    if bus.language not in TOOLCHAINS:
        return f"Python {platform.python_version()}"
    _, output = call(shlex.split(TOOLCHAINS[bus.language]), folder, environment, GRACE_S)
    first = output.strip().partition("\n")[0]
    return f"Node.js {first}" if first.startswith("v") else first


def broken_outcomes(entry: Entry) -> tuple[str, str]:
    """Returns the results of the requirement before and after the change, in a copy of the folder.

    Raises:
        Unmeasured: a copy could not be judged, or what is to be replaced is not there exactly once.
    """
    bus, broken = entry.bus, entry.bus.broken
    if broken is None:
        raise Unmeasured("its verdicts.toml names no [bus.broken]")
    with (
        tempfile.TemporaryDirectory(prefix="eventhook-broken-") as place,
        surroundings(bus.needs) as environment,
    ):
        folder = Path(place) / entry.folder.name
        shutil.copytree(entry.folder, folder, ignore=shutil.ignore_patterns(*BUILT))

        def outcome() -> str:
            build(bus, folder, environment)
            [result] = run(bus, folder, environment, "-k", broken.turns)["results"]
            outcomes = {one["id"]: str(one["outcome"]) for one in result["requirements"]}
            return outcomes[broken.turns]

        before = outcome()
        file = folder / broken.file
        text = file.read_text(encoding="utf-8")
        if text.count(broken.replace) != 1:
            raise Unmeasured(
                f"{broken.replace!r} is {text.count(broken.replace)} times in {file.name}"
            )
        file.write_text(text.replace(broken.replace, broken.by), encoding="utf-8")
        return before, outcome()
