"""SSE: the stream of a workflow that has ended."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from uuid import UUID

import pytest

from eventhook_conformance.contract import StreamEvent
from eventhook_conformance.history import Event
from eventhook_conformance.probe import Probe
from eventhook_conformance.specification import case
from eventhook_conformance.sse.checks import as_object
from eventhook_conformance.sse.provisioning import scenario_named
from eventhook_conformance.sse.session import Sse, StreamKind, sse_session
from eventhook_conformance.sse.stream import Stream

Finish = Callable[[Stream], Awaitable[None]]
LAST = "workflow.completed"


@pytest.mark.parametrize("types", [None, "token"])
@pytest.mark.parametrize("kind", ["workflow", "consolidated"])
@case("SSE-18")
async def stream_of_an_ended_workflow_closes(
    probe: Probe, kind: StreamKind, types: str | None
) -> None:
    """After its last event, nothing of which is cut off; also where that event is not asked for."""
    async with sse_session(probe, implicates={"lost"}) as sse:
        # A server may believe its own engine alone: where there is one, it ends a workflow of its.
        real = "lifecycle" in probe.capabilities.profiles
        workflow, finish = await (_run_one(probe, sse) if real else _tell_of_one(sse))
        stream = await sse.stream(kind, workflow, types=types, selects=lambda e: _taken(types, e))
        stream.judged = not real
        reading = stream.reading
        said = len(reading.parser.comments)
        await finish(stream)
        if types is None:
            seen = await stream.until(lambda: any(r.event.type == LAST for r in reading.received))
            probe.expect(seen, f"{LAST} before the stream closes", "it did not come")

        def says_so() -> bool:
            news = reading.parser.comments[said:]
            return reading.over or any("keep" not in comment.lower() for comment in news)

        ended = await stream.until(says_so)
        probe.expect(
            ended and reading.error is None,
            "the stream to close, or to say that the workflow has ended",
            reading.error or f"it stays open, and silent for {probe.deadline.current_s:g} s",
            stream.requested,
        )


def _taken(types: str | None, event: Event) -> bool:
    return types is None or (isinstance(event, StreamEvent) and event.event_type == "TOKEN")


async def _tell_of_one(sse: Sse) -> tuple[UUID, Finish]:
    """A workflow of which the suite tells that it ends, with words right before that."""
    workflow = await sse.workflow()

    async def finish(stream: Stream) -> None:
        tokens: list[Event] = [sse.token(workflow, f"token {number}") for number in range(3)]
        snapshot = {"id": str(workflow), "kind": "suite", "status": "COMPLETED"}
        await sse.publish(*tokens, sse.event(workflow, LAST, data=snapshot))
        await stream.receive(*tokens)

    return workflow, finish


async def _run_one(probe: Probe, sse: Sse) -> tuple[UUID, Finish]:
    """A workflow of the target's own engine, which streams and completes."""
    service = await probe.workflows()
    execution = await probe.returns(
        service.prepare(scenario_named("task-streams"), sse.tenants[0].id), "preparing a workflow"
    )
    workflow = execution.workflow_execution_id
    if workflow is None:
        raise probe.aborted("a prepared workflow to have an id", "it has none")

    async def finish(stream: Stream) -> None:
        await probe.returns(execution.proceed(), "running the workflow")
        words = ["Hel", "lo", " world", ""]
        await stream.until(lambda: "" in _tokens(stream))
        seen = _tokens(stream)
        probe.expect(seen == words, f"the tokens {words}", f"{seen}", stream.requested)

    return workflow, finish


def _tokens(stream: Stream) -> list[str]:
    """The payloads of all tokens, whichever form the stream gives them."""
    data = [one.event.data for one in stream.reading.received if one.event.type == "token"]
    if not stream.wanted.consolidated:
        return data
    contents = [as_object(text) or {} for text in data]
    return [str(content.get("data")) for content in contents]
