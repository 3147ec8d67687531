"""SSE: checks the form of refusals, ids in other forms, owners of descendants, and lengths of HEAD."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID, uuid4

import pytest

from eventhook_conformance.cases._sse import every_endpoint, expect_problem, named, subject
from eventhook_conformance.probe import Probe
from eventhook_conformance.specification import case
from eventhook_conformance.sse.client import EVENT_STREAM, Answer
from eventhook_conformance.sse.paths import StreamKind
from eventhook_conformance.sse.session import Sse, sse_session
from eventhook_conformance.sse.socket_reader import socket_reader


@every_endpoint
@case("SSE-06", since="1.1")
async def refusal_is_a_problem(probe: Probe, kind: StreamKind) -> None:
    """Makes refused requests: each body must be a problem of RFC 9457, with `Allow` for a 405."""
    async with sse_session(probe) as sse:
        mine, it = sse.tenants[0].headers, await subject(sse, kind) or ""
        path = sse.path(kind, it)
        unknown = sse.path(kind, uuid4(), 1)
        refusals = {
            400: await sse.ask("GET", path + sse.query("task..created"), mine),
            401: await sse.ask("GET", path),
            404: await sse.ask("GET", unknown, mine),
            405: await sse.ask("DELETE", path, mine),
            406: await sse.ask("GET", path, {**mine, "Accept": "text/html"}),
        }
        for status, answer in refusals.items():
            expect_problem(probe, answer, status, "a refusal")
            for problem in _problems(answer):
                probe.found(f"a problem of RFC 9457 with the {status} for {answer.url}", problem)
        allowed = {part.strip() for part in refusals[405].headers.get("allow", "").split(",")}
        probe.expect(
            "GET" in allowed,
            "Allow with GET",
            f"Allow: {refusals[405].headers.get('allow', 'none')}",
        )


def _problems(answer: Answer) -> list[str]:
    """Returns what is wrong with the body of a refusal."""
    try:
        body: Any = json.loads(answer.body)
    except ValueError as error:
        return [f"no JSON: {error}"]
    if not isinstance(body, dict):
        return [f"{body!r:.60}, which is no object"]
    types = {"type": str, "title": str, "detail": str, "instance": str, "status": int}
    found = [
        f"{name}: {body[name]!r:.60}"
        for name, right in types.items()
        if name in body and not isinstance(body[name], right)
    ]
    if body.get("status", answer.status) != answer.status:
        found.append(f"status: {body['status']!r:.60}")
    return found


@every_endpoint
@case("SSE-06", since="1.1")
async def options_opens_no_stream(probe: Probe, kind: StreamKind) -> None:
    """Asks by OPTIONS: the answer must be a 405 or list the methods; `Allow` must name GET."""
    async with sse_session(probe) as sse:
        path = sse.path(kind, await subject(sse, kind) or "")
        for headers in (sse.tenants[0].headers, {}):
            answer = await sse.ask("OPTIONS", path, headers)
            allowed = answer.headers.get("allow", "none")
            if answer.status in (200, 204) and answer.media_type != EVENT_STREAM:
                probe.expect("GET" in allowed, "Allow with GET", f"Allow: {allowed}")
                continue
            expect_problem(probe, answer, 405, "the wrong method")
            probe.expect("GET" in allowed, "Allow with GET", f"Allow: {allowed}")


@pytest.mark.parametrize("form", ["no hyphens", "hyphens elsewhere", "braces", "urn", "capitals"])
@named
@case("SSE-06", since="1.1")
async def another_form_of_an_id_opens_no_more(probe: Probe, kind: StreamKind, form: str) -> None:
    """Asks for another tenant's id in other forms of a UUID: each must be refused."""
    async with sse_session(probe) as sse:
        it = await subject(sse, kind, 1) or UUID(int=0)
        text = {
            "no hyphens": it.hex,
            "hyphens elsewhere": f"{it.hex[:4]}-{it.hex[4:16]}-{it.hex[16:]}",
            "braces": f"{{{it}}}",
            "urn": f"urn:uuid:{it}",
            "capitals": str(it).upper(),
        }[form]
        for path_of in (0, 1):
            path = sse.path(kind, text, path_of)
            answer = await sse.ask("GET", path, sse.tenants[0].headers)
            probe.expect(
                answer.status in (400, 404),
                f"400 or 404 for another tenant's id {text!r}",
                f"{answer.status}",
            )


@named
@case("SSE-06", since="1.1")
async def owner_of_a_workflow_owns_what_is_in_it(probe: Probe, kind: StreamKind) -> None:
    """Asks for a child and a task of another tenant's workflow: each must be a 404."""
    async with sse_session(probe) as sse:
        its = await sse.workflow(1)
        part = await (sse.task(1, its) if kind == "task" else sse.child(its, 1))
        opened = await sse.ask("GET", sse.path(kind, part, 1), sse.tenants[1].headers)
        probe.expect(opened.status == 200, "200 to its owner", f"{opened.status}")
        for path_of in (0, 1):
            for method in ("GET", "HEAD"):
                path = sse.path(kind, part, path_of)
                answer = await sse.ask(method, path, sse.tenants[0].headers)
                expect_problem(probe, answer, 404, "in another tenant's workflow")


@named
@case("SSE-06", since="1.1")
async def accept_tells_of_nobodys_streams(probe: Probe, kind: StreamKind) -> None:
    """Asks with an excluding `Accept` for another tenant's and an unknown id: the answers must be equal."""
    async with sse_session(probe) as sse:
        headers = {**sse.tenants[0].headers, "Accept": "text/html"}
        its = await subject(sse, kind, 1) or UUID(int=0)
        for path_of in (0, 1):
            unknown, foreign = [
                (await sse.ask("GET", sse.path(kind, one, path_of), headers)).status
                for one in (uuid4(), its)
            ]
            probe.expect(
                unknown == foreign and unknown in (404, 406),
                "404 or 406 for an unknown id, and the same for another tenant's",
                f"{unknown} and {foreign}",
            )


@every_endpoint
@case("SSE-17", since="1.1")
async def request_without_accept_is_answered(probe: Probe, kind: StreamKind) -> None:
    """Asks without an `Accept` header: the stream must open."""
    async with sse_session(probe) as sse:
        path = sse.path(kind, await subject(sse, kind) or "")
        async with socket_reader(sse.target.base_url, path, sse.tenants[0].headers) as reader:
            status = await probe.returns(reader.read_head(), f"the answer to GET {path}")
            probe.expect(status == 200, "200 without an Accept header", f"{status}")


@every_endpoint
@case("SSE-17", since="1.1")
async def head_states_no_length(probe: Probe, kind: StreamKind) -> None:
    """Asks by HEAD: the answer must state no length."""
    async with sse_session(probe) as sse:
        answer = await _head(sse, kind)
        length = answer.headers.get("content-length")
        probe.expect(
            length is None, "HEAD of a stream without Content-Length", f"Content-Length: {length}"
        )


@every_endpoint
@case("SSE-17", since="1.1")
async def head_is_refused_as_get_is(probe: Probe, kind: StreamKind) -> None:
    """Asks by HEAD for what GET refuses: the form, what is accepted, and the path are checked alike."""
    async with sse_session(probe) as sse:
        mine, it = sse.tenants[0].headers, await subject(sse, kind) or ""
        path = sse.path(kind, it)
        asked = {
            "malformed types": (path + sse.query("task..created"), mine, 400),
            "event streams not accepted": (path, {**mine, "Accept": "text/html"}, 406),
            "another tenant's path": (sse.path(kind, it, 1), mine, 404),
        }
        if kind != "tenant":
            asked["an id that is no UUID"] = (sse.path(kind, "no-uuid"), mine, 400)
        for why, (where, headers, status) in asked.items():
            expect_problem(probe, await sse.ask("HEAD", where, headers), status, why)


async def _head(sse: Sse, kind: StreamKind) -> Answer:
    path = sse.path(kind, await subject(sse, kind) or "")
    return await sse.ask("HEAD", path, sse.tenants[0].headers)
