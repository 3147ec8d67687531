"""schemathesis on a server's own OpenAPI document (SSE-14): configures and runs it.

Over HTTP it runs as a process of its own, in an empty directory, and is ended when its time is over.
An application that the target gives is called without a socket too: schemathesis then runs in a
thread, and the application answers in the suite's loop. A stream without end is left after its first
event or after a short while; so that most do have one, the suite publishes all the time.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
import threading
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

from eventhook_conformance.programs.hypothesis_home import hypothesis_elsewhere, hypothesis_folder
from eventhook_conformance.sse.asgi_client import Inside
from eventhook_conformance.sse.document import common_values, server_url, with_real_paths
from eventhook_conformance.sse.schemathesis_runner import ANSWER_TIMEOUT_S, Fuzzed, end_portal
from eventhook_conformance.sse.schemathesis_runner import fuzz as fuzz_here
from eventhook_conformance.target import AsgiApp

CHECKS: Final = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
    "allow_header_conformance",
    "ignored_auth",
    "ensure_resource_availability",
    "use_after_free",
)
"""Checks of answers. Other cases judge which requests a server accepts."""
STREAM_TIMEOUT_S: Final = 0.4
"""Seconds given to a stream on which nothing comes."""
PHASES: Final = ("examples", "coverage", "fuzzing", "stateful")
_WORKERS: Final = 4
_STATEFUL_SHARE: Final = 4
"""Each example of the phase is a chain of several requests."""
_RUN: Final = "from eventhook_conformance.sse.schemathesis_runner import main; main()"

NOT_IN_TIME: Final = "schemathesis had not ended in time"
"""Why a run that was ended has no answer."""

InTime: TypeAlias = Callable[[asyncio.Future[Any]], Awaitable[bool]]
Phase: TypeAlias = Literal["examples", "coverage", "fuzzing", "stateful"]


@dataclass(frozen=True)
class Effort:
    """The effort of a search: how much is tried."""

    real: tuple[Phase, ...] = ("fuzzing",)
    """On streams with real ids, which lead to streams."""
    generated: tuple[Phase, ...] = ("coverage", "stateful")
    """On everything else: generated ids, borders of the schema, methods, chains by links."""
    examples: int = 8
    """For each operation and way of generating, at most."""


@dataclass(frozen=True)
class Plan:
    """The input of one schemathesis run."""

    document: Mapping[str, Any]
    streams: Mapping[str, Mapping[str, str]]
    """The path templates of the streams, each with its real parameters."""
    ids: Collection[str]
    """Those among the parameters' values that are ids: real on some paths, generated on others."""
    base_url: str
    headers: Mapping[str, str]
    """The credentials."""
    seed: int
    effort: Effort = field(default_factory=Effort)

    def job(self, **changed: Any) -> dict[str, Any]:
        """Returns the document and the configuration, with some of its top-level values changed."""
        document, real = with_real_paths(self.document, self.streams)
        effort = self.effort
        phases = {*effort.real, *effort.generated}
        generation = {"max-examples": effort.examples, "no-shrink": True, "database": "none"}
        fixed = common_values(self.streams, set(self.ids))
        chains = {"max-examples": max(1, effort.examples // _STATEFUL_SHARE)}
        config: dict[str, Any] = {
            "seed": self.seed,
            "continue-on-failure": True,
            "suppress-health-check": ["all"],
            "max-stream-events": 1,
            "request-timeout": ANSWER_TIMEOUT_S,
            "workers": _WORKERS,
            "base-url": server_url(self.document, self.base_url),
            "headers": dict(self.headers),
            "generation": generation,
            "checks": {"enabled": False, **{name: {"enabled": True} for name in CHECKS}},
            "phases": {
                **{name: {"enabled": name in phases} for name in PHASES},
                "stateful": {"enabled": "stateful" in phases, "generation": chains},
            },
            "parameters": {f"path.{name}": value for name, value in fixed.items()},
            "operations": [
                *_operations(list(self.streams), phases - {*effort.generated}),
                *_operations(real, phases - {*effort.real}),
            ],
        }
        return {"document": document, "config": {**config, **changed}}


def _operations(paths: Collection[str], left_out: Collection[str]) -> Iterator[dict[str, Any]]:
    """Yields the settings of operations that are streams."""
    phases = {"phases": {name: {"enabled": False} for name in left_out}} if left_out else {}
    timeout = {"request-timeout": STREAM_TIMEOUT_S}
    yield {"include-path": list(paths), "include-method": "GET", **timeout, **phases}
    if phases:
        yield {"include-path": list(paths), "exclude-method": "GET", **phases}


async def fuzz_over_http(plan: Plan, in_time: InTime) -> Fuzzed:
    """Runs schemathesis once, in a process of its own.

    Args:
        plan: what it is given.
        in_time: waits for its end, for a limited time; it is ended then.
    """
    with tempfile.TemporaryDirectory(prefix="eventhook-fuzz-") as folder:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", _RUN),
            cwd=folder,
            env={**os.environ, "HYPOTHESIS_STORAGE_DIRECTORY": str(hypothesis_folder())},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        talking = asyncio.create_task(process.communicate(json.dumps(plan.job()).encode()))
        try:
            if not await in_time(talking):
                return Fuzzed(0, (), NOT_IN_TIME)
            output, errors = talking.result()
        finally:
            talking.cancel()
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
    if process.returncode:
        last = errors.decode("utf-8", "replace").strip().splitlines()[-6:]
        return Fuzzed(0, (), f"schemathesis failed: {' | '.join(last)}")
    return read_answer(output.decode("utf-8", "replace"))


def read_answer(output: str) -> Fuzzed:
    """Reads the result from the last line that the process wrote."""
    lines = output.strip().splitlines() or ["nothing"]
    try:
        told = json.loads(lines[-1])
        failures, phases = tuple(told["failures"]), tuple(told["phases"])
        return Fuzzed(told["requests"], failures, told["problem"], phases)
    except (ValueError, KeyError, TypeError):
        return Fuzzed(0, (), f"schemathesis gave no answer but {lines[-1]:.200}")


async def fuzz_inside(plan: Plan, app: AsgiApp, in_time: InTime) -> Fuzzed:
    """Runs schemathesis once, in a thread, on the application itself.

    Args:
        plan: what it is given.
        app: the application.
        in_time: waits for its end, for a limited time; it is ended then.
    """
    stop = threading.Event()
    # Each request ends by the bounds of `Inside`; the tool's own would come in between.
    job = plan.job(**{"workers": 1, "request-timeout": 3 * ANSWER_TIMEOUT_S})
    for operation in job["config"]["operations"]:
        if "request-timeout" in operation:
            operation["request-timeout"] = 3 * ANSWER_TIMEOUT_S
    running = asyncio.create_task(
        asyncio.to_thread(_fuzz_quietly, job["document"], job["config"], Inside(app), stop)
    )
    try:
        done = await in_time(running)
    finally:
        stop.set()
        # The application answers in this loop, so that the thread ends only while this waits.
        await asyncio.wait({running})
    if not done:
        return Fuzzed(0, (), NOT_IN_TIME)
    return running.result()


def _fuzz_quietly(
    document: Mapping[str, Any], config: Mapping[str, Any], app: Inside, stop: threading.Event
) -> Fuzzed:
    with hypothesis_elsewhere():
        try:
            return fuzz_here(document, config, app, stop)
        finally:
            end_portal()
