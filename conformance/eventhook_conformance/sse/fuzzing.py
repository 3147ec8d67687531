"""schemathesis on a server's own OpenAPI document, over real HTTP (SSE-14).

It runs as a process of its own, in an empty directory (it would pick up a configuration from any
parent), and is ended when its time is over. A stream without end is left after its first event or
after a short while; so that most do have one, the suite publishes all the time.
"""

from __future__ import annotations

import asyncio
import copy
import json
import os
import re
import sys
import tempfile
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

CHECKS: Final = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
    "ignored_auth",
)
"""What an answer may not do; which requests a server takes for good ones is judged elsewhere."""
STREAM_TIMEOUT_S: Final = 0.4
"""Seconds given to a stream on which nothing comes."""
ANSWER_TIMEOUT_S: Final = 10.0
"""Seconds given to an answer that has to end."""
_SERVERS_ERRORS: Final = frozenset(
    {"Network Error", "Unresponsive Operation", "Unhealthy API", "Server Unavailable"}
)
_DEEPEST: Final = 8
_WORKERS: Final = 4
# Parsing Python in several threads by turns fails now and then before 3.12 (CPython issue 106905);
# with so long an interval a thread goes on until it waits for something.
_PREPARE: Final = (
    "import sys; sys.setswitchinterval(60); "
    "from schemathesis.cli import schemathesis; schemathesis()"
)
_PLACEHOLDER: Final = re.compile(r"\{([^{}]+)\}")


@dataclass(frozen=True)
class Fuzzed:
    """What came of one run."""

    requests: int
    failures: tuple[str, ...]
    """One line each."""
    problem: str | None = None
    """Why the run says nothing, if it does."""


def locate(document: Mapping[str, Any], path: str) -> tuple[str, dict[str, str]] | None:
    """The path template of the document that a real path belongs to, with its parameters.

    The one with the fewest parameters wins; a server's base path may be in front of it.
    """
    prefixes = {"", *(urlsplit(str(one.get("url", ""))).path for one in _servers(document))}
    found: list[tuple[int, str, dict[str, str]]] = []
    for template in document.get("paths", {}):
        names = _PLACEHOLDER.findall(template)
        pattern = _PLACEHOLDER.sub("([^/]+)", re.sub(r"[.*+?()|^$\\]", r"\\\g<0>", template))
        for prefix in prefixes:
            match = re.fullmatch(re.escape(prefix.rstrip("/")) + pattern, path)
            if match is not None:
                found.append((len(names), template, dict(zip(names, match.groups(), strict=True))))
    if not found:
        return None
    _, template, values = min(found, key=lambda one: one[0])
    return template, values


def _servers(document: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    servers = document.get("servers", ())
    return servers if isinstance(servers, list) else ()


def with_real_values(
    document: Mapping[str, Any], streams: Mapping[str, Mapping[str, str]], fixed: Collection[str]
) -> tuple[dict[str, Any], list[str]]:
    """The document with some parameters of its streams' paths written out; and those paths.

    A configuration could fix them too, but holds values of one name for the same on every path.

    Args:
        document: the server's.
        streams: the path templates of the streams, each with its real parameters.
        fixed: the values to write out; what else a path takes is generated.
    """
    changed = copy.deepcopy(dict(document))
    written: list[str] = []
    for template, values in streams.items():
        item = changed["paths"].pop(template)
        known = {name: value for name, value in values.items() if value in fixed}
        path = template
        for name, value in known.items():
            path = path.replace(f"{{{name}}}", value)
        for holder in (item, *(one for one in item.values() if isinstance(one, dict))):
            if "parameters" in holder:
                holder["parameters"] = [
                    one for one in holder["parameters"] if not _is_path(document, one, known)
                ]
        changed["paths"][path] = item
        written.append(path)
    return changed, written


def _is_path(document: Mapping[str, Any], parameter: Mapping[str, Any], names: Any) -> bool:
    resolved = resolve(document, parameter)
    return resolved.get("in") == "path" and resolved.get("name") in names


def resolve(document: Mapping[str, Any], value: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a reference within the document points to; what is none, as it is."""
    for _ in range(_DEEPEST):
        target = value.get("$ref")
        if not isinstance(target, str) or not target.startswith("#/"):
            break
        found: Any = document
        for part in target[2:].split("/"):
            found = found.get(part.replace("~1", "/").replace("~0", "~"), {})
        value = found
    return value


def configuration(streams: Iterable[str], seed: int) -> str:
    """The configuration of one run, as TOML.

    Args:
        streams: the paths of the streams.
        seed: makes the run repeatable.
    """
    lines = [f"seed = {seed}", "continue-on-failure = true", "max-stream-events = 1"]
    lines.append(f"request-timeout = {ANSWER_TIMEOUT_S}")
    for path in streams:
        lines += ["", "[[operations]]", f"include-path = {json.dumps(path)}"]
        lines += ['include-method = "GET"', f"request-timeout = {STREAM_TIMEOUT_S}"]
    return "\n".join(lines) + "\n"


async def fuzz(
    document: Mapping[str, Any],
    base_url: str,
    headers: Mapping[str, str],
    config: str,
    *,
    phases: str,
    examples: int,
    limit_s: float,
) -> Fuzzed:
    """Runs schemathesis once.

    Args:
        document: the server's.
        base_url: where it answers.
        headers: the credentials.
        config: as `configuration` makes it.
        phases: of schemathesis, joined by commas.
        examples: for each operation and way of generating, at most.
        limit_s: seconds after which it is ended.
    """
    with tempfile.TemporaryDirectory(prefix="eventhook-fuzz-") as name:
        folder = Path(name)
        (folder / "openapi.json").write_text(json.dumps(document), encoding="utf-8")
        (folder / "schemathesis.toml").write_text(config, encoding="utf-8")
        where = "--url" if urlsplit(base_url).path.strip("/") else "--origin"
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            _PREPARE,
            *("--config-file", "schemathesis.toml"),
            *("run", "openapi.json", where, base_url),
            *("--phases", phases, "--checks", ",".join(CHECKS)),
            *("--max-examples", str(examples), "--workers", str(_WORKERS)),
            *(
                "--suppress-health-check",
                "all",
                "--no-shrink",
                "--generation-database",
                "none",
                "--no-color",
            ),
            *("--report", "json", "--report-json-path", "report.json"),
            *(part for pair in headers.items() for part in ("-H", f"{pair[0]}: {pair[1]}")),
            cwd=folder,
            env={**os.environ, "HYPOTHESIS_STORAGE_DIRECTORY": str(_storage())},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(limit_s):
                output, _ = await process.communicate()
        except TimeoutError:
            return Fuzzed(0, (), f"schemathesis had not ended after {limit_s:g} s")
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        report = folder / "report.json"
        if not report.exists():
            last = output.decode("utf-8", "replace").strip().splitlines()[-6:]
            return Fuzzed(0, (), f"schemathesis gave no report: {' | '.join(last)}")
        fuzzed = read_report(json.loads(report.read_text(encoding="utf-8")))
        if fuzzed.problem is None:
            return fuzzed
        # The report names an error of the tool's own; what it was stands in the output alone.
        text = " ".join(output.decode("utf-8", "replace").partition("= ERRORS =")[2].split())
        return replace(fuzzed, problem=f"{fuzzed.problem} {text:.800}")


def _storage() -> Path:
    """Where hypothesis keeps what it takes seconds to work out, from one run to the next."""
    return Path(tempfile.gettempdir()) / f"eventhook-hypothesis-{os.getuid()}"


def read_report(report: Mapping[str, Any]) -> Fuzzed:
    """What a report of schemathesis says. An error is the server's where it is one of the network."""
    errors = list(report.get("errors", ()))
    failures = [_line(one) for one in report.get("failures", ())]
    failures += [_line(one) for one in errors if one.get("title") in _SERVERS_ERRORS]
    own = [_line(one) for one in errors if one.get("title") not in _SERVERS_ERRORS]
    requests = int(report.get("test_cases", {}).get("generated", 0))
    problem = own[0] if own else None if requests else "it sent no request"
    return Fuzzed(requests, tuple(failures), problem and f"schemathesis: {problem}")


def _line(failure: Mapping[str, Any]) -> str:
    title = failure.get("title") or failure.get("type") or "a failure"
    rest = {key: value for key, value in failure.items() if key not in ("title", "type", "code")}
    return f"{title}: {json.dumps(rest, ensure_ascii=False)}"[:600]
