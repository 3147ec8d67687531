"""SSE: checks that the OpenAPI document is valid, complete and true."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any, Final, Literal, TypeAlias
from uuid import UUID, uuid4

from eventhook_conformance.cases._sse import both_sides, every_endpoint, subject
from eventhook_conformance.cases._sse_document import expect_described, fetch_document
from eventhook_conformance.probe import Probe, Undecided
from eventhook_conformance.specification import case
from eventhook_conformance.sse.document import locate
from eventhook_conformance.sse.fuzzing import NOT_IN_TIME, Effort, Plan, fuzz_inside, fuzz_over_http
from eventhook_conformance.sse.paths import PATHS, StreamKind
from eventhook_conformance.sse.schemathesis_runner import Fuzzed
from eventhook_conformance.sse.session import Sse, need, sse_session
from eventhook_conformance.sse.traffic import publish_on

_LIMIT_S: Final = 90.0
_INSIDE: Final = Effort(generated=("coverage",), examples=4)
"""Generates few examples: these take the suite's own processor time, and HTTP has shown most of it."""
_ATTEMPTS: Final = 2
"""Attempts: the tool may fail on a busy machine."""

Way: TypeAlias = Literal["http", "inside"]


@case("SSE-14")
async def document_is_open_to_all_and_valid(probe: Probe) -> None:
    """Reads the document without a token: it must be valid OpenAPI in JSON."""
    need("openapi_spec_validator", "fuzz")
    async with sse_session(probe) as sse:
        document = await fetch_document(sse)
        version = str(document.get("openapi"))
        probe.expect(version.startswith(("3.1.", "3.2.")), "an OpenAPI version 3.1 or 3.2", version)
        from openapi_spec_validator import OpenAPIV31SpecValidator, OpenAPIV32SpecValidator

        chosen = OpenAPIV32SpecValidator if version.startswith("3.2") else OpenAPIV31SpecValidator
        # It takes a second of processor time, in which other cases could not run.
        errors = await asyncio.to_thread(lambda: list(chosen(document).iter_errors())[:5])
        for error in errors:
            where = "/".join(str(part) for part in getattr(error, "absolute_path", ()))
            probe.found(f"a valid OpenAPI {version} document", f"{where}: {str(error)[:200]}")


@every_endpoint
@case("SSE-14")
async def document_names_each_endpoint_and_answer(probe: Probe, kind: StreamKind) -> None:
    """Compares the document with the answers: each endpoint, status, type and header must be described."""
    async with sse_session(probe) as sse:
        document = await fetch_document(sse)
        it = await subject(sse, kind)
        found = locate(document, sse.path(kind, it or ""))
        if found is None:
            probe.found(f"the document to name {PATHS[kind]}", f"{sorted(document['paths'])}")
            return
        item = document["paths"][found[0]]
        mine = sse.tenants[0].headers
        asked = [
            ("", mine, it),
            ("", {}, it),
            (sse.query("a..b"), mine, it),
            ("", {**mine, "Accept": "text/html"}, it),
            *([] if kind == "tenant" else [("", mine, uuid4()), ("", mine, "no-uuid")]),
        ]
        for query, headers, which in asked:
            for method in ("GET", "HEAD"):
                if method.lower() in item:
                    path = sse.path(kind, "" if which is None else which) + query
                    answer = await sse.ask(method, path, headers)
                    expect_described(probe, document, item[method.lower()], answer)
        probe.expect("get" in item, f"the document to have a GET of {found[0]}", f"{sorted(item)}")


@case("SSE-14")
async def fuzzing_finds_nothing(probe: Probe) -> None:
    """Runs schemathesis: no 5xx, undescribed answer or way around the credentials may be found.

    Over HTTP, and at the same time on the application itself where the target gives one.
    """
    need("schemathesis", "fuzz")
    found = await fuzz_target(probe)
    for failure in dict.fromkeys(one for fuzzed in found for one in fuzzed.failures):
        probe.found("schemathesis to find nothing", failure)


async def fuzz_target(
    probe: Probe,
    ways: Sequence[Way] = ("http", "inside"),
    effort: Effort | None = None,
    limit_s: float = _LIMIT_S,
) -> list[Fuzzed]:
    """Fuzzes the target in each way that it offers.

    Args:
        probe: the case's.
        ways: over HTTP, or on the application in this process.
        effort: how much is tried each way; by default less without a socket, where both are offered.
        limit_s: seconds with a processor that each attempt may take.

    Raises:
        Undecided: one could not be run to its end.
    """
    async with sse_session(probe) as sse:
        app = sse.target.asgi
        workflow, task = await sse.workflow(), await sse.task()
        plan = await _plan(sse, workflow, task, effort or Effort())
        lighter = effort is None and "http" in ways
        inside = replace(plan, effort=_INSIDE) if lighter else plan
        # Something comes on every stream, so that none costs its whole waiting time.
        publishing = probe.spawn(
            publish_on(
                sse,
                lambda: [*both_sides(sse, "workflow", workflow), *both_sides(sse, "task", task)],
            )
        )

        async def in_time(run: asyncio.Future[Any]) -> bool:
            return await probe.deadline.wait_for_tool(run, limit_s)

        runs: list[Callable[[], Awaitable[Fuzzed]]] = []
        if "http" in ways:
            runs.append(lambda: fuzz_over_http(plan, in_time))
        if "inside" in ways and app is not None:
            runs.append(lambda: fuzz_inside(inside, app, in_time))
        try:
            return await asyncio.gather(*(_tried(run) for run in runs))
        finally:
            publishing.cancel()
            await asyncio.gather(publishing, return_exceptions=True)


async def _tried(run: Callable[[], Awaitable[Fuzzed]]) -> Fuzzed:
    for _ in range(_ATTEMPTS):
        fuzzed = await run()
        if fuzzed.problem is None or fuzzed.failures:
            return fuzzed
        if fuzzed.problem == NOT_IN_TIME:
            break
    raise Undecided(str(fuzzed.problem))


async def _plan(sse: Sse, workflow: UUID, task: UUID, effort: Effort) -> Plan:
    document = await fetch_document(sse)
    ids: dict[StreamKind, UUID | str] = {
        "workflow": workflow,
        "consolidated": workflow,
        "task": task,
        "tenant": "",
    }
    streams: dict[str, dict[str, str]] = {}
    for kind, it in ids.items():
        found = locate(document, sse.path(kind, it))
        streams |= {} if found is None else {found[0]: found[1]}
    return Plan(
        document=document,
        streams=streams,
        ids={str(workflow), str(task)},
        base_url=sse.target.base_url,
        headers=sse.tenants[0].headers,
        seed=sse.probe.settings.seed,
        effort=effort,
    )
