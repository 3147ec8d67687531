"""schemathesis: how it is told what to do, and that a long run against the reference finds nothing."""

from __future__ import annotations

import time
import tomllib
from dataclasses import replace

import pytest

from eventhook_conformance.cases.sse_document import fuzz_target
from eventhook_conformance.history import History
from eventhook_conformance.run import Run
from eventhook_conformance.settings import Settings
from eventhook_conformance.sse.fuzzing import configuration, locate, read_report, with_real_values
from eventhook_reference.servers import memory_server
from eventhook_reference.sse.openapi import document
from eventhook_reference.sse.server import http

ID = "123e4567-e89b-42d3-a456-426614174000"
PATH = f"/api/tenants/acme/workflow-executions/{ID}/stream"
TEMPLATE = "/api/tenants/{tenant}/workflow-executions/{id}/stream"


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


def test_real_values_are_written_into_the_paths() -> None:
    streams = {TEMPLATE: {"tenant": "acme", "id": ID}}
    changed, paths = with_real_values(document(), streams, {"acme", ID})
    assert paths == [PATH]
    names = [one["name"] for one in changed["paths"][PATH]["parameters"]]
    assert names == ["types", "Last-Event-ID"]
    assert TEMPLATE not in changed["paths"]
    partly, paths = with_real_values(document(), streams, {"acme"})
    assert paths == ["/api/tenants/acme/workflow-executions/{id}/stream"]
    assert partly["paths"][paths[0]]["parameters"][0]["name"] == "id"


def test_the_configuration_is_toml() -> None:
    told = tomllib.loads(configuration([PATH], 7))
    assert (told["seed"], told["max-stream-events"]) == (7, 1)
    assert told["operations"][0]["include-path"] == PATH
    assert told["operations"][0]["request-timeout"] < told["request-timeout"]


def test_a_report_is_read() -> None:
    count = {"test_cases": {"generated": 5}}
    assert read_report(count).failures == ()
    failed = read_report(
        {**count, "failures": [{"title": "Server error", "operations": ["GET /"]}]}
    )
    assert failed.failures[0].startswith("Server error")
    slow = read_report({**count, "errors": [{"title": "Network Error", "count": 1}]})
    assert slow.failures
    assert slow.problem is None
    own = read_report({**count, "errors": [{"title": "Runtime Error", "count": 1}]})
    assert own.failures == ()
    assert own.problem is not None
    assert read_report({}).problem is not None


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.asyncio
async def test_two_thousand_requests_find_nothing() -> None:
    # Where comments come seldom, a silent stream costs its waiting time once and no more.
    quiet = replace(memory_server, http=lambda backend: http(backend, keep_alive_s=15.0))
    run = Run(quiet, quiet.capabilities, Settings())
    try:
        probe = run.probe(("SSE-14",), History("fuzz", run.clock))
        began = time.perf_counter()
        fuzzed = await fuzz_target(probe, real_ids=False, phases="coverage,fuzzing", examples=260)
        took = time.perf_counter() - began
    finally:
        await run.finish()
    assert fuzzed.failures == ()
    assert fuzzed.requests >= 2000
    assert took < 60
