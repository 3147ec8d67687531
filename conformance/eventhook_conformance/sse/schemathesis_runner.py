"""schemathesis, run once: in a process of its own over HTTP, or on an application in a thread.

Imports schemathesis only when it runs, and nothing else of the suite: a fresh process starts fast.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from http import client
from typing import Any, Final

ANSWER_TIMEOUT_S: Final = 10.0
"""Seconds given to an answer to begin, and to one that has to end."""
_SERVERS_ERRORS: Final = frozenset(
    {"Network Error", "Unresponsive Operation", "Unhealthy API", "Server Unavailable"}
)
_DEAD_END: Final = "No progress can be made from state"
"""The message of Hypothesis for a chain of requests whose last answer leads nowhere. That is no failure:
the chain was sent and checked so far. Only the message tells this error from others of its class."""
_LONGEST: Final = 600
_CONTINUE: Final = 100
_SWITCHING: Final = 101
_FINAL: Final = 200
_KEPT: Final = 10
"""How many connections a session keeps, at most."""
_REPEATABLE: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"})
"""The methods that HTTP calls idempotent."""


@dataclass(frozen=True)
class Fuzzed:
    """The result of one run."""

    requests: int
    failures: tuple[str, ...]
    """One line each."""
    problem: str | None = None
    """Why the run says nothing, if it does."""
    phases: tuple[str, ...] = ()
    """Those in which something was sent."""


def fuzz(
    document: Mapping[str, Any],
    config: Mapping[str, Any],
    app: Any = None,
    stop: threading.Event | None = None,
) -> Fuzzed:
    """Runs schemathesis to its end.

    Args:
        document: the server's.
        config: of schemathesis.
        app: an ASGI application to call; None sends over HTTP.
        stop: once set, the run is over after the request that is on its way.
    """
    import schemathesis
    from schemathesis.config import SchemathesisConfig
    from schemathesis.engine import events, from_schema

    schema = schemathesis.openapi.from_dict(
        dict(document), config=SchemathesisConfig.from_dict(dict(config))
    )
    schema.app = app
    requests, phases = 0, set()
    failures: dict[str, None] = {}
    own: list[str] = []
    running = from_schema(schema).execute()
    for event in running:
        if stop is not None and stop.is_set():
            running.stop()
        if isinstance(event, events.ScenarioFinished):
            requests += len(event.recorder.interactions)
            if event.recorder.interactions:
                phases.add(event.phase.value)
            failures |= dict.fromkeys(_failures(event.recorder))
        elif isinstance(event, events.NonFatalError):
            line = _line(event.info.title, event.label, str(event.info))
            if event.info.title in _SERVERS_ERRORS:
                failures[line] = None
            elif _DEAD_END not in line:
                own.append(line)
        elif isinstance(event, events.FatalError):
            own.append(_line("it failed", type(event.exception).__name__, str(event.exception)))
    problem = own[0] if own else None if requests else "it sent no request"
    return Fuzzed(
        requests,
        tuple(failures),
        None if problem is None else f"schemathesis: {problem}",
        tuple(sorted(phases)),
    )


def _failures(recorder: Any) -> list[str]:
    lines = []
    for case, checks in recorder.checks.items():
        for check in checks:
            if check.failure_info is not None:
                failure = check.failure_info.failure
                sent = recorder.interactions.get(failure.case_id or case)
                where = failure.operation or recorder.label
                asked = "" if sent is None else f" ({sent.request.method} {sent.request.uri})"
                lines.append(_line(failure.title, where, f"{failure.message}{asked}"))
    return lines


def _line(title: str, where: str, text: str) -> str:
    return f"{title}: {where}: {' '.join(text.split())}"[:_LONGEST]


def main() -> None:
    """Reads what to run from the standard input, and writes the result as the last line."""
    # Parsing Python in several threads by turns fails now and then before 3.12 (CPython issue
    # 106905); with so long an interval a thread goes on until it waits for something.
    sys.setswitchinterval(60)
    send_as_the_server_allows()
    _ask_nobody_but_the_server()
    read_all_that_http_allows()
    job = json.load(sys.stdin)
    print(json.dumps(asdict(fuzz(job["document"], job["config"]))))  # noqa: T201  # because: the answer


def send_as_the_server_allows() -> None:
    """Bounds only the silence of a stream by `request-timeout`, and asks again on a new connection.

    An answer may take longer to begin. A server may close a connection that it kept, just as the next
    request is on its way: what such a connection did not answer is sent once more on a new one.
    """
    from requests import adapters, exceptions, sessions

    class Patient(adapters.HTTPAdapter):
        def send(self, request: Any, *args: Any, **named: Any) -> Any:
            silence = named.get("timeout")
            response = self._send_until_new(
                request, *args, **{**named, "timeout": ANSWER_TIMEOUT_S}
            )
            connection = response.raw.connection
            if connection is not None and connection.sock is not None:
                connection.sock.settimeout(silence)
            return response

        def _send_until_new(self, request: Any, *args: Any, **named: Any) -> Any:
            secured: dict[str, Any] = {
                name: named.get(name) for name in ("verify", "proxies", "cert")
            }
            pool = self.get_connection_with_tls_context(request, **secured)
            for _ in range(_KEPT):
                before = pool.num_connections
                try:
                    return super().send(request, *args, **named)
                except exceptions.ConnectionError:
                    if pool.num_connections != before or request.method not in _REPEATABLE:
                        raise
            return super().send(request, *args, **named)

    # Sessions are made by the tool, each with adapters of this name.
    vars(sessions)["HTTPAdapter"] = Patient


def _ask_nobody_but_the_server() -> None:
    """Leaves out proxies and passwords of the environment, which are for the world outside."""
    from requests import sessions

    vars(sessions)["get_environ_proxies"] = lambda *_, **__: {}
    vars(sessions)["get_netrc_auth"] = lambda *_: None


def read_all_that_http_allows() -> None:
    """Has the standard library's client read what RFC 9110 and 9112 allow, and it does not by itself.

    That is informational answers of any number before the final one (it knows 100 alone), and blanks
    after a field's value, which belong to no value.
    """
    read_fields = client.parse_headers

    def without_blanks(*arguments: Any, **named: Any) -> Any:
        fields = read_fields(*arguments, **named)
        found = fields.items()
        for name in {name for name, _ in found}:
            del fields[name]
        for name, value in found:
            fields[name] = value.strip(" \t")
        return fields

    class Patient(client.HTTPResponse):
        def _read_status(self) -> Any:
            while True:
                answer = super()._read_status()  # type: ignore[misc]  # because: not in typeshed
                if not _CONTINUE < answer[1] < _FINAL or answer[1] == _SWITCHING:
                    return answer
                read_fields(self.fp)

    vars(client)["parse_headers"] = without_blanks
    client.HTTPConnection.response_class = Patient


def end_portal() -> None:
    """Ends the thread in which the tool calls applications: it keeps one until the process ends.

    What is left open after a run would be told as the target's.
    """
    from schemathesis.python import asgi

    vars(asgi).get("_shutdown", lambda: None)()
