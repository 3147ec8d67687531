"""Steps that cases on the OpenAPI document share."""

from __future__ import annotations

import json
from typing import Any

from eventhook_conformance.probe import Probe
from eventhook_conformance.sse.client import EVENT_STREAM, Answer
from eventhook_conformance.sse.document import resolve
from eventhook_conformance.sse.session import Sse


async def fetch_document(sse: Sse) -> dict[str, Any]:
    """Returns the OpenAPI document of the target.

    Raises:
        CaseAborted: the document is missing, or not OpenAPI.
    """
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


def expect_described(
    probe: Probe, document: dict[str, Any], operation: dict[str, Any], answer: Answer
) -> None:
    """Expects that the document describes of the answer: its status, its type, its headers."""
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
