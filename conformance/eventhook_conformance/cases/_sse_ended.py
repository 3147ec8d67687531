"""Ends workflows, for the cases of their streams."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias
from uuid import UUID

from eventhook_conformance.history import Event
from eventhook_conformance.probe import Probe
from eventhook_conformance.sse.own_events import says_end
from eventhook_conformance.sse.provisioning import scenario_named
from eventhook_conformance.sse.published import as_object
from eventhook_conformance.sse.session import Sse
from eventhook_conformance.sse.stream import Stream

Finish: TypeAlias = Callable[[Stream], Awaitable[None]]
"""Ends the workflow while that stream is read."""
LAST: Final = "workflow.completed"


def says_it_ends(stream: Stream) -> bool:
    """Returns whether an event `end` came (SSE-25)."""
    return any(says_end(one.event) for one in stream.reading.received)


def ours(probe: Probe) -> bool:
    """Returns whether the suite may publish the end; a server may trust its own engine only."""
    return "lifecycle" not in probe.capabilities.profiles


async def to_be_ended(probe: Probe, sse: Sse) -> tuple[UUID, Finish]:
    """Returns a workflow, and a function that ends it."""
    return await (_tell_of_one(sse) if ours(probe) else _run_one(probe, sse))


async def _tell_of_one(sse: Sse) -> tuple[UUID, Finish]:
    """Publishes tokens and then the end of a workflow of the suite's."""
    workflow = await sse.workflow()

    async def finish(stream: Stream) -> None:
        tokens: list[Event] = [sse.token(workflow, f"token {number}") for number in range(3)]
        snapshot = {"id": str(workflow), "kind": "suite", "status": "COMPLETED"}
        await sse.publish(*tokens, sse.event(workflow, LAST, data=snapshot))
        await stream.receive(*tokens)

    return workflow, finish


async def _run_one(probe: Probe, sse: Sse) -> tuple[UUID, Finish]:
    """Runs a workflow of the target's own engine, which streams and completes."""
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
        seen = [one for one in _tokens(stream) if not one.startswith("word ")]
        probe.expect(seen == words, f"the tokens {words}", f"{seen}", stream.requested)

    return workflow, finish


def _tokens(stream: Stream) -> list[str]:
    """Returns the payloads of all tokens, whichever form the stream gives them."""
    data = [one.event.data for one in stream.reading.received if one.event.type == "token"]
    if not stream.wanted.consolidated:
        return data
    contents = [as_object(text) or {} for text in data]
    return [str(content.get("data")) for content in contents]
