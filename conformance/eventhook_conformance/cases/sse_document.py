"""SSE: the OpenAPI document is valid, complete, and true."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Final
from uuid import UUID, uuid4

from eventhook_conformance.cases import case
from eventhook_conformance.cases._sse import both_sides, every_endpoint, subject
from eventhook_conformance.probe import Probe, Undecided
from eventhook_conformance.sse.client import EVENT_STREAM, Answer
from eventhook_conformance.sse.fuzzing import (
    Fuzzed,
    configuration,
    fuzz,
    locate,
    resolve,
    with_real_values,
)
from eventhook_conformance.sse.publishing import publish_on
from eventhook_conformance.sse.session import PATHS, Kind, Sse, need, sse_session

EXAMPLES: Final = 8
"""For each operation and way of generating; the tests of the suite ask for many more."""
_LIMIT_S: Final = 90.0
_ATTEMPTS: Final = 2
"""The tool may trip over itself on a machine that is busy."""


@case("SSE-14")
async def document_is_open_to_all_and_valid(probe: Probe) -> None:
    """Without a token, as JSON, valid for the version that it names."""
    need("openapi_spec_validator", "fuzz")
    async with sse_session(probe) as sse:
        document = await _document(sse)
        version = str(document.get("openapi"))
        probe.expect(version.startswith(("3.1.", "3.2.")), "an OpenAPI version 3.1 or 3.2", version)
        from openapi_spec_validator import OpenAPIV31SpecValidator, OpenAPIV32SpecValidator

        chosen = OpenAPIV32SpecValidator if version.startswith("3.2") else OpenAPIV31SpecValidator
        for error in list(chosen(document).iter_errors())[:5]:
            where = "/".join(str(part) for part in getattr(error, "absolute_path", ()))
            probe.found(f"a valid OpenAPI {version} document", f"{where}: {str(error)[:200]}")


@every_endpoint
@case("SSE-14")
async def document_names_each_endpoint_and_answer(probe: Probe, kind: Kind) -> None:
    """The endpoint is there, and every answer that it gives is described: status, type, headers."""
    async with sse_session(probe) as sse:
        document = await _document(sse)
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
                    _expect_described(probe, document, item[method.lower()], answer)
        probe.expect("get" in item, f"the document to have a GET of {found[0]}", f"{sorted(item)}")


@case("SSE-14")
async def fuzzing_finds_nothing(probe: Probe) -> None:
    """schemathesis: no 5xx, nothing undescribed, no way around the credentials, no endless answer."""
    need("schemathesis", "fuzz")
    # Real ids lead to streams; generated ones, methods and borders of the schema do not need them.
    runs = await asyncio.gather(
        fuzz_target(probe, real_ids=True, phases="fuzzing"),
        fuzz_target(probe, real_ids=False, phases="coverage"),
    )
    for failure in dict.fromkeys(one for run in runs for one in run.failures):
        probe.found("schemathesis to find nothing", failure)


async def fuzz_target(
    probe: Probe, *, real_ids: bool, phases: str, examples: int = EXAMPLES
) -> Fuzzed:
    """One run against the target.

    Args:
        probe: the case's.
        real_ids: in all paths; else they are generated.
        phases: of schemathesis, joined by commas.
        examples: for each operation and way of generating, at most.

    Raises:
        Undecided: it could not be run to its end.
    """
    async with sse_session(probe) as sse:
        document = await _document(sse)
        workflow, task = await sse.workflow(), await sse.task()
        ids: dict[Kind, UUID | None] = {
            "workflow": workflow,
            "consolidated": workflow,
            "task": task,
            "tenant": None,
        }
        streams: dict[str, dict[str, str]] = {}
        for kind, it in ids.items():
            found = locate(document, sse.path(kind, "" if it is None else it))
            streams |= {} if found is None else {found[0]: found[1]}
        values = {value for parameters in streams.values() for value in parameters.values()}
        fixed = values if real_ids else values - {str(workflow), str(task)}
        document, paths = with_real_values(document, streams, fixed)
        config = configuration(paths, probe.settings.seed)
        # Something comes on every stream, so that none costs its whole waiting time.
        publishing = probe.spawn(
            publish_on(
                sse,
                lambda: [*both_sides(sse, "workflow", workflow), *both_sides(sse, "task", task)],
            )
        )
        try:
            for _ in range(_ATTEMPTS):
                fuzzed = await fuzz(
                    document,
                    sse.target.base_url,
                    sse.tenants[0].headers,
                    config,
                    phases=phases,
                    examples=examples,
                    limit_s=_LIMIT_S,
                )
                if fuzzed.problem is None or fuzzed.failures:
                    break
        finally:
            publishing.cancel()
            await asyncio.gather(publishing, return_exceptions=True)
        if fuzzed.problem is not None and not fuzzed.failures:
            raise Undecided(fuzzed.problem)
        return fuzzed


async def _document(sse: Sse) -> dict[str, Any]:
    answer = await sse.ask("GET", "/openapi.json")
    if answer.status != 200 or answer.media_type not in (
        "application/json",
        "application/openapi+json",
        "application/vnd.oai.openapi+json",
    ):
        raise sse.probe.aborted(
            "the document at /openapi.json, open to all, as JSON",
            f"{answer.status}, {answer.media_type or 'no content type'}",
        )
    try:
        document = json.loads(answer.body)
    except ValueError as error:
        raise sse.probe.aborted("the document to be JSON", str(error)) from error
    if not isinstance(document, dict) or not isinstance(document.get("paths"), dict):
        raise sse.probe.aborted("an OpenAPI document with paths", f"{answer.body[:80]!r}")
    return document


def _expect_described(
    probe: Probe, document: dict[str, Any], operation: dict[str, Any], answer: Answer
) -> None:
    about = f"{answer.method} {answer.url}"
    responses = operation.get("responses", {})
    status = str(answer.status)
    described = responses.get(status, responses.get(f"{status[0]}XX", responses.get("default")))
    if described is None:
        probe.found(f"the document to describe what {about} answers", f"{status} is not there")
        return
    described = resolve(document, described)
    types = {name.partition(";")[0].strip().lower() for name in described.get("content", {})}
    if answer.method == "GET":
        probe.expect(
            answer.media_type in types,
            f"the document to name {answer.media_type} for {status} of {about}",
            f"it names {sorted(types)}",
        )
    if answer.status == 200 and answer.method == "GET":
        probe.expect(EVENT_STREAM in types, f"{EVENT_STREAM} for {about}", f"{sorted(types)}")
    for name, header in described.get("headers", {}).items():
        if resolve(document, header).get("required") is True:
            probe.expect(
                name.lower() in answer.headers,
                f"the header {name} that the document promises for {status} of {about}",
                f"there are {sorted(answer.headers)}",
            )
