"""SSE: checks who may read a stream, and what everybody else is told."""

from __future__ import annotations

from uuid import uuid4

from eventhook_conformance.cases._sse import (
    PROBLEM,
    both_sides,
    changed,
    every_endpoint,
    expect_problem,
    named,
    subject,
)
from eventhook_conformance.probe import Probe
from eventhook_conformance.specification import case
from eventhook_conformance.sse.client import Answer
from eventhook_conformance.sse.paths import StreamKind
from eventhook_conformance.sse.session import sse_session

_UUID = "123e4567-e89b-42d3-a456-426614174000"
_NO_UUIDS = (
    "x",
    "0",
    "null",
    _UUID[:-1],
    _UUID + "0",
    _UUID[:-1] + "g",
    _UUID + " ",
    _UUID + "\n",
    _UUID + "\0",
    _UUID.replace("-", "_"),
    _UUID[:-1] + "\uff10",
    "*",
    ">",
    "\U0001f600",
    "a/b",
    "%",
    "' or 1=1 --",
    "x" * 500,
)


@named
@case("SSE-06")
async def id_that_is_no_uuid_is_refused(probe: Probe, kind: StreamKind) -> None:
    """Asks with malformed ids: each must be a 400, and an id in upper case a 200."""
    async with sse_session(probe) as sse:
        headers = sse.tenants[0].headers
        for text in _NO_UUIDS:
            expect_problem(
                probe, await sse.ask("GET", sse.path(kind, text), headers), 400, f"id {text!r:.50}"
            )
        it = await subject(sse, kind)
        answer = await sse.ask("GET", sse.path(kind, str(it).upper()), headers)
        probe.expect(answer.status == 200, "200 for a UUID in capitals", f"{answer.status}")


@named
@case("SSE-06")
async def unknown_id_is_not_found(probe: Probe, kind: StreamKind) -> None:
    """Asks for unknown ids, and for a task's id as a workflow and the reverse: each must be a 404."""
    async with sse_session(probe) as sse:
        headers = sse.tenants[0].headers
        other = await subject(sse, "workflow" if kind == "task" else "task")
        for it, why in ((uuid4(), "unknown"), (other, "of the other kind")):
            for method in ("GET", "HEAD"):
                answer = await sse.ask(method, sse.path(kind, it), headers)
                expect_problem(probe, answer, 404, why)


@every_endpoint
@case("SSE-06")
async def bad_credentials_let_nobody_in(probe: Probe, kind: StreamKind) -> None:
    """Asks without and with wrong credentials: each must be a 401, whatever else is right or wrong."""
    async with sse_session(probe) as sse:
        path = sse.path(kind, await subject(sse, kind) or "")
        for why, headers in changed(sse.tenants).items():
            expect_problem(probe, await sse.ask("GET", path, headers), 401, why)
        expect_problem(probe, await sse.ask("HEAD", path), 401, "no credentials")
        for name, value in sse.tenants[0].headers.items():
            token = value.rpartition(" ")[2]
            answer = await sse.ask("GET", f"{path}?access_token={token}&token={token}")
            expect_problem(probe, answer, 401, f"{name} in the query")


@every_endpoint
@case("SSE-06", since="1.1")
async def token_in_another_letter_case_is_nobodys(probe: Probe, kind: StreamKind) -> None:
    """Asks with the scheme and the token in another letter case: only the scheme may be accepted."""
    async with sse_session(probe) as sse:
        path = sse.path(kind, await subject(sse, kind) or "")
        for name, value in sse.tenants[0].headers.items():
            scheme, blank, token = value.partition(" ")
            for other in {token.lower(), token.upper(), token.swapcase()} - {token}:
                headers = {**sse.tenants[0].headers, name: f"{scheme} {other}"}
                if blank and other and headers != dict(sse.tenants[1].headers):
                    answer = await sse.ask("GET", path, headers)
                    expect_problem(probe, answer, 401, f"{name} in another letter case")


@every_endpoint
@case("SSE-06")
async def credentials_are_looked_at_before_the_request(probe: Probe, kind: StreamKind) -> None:
    """Asks without credentials for wrong requests: each must be a 401."""
    async with sse_session(probe) as sse:
        ids = ["", uuid4(), "no-uuid"] if kind != "tenant" else [""]
        for it in ids[1:] or ids:
            path = sse.path(kind, it)
            for query in ("", sse.query("task..created")):
                for why, headers in list(changed(sse.tenants).items())[:3]:
                    answer = await sse.ask("GET", path + query, headers)
                    expect_problem(probe, answer, 401, f"{why}, and more is wrong")


@every_endpoint
@case("SSE-06")
async def form_is_looked_at_before_existence(probe: Probe, kind: StreamKind) -> None:
    """Asks with malformed `types` for unknown ids and other tenants' paths: each must be a 400."""
    async with sse_session(probe) as sse:
        headers, query = sse.tenants[0].headers, sse.query("task..created")
        if kind != "tenant":
            answer = await sse.ask("GET", sse.path(kind, uuid4()) + query, headers)
            expect_problem(probe, answer, 400, "malformed types, unknown id")
            answer = await sse.ask("GET", sse.path(kind, "no-uuid", 1), headers)
            expect_problem(probe, answer, 400, "malformed id, another tenant's path")
        answer = await sse.ask("GET", sse.path(kind, uuid4(), 1) + query, headers)
        expect_problem(probe, answer, 400, "malformed types, another tenant's path")


@named
@case("SSE-06")
async def another_tenants_is_as_if_it_were_not(probe: Probe, kind: StreamKind) -> None:
    """Asks for another tenant's workflow and path: each answer must be that for an unknown id."""
    async with sse_session(probe) as sse:
        mine, its, unknown = await subject(sse, kind, 0), await subject(sse, kind, 1), uuid4()
        headers = sse.tenants[0].headers
        right = await sse.ask("GET", sse.path(kind, unknown), headers)
        expect_problem(probe, right, 404, "unknown")
        for it, path_of, why in (
            (its, 0, "another tenant's, under one's own path"),
            (its, 1, "another tenant's, under its path"),
            (mine, 1, "one's own, under another tenant's path"),
            (unknown, 1, "unknown, under another tenant's path"),
        ):
            path = sse.path(kind, it, path_of)
            answer = await sse.ask("GET", path, headers)
            expect_problem(probe, answer, 404, why)
            seen, same = _but_for(answer, str(it)), _but_for(right, str(unknown))
            probe.expect(
                seen == same,
                f"for what is {why} the same answer as for what is unknown: {same}",
                f"{seen}",
            )
            head = await sse.ask("HEAD", path, headers)
            probe.expect(head.status == 404, f"404 to HEAD for what is {why}", f"{head.status}")


@named
@case("SSE-06", since="1.1")
async def owner_who_reads_opens_nothing_for_others(probe: Probe, kind: StreamKind) -> None:
    """Asks as another tenant while the owner's stream is open: each answer must be a 404."""
    async with sse_session(probe, implicates={"crossed", "lost"}) as sse:
        it = await subject(sse, kind)
        owners = [await sse.stream(kind, it) for _ in range(2)]
        for _ in range(2):
            events = both_sides(sse, kind, it)
            await sse.publish(*events)
            for path_of in (0, 1):
                for method in ("GET", "HEAD"):
                    path = sse.path(kind, it, path_of)
                    answer = await sse.ask(method, path, sse.tenants[1].headers)
                    expect_problem(probe, answer, 404, "another tenant's, which its owner reads")
            for stream in owners:
                await stream.receive(*events)
        await sse.fence(*owners)


@case("SSE-06")
async def another_tenants_events_are_not_found(probe: Probe) -> None:
    """Asks for another tenant's stream of events: the answer must be a 404."""
    async with sse_session(probe, implicates={"crossed"}) as sse:
        for mine, its in ((0, 1), (1, 0)):
            answer = await sse.ask("GET", sse.path("tenant", "", its), sse.tenants[mine].headers)
            expect_problem(probe, answer, 404, "another tenant's path")


@every_endpoint
@case("SSE-06")
async def other_methods_are_not_allowed(probe: Probe, kind: StreamKind) -> None:
    """Asks by other methods than GET: each must be a 405 with `Allow`."""
    async with sse_session(probe) as sse:
        good = await subject(sse, kind) or ""
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            for it, headers in ((good, sse.tenants[0].headers), ("no-uuid", {})):
                answer = await sse.ask(method, sse.path(kind, it), headers)
                expect_problem(probe, answer, 405, "the wrong method")
                allowed = {part.strip() for part in answer.headers.get("allow", "").split(",")}
                probe.expect(
                    "GET" in allowed and method not in allowed,
                    f"Allow with GET and without {method}",
                    f"Allow: {answer.headers.get('allow', 'none')}",
                )


@every_endpoint
@case("SSE-06")
async def tenants_see_only_their_own(probe: Probe, kind: StreamKind) -> None:
    """Reads streams of two tenants at once: each must get its own tenant's events only."""
    async with sse_session(probe, implicates={"crossed", "strayed"}) as sse:
        ids = [await subject(sse, kind, tenant) for tenant in (0, 1)]
        streams = [await sse.stream(kind, ids[tenant], tenant=tenant) for tenant in (0, 1)]
        for _ in range(3):
            for tenant in (0, 1):
                events = both_sides(sse, kind, ids[tenant], tenant=tenant)
                await sse.publish(*events)
                await streams[tenant].receive(*events)
        await sse.fence(*streams)


@case("SSE-06")
async def equal_ids_open_nothing(probe: Probe) -> None:
    """Publishes another tenant's event with this workflow's id: the stream must not carry it."""
    async with sse_session(probe, implicates={"crossed"}) as sse:
        workflow, task = await sse.workflow(), await sse.task()
        streams = [
            await sse.stream("workflow", workflow),
            await sse.stream("consolidated", workflow),
            await sse.stream("task", task),
            await sse.stream("tenant"),
        ]
        await sse.publish(
            *(
                sse.event(one, task=two, tenant=1)
                for one, two in ((workflow, None), (workflow, task))
            )
        )
        await sse.fence(*streams)


def _but_for(answer: Answer, it: str) -> tuple[int, str, list[str], str]:
    """Returns the parts of an answer that must be equal."""
    names = sorted(set(answer.headers) - {"date", "content-length"})
    text = answer.body.decode("utf-8", "replace").lower().replace(it.lower(), "ID")
    return (
        answer.status,
        PROBLEM if answer.media_type == PROBLEM else answer.media_type,
        names,
        text,
    )
