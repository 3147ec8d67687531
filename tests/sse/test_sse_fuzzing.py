"""schemathesis: how it is told what to do, that a long run against the reference finds nothing, and
that each way of running it finds what is broken."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

import pytest
from schemathesis.engine import events

from engine.hostile import new_session
from eventhook_conformance.cases.sse_document import Way, fuzz_target
from eventhook_conformance.history import History
from eventhook_conformance.probe import Probe
from eventhook_conformance.settings import Settings
from eventhook_conformance.sse.asgi_client import Inside
from eventhook_conformance.sse.document import (
    common_values,
    locate,
    server_url,
    with_real_paths,
)
from eventhook_conformance.sse.fuzzing import Effort, Plan, read_answer
from eventhook_conformance.sse.schemathesis_runner import Fuzzed, fuzz
from eventhook_reference.lifecycle.registry import Registry
from eventhook_reference.servers import memory_server
from eventhook_reference.sse.access import Refused
from eventhook_reference.sse.app import SseApp
from eventhook_reference.sse.openapi import document
from eventhook_reference.sse.server import http

ID = "123e4567-e89b-42d3-a456-426614174000"
PATH = f"/api/tenants/acme/workflow-executions/{ID}/stream"
TEMPLATE = "/api/tenants/{tenant}/workflow-executions/{id}/stream"
STREAMS = {TEMPLATE: {"tenant": "acme", "id": ID}}


def test_a_path_is_found_in_the_document() -> None:
    assert locate(document(), PATH) == (TEMPLATE, {"tenant": "acme", "id": ID})
    assert locate(document(), PATH + "/consolidated") == (
        TEMPLATE + "/consolidated",
        {"tenant": "acme", "id": ID},
    )
    assert locate(document(), "/nowhere") is None


def test_a_path_is_found_under_a_servers_base_path() -> None:
    paths: dict[str, object] = {"/workflow-executions/{wf}/stream": {}, "/{any}/{wf}/stream": {}}
    described = {"servers": [{"url": "https://x.example/api/tenants/acme"}], "paths": paths}
    assert locate(described, PATH) == ("/workflow-executions/{wf}/stream", {"wf": ID})


def test_a_documents_own_base_path_is_kept() -> None:
    described = {"servers": [{"url": "https://x.example/api/"}]}
    assert server_url(described, "http://127.0.0.1:8000") == "http://127.0.0.1:8000/api"
    assert server_url(described, "http://127.0.0.1:8000/v2") == "http://127.0.0.1:8000/v2"
    assert server_url({}, "http://127.0.0.1:8000") == "http://127.0.0.1:8000"


def test_real_values_are_written_into_copies_of_the_paths() -> None:
    changed, paths = with_real_paths(document(), STREAMS)
    assert paths == [PATH]
    names = [one["name"] for one in changed["paths"][PATH]["parameters"]]
    assert names == ["types", "Last-Event-ID"]
    assert "operationId" not in changed["paths"][PATH]["get"]
    assert changed["paths"][TEMPLATE] == document()["paths"][TEMPLATE]


def test_what_is_no_id_has_one_value() -> None:
    other = {"/{tenant}/{id}": {"tenant": "acme", "id": ID[::-1]}}
    assert common_values(STREAMS, {ID}) == {"tenant": "acme"}
    assert common_values({**STREAMS, **other}, set()) == {"tenant": "acme"}


def plan(effort: Effort) -> Plan:
    return Plan(document(), STREAMS, {ID}, "http://127.0.0.1:8000", {"X": "y"}, 7, effort)


def test_streams_are_given_less_time_than_answers() -> None:
    config = plan(Effort()).job()["config"]
    assert (config["seed"], config["max-stream-events"]) == (7, 1)
    streams = [one for one in config["operations"] if "request-timeout" in one]
    assert [one["include-path"] for one in streams] == [[TEMPLATE], [PATH]]
    assert all(one["request-timeout"] < config["request-timeout"] for one in streams)


def test_phases_are_those_of_the_effort() -> None:
    config = plan(Effort(real=("fuzzing",), generated=("coverage",))).job()["config"]
    on = {name for name, phase in config["phases"].items() if phase["enabled"]}
    assert on == {"coverage", "fuzzing"}
    left_out = {tuple(one["include-path"]): set(one["phases"]) for one in config["operations"]}
    assert left_out == {(TEMPLATE,): {"fuzzing"}, (PATH,): {"coverage"}}


def test_an_answer_is_read() -> None:
    told = """noise
{"requests": 5, "failures": ["x"], "problem": null, "phases": ["coverage"]}"""
    assert read_answer(told) == Fuzzed(5, ("x",), None, ("coverage",))
    assert "gave no answer" in str(read_answer("Traceback").problem)
    assert "gave no answer" in str(read_answer("").problem)


class Told:
    """An error of schemathesis's own, as it tells it."""

    title = "Runtime Error"

    def __init__(self, text: str) -> None:
        self.text = text

    def __str__(self) -> str:
        return self.text


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("hypothesis: No progress can be made from state X(), because", "it sent no request"),
        ("hypothesis: State machine X has no rules", "schemathesis: Runtime Error: chains: hyp"),
    ],
)
def test_a_chain_that_leads_nowhere_is_no_problem(
    text: str, problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = object.__new__(events.NonFatalError)
    event.info, event.label = Told(text), "chains"  # type: ignore[assignment]  # because: it is read alone
    monkeypatch.setattr(
        "schemathesis.engine.from_schema",
        lambda schema: SimpleNamespace(execute=lambda: iter([event])),
    )
    fuzzed = fuzz({"openapi": "3.1.0", "info": {"title": "", "version": ""}, "paths": {}}, {})
    assert problem in str(fuzzed.problem)


# Running it


@asynccontextmanager
async def probing(make_app: Any = SseApp) -> AsyncIterator[Probe]:
    """Yields a probe on the in-memory bus, with that server over it."""
    registry = Registry()
    target = replace(
        memory_server,
        http=lambda backend: http(backend, registry, keep_alive_s=15.0, make_app=make_app),
    )
    run = new_session(target, Settings())
    try:
        yield run.runner.probe(("SSE-14",), History("fuzz", run.context.clock))
    finally:
        await run.finish()


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.asyncio
async def test_two_thousand_requests_find_nothing() -> None:
    effort = Effort(generated=("coverage", "fuzzing", "stateful"), examples=42)

    async with probing() as probe:
        over_http, inside = await fuzz_target(probe, effort=effort, limit_s=600)
    assert over_http.failures == inside.failures == ()
    assert over_http.phases == inside.phases == ("coverage", "fuzzing", "stateful")
    assert over_http.requests + inside.requests >= 2000


class FailsOnDigits(SseApp):
    """An item of `types` with a digit in it is a 500."""

    def read_types(self, endpoint: Any, values: list[str]) -> Any:
        if any(character.isdigit() for value in values for character in value):
            raise RuntimeError("no digits were expected here")
        return super().read_types(endpoint, values)


class LetsStrangersRead(SseApp):
    """A wrong token is as good as a right one."""

    async def admit(self, request: Any) -> UUID:
        await super().admit(request) if "authorization" not in request.headers else None
        return next(iter(self.tenants.values()))


class AnswersTeapots(SseApp):
    """A task that is unknown is answered with a status that the document does not know."""

    def find(self, endpoint: Any, request: Any, tenant: UUID, id: UUID) -> None:
        try:
            super().find(endpoint, request, tenant, id)
        except Refused as refused:
            refused.status = type(refused.status)(418)
            raise


class ForgetsWhatItMade(SseApp):
    """An execution that was just made cannot be found: no single request shows it."""

    async def make_execution(self, tenant: UUID, kind: str) -> UUID:
        made = await super().make_execution(tenant, kind)
        self.registry.workflows[shown := uuid4()] = self.registry.workflows.pop(made)
        asyncio.get_running_loop().call_soon(self.registry.workflows.pop, shown)
        return shown


SINGLE = Effort(real=("fuzzing",), generated=("coverage",), examples=8)
CHAINS = Effort(real=("stateful",), generated=("stateful",), examples=40)


@pytest.mark.slow
@pytest.mark.asyncio
@pytest.mark.parametrize("way", ["http", "inside"])
@pytest.mark.parametrize(
    ("broken", "effort", "seen"),
    [
        (FailsOnDigits, SINGLE, "Server error"),
        (LetsStrangersRead, SINGLE, "authentication"),
        (AnswersTeapots, SINGLE, "Undocumented (HTTP )?status code"),
        (ForgetsWhatItMade, CHAINS, "not (found|available after creation)"),
    ],
)
async def test_what_is_broken_is_found(
    broken: type[SseApp], effort: Effort, seen: str, way: Way
) -> None:
    async with probing(broken) as probe:
        (fuzzed,) = await fuzz_target(probe, [way], effort)
    assert any(re.search(seen, one, re.IGNORECASE) for one in fuzzed.failures), fuzzed


@pytest.mark.slow
@pytest.mark.asyncio
async def test_single_requests_do_not_see_what_chains_do() -> None:
    async with probing(ForgetsWhatItMade) as probe:
        (fuzzed,) = await fuzz_target(probe, ["inside"], SINGLE)
    assert fuzzed.failures == ()


@pytest.mark.asyncio
async def test_a_target_without_an_application_is_fuzzed_over_http_alone() -> None:
    @asynccontextmanager
    async def remote(backend: Any) -> AsyncIterator[Any]:
        async with http(backend, Registry()) as target:
            yield replace(target, asgi=None)

    target = replace(memory_server, http=remote)
    run = new_session(target, Settings())
    try:
        probe = run.runner.probe(("SSE-14",), History("fuzz", run.context.clock))
        assert await fuzz_target(probe, ["inside"]) == []
    finally:
        await run.finish()


# The bounds of an application that is called without a socket


def scope(method: str = "GET") -> dict[str, Any]:
    return {"type": "http", "method": method, "path": "/", "headers": []}


STREAM = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-type", b"text/event-stream")],
}


@pytest.mark.asyncio
async def test_a_stream_is_left_after_its_first_event() -> None:
    left = asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(STREAM)
        await receive()
        for body in (b": hello\n\n", b"data: 1\n\n"):
            await send({"type": "http.response.body", "body": body, "more_body": True})
        while (await receive())["type"] != "http.disconnect":
            pass
        left.set()

    sent = await Inside(app, silence_s=5.0).ask(scope(), b"")
    assert [one.get("body") for one in sent[1:]] == [b": hello\n\n", b"data: 1\n\n", b""]
    assert left.is_set()


@pytest.mark.asyncio
async def test_a_silent_stream_ends_as_well() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(STREAM)
        await asyncio.Event().wait()

    sent = await Inside(app, silence_s=0.02).ask(scope(), b"")
    assert [one["type"] for one in sent] == ["http.response.start", "http.response.body"]


@pytest.mark.asyncio
@pytest.mark.parametrize("starts", [False, True])
async def test_any_other_answer_has_to_end(starts: bool) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if starts:
            await send({"type": "http.response.start", "status": 200, "headers": []})
        await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        await Inside(app, silence_s=0.02, answer_s=0.05).ask(scope(), b"")


@pytest.mark.asyncio
async def test_an_application_that_raises_is_a_500() -> None:
    async def raises(scope: Any, receive: Any, send: Any) -> None:
        raise RuntimeError("no such table")

    async def says_nothing(scope: Any, receive: Any, send: Any) -> None:
        pass

    assert (await Inside(raises).ask(scope(), b""))[1]["body"] == b"RuntimeError: no such table"
    assert (await Inside(says_nothing).ask(scope(), b""))[0]["status"] == 500


@pytest.mark.asyncio
async def test_the_body_of_a_request_arrives() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": (await receive())["body"]})

    assert (await Inside(app).ask(scope("POST"), b"hello"))[1]["body"] == b"hello"
