"""SSE: ends parts of what a stream carries, which must go on."""

from __future__ import annotations

import pytest

from eventhook_conformance.cases._sse import both_sides, child_begun
from eventhook_conformance.history import Event
from eventhook_conformance.probe import Probe
from eventhook_conformance.specification import case
from eventhook_conformance.sse.paths import StreamKind
from eventhook_conformance.sse.session import Sse, sse_session
from eventhook_conformance.sse.stream import Stream


@pytest.mark.parametrize("how", ["completed", "failed", "cancelled"])
@pytest.mark.parametrize("kind", ["workflow", "consolidated"])
@case("SSE-20")
async def tasks_end_ends_no_workflows_stream(probe: Probe, kind: StreamKind, how: str) -> None:
    """Ends one of two tasks: the streams of the other and of the workflow must go on."""
    async with sse_session(probe, implicates={"lost"}) as sse:
        workflow = await sse.workflow()
        ended, going = [await sse.task(workflow=workflow) for _ in range(2)]
        stream = await sse.stream(kind, workflow)
        snapshot = {"id": str(ended), "kind": "suite", "status": how.upper()}
        await sse.publish(sse.event(workflow, f"task.{how}", task=ended, data=snapshot))
        await _goes_on(
            sse,
            stream,
            [
                sse.token(workflow, "of the other task", task=going),
                sse.event(workflow, "task.step", task=going),
            ],
        )


@pytest.mark.parametrize("how", ["completed", "failed", "cancelled"])
@pytest.mark.parametrize("kind", ["workflow", "consolidated"])
@case("SSE-20")
async def childs_end_ends_no_parents_stream(probe: Probe, kind: StreamKind, how: str) -> None:
    """Ends a child: the streams of its parent and sibling must go on."""
    async with sse_session(probe, implicates={"lost"}) as sse:
        root = await sse.workflow()
        stream = await sse.stream(kind, root)
        child, sibling = [await sse.child(root) for _ in range(2)]
        for one in (child, sibling):
            await sse.publish(child_begun(sse, root, one))
        over = {"childWorkflowId": str(child), "kind": "suite", "status": how.upper()}
        snapshot = {"id": str(child), "kind": "suite", "status": how.upper()}
        await sse.publish(
            sse.event(child, f"workflow.{how}", data=snapshot),
            sse.event(root, f"child_workflow.{how}", data=over),
        )
        going = both_sides(sse, kind, root)
        if kind == "consolidated":
            going += both_sides(sse, kind, sibling)
        await _goes_on(sse, stream, going)


@pytest.mark.parametrize("how", ["completed", "failed", "cancelled"])
@case("SSE-20")
async def roots_end_ends_no_running_childs_stream(probe: Probe, how: str) -> None:
    """Ends the root and then descendants: the consolidated stream must go on until the last one."""
    async with sse_session(probe, implicates={"lost"}) as sse:
        root = await sse.workflow()
        stream = await sse.stream("consolidated", root)
        child = await sse.child(root)
        snapshot = {"id": str(root), "kind": "suite", "status": how.upper()}
        await sse.publish(
            child_begun(sse, root, child),
            sse.event(root, f"workflow.{how}", data=snapshot),
        )
        await _goes_on(sse, stream, both_sides(sse, "consolidated", child))


async def _goes_on(sse: Sse, stream: Stream, events: list[Event]) -> None:
    """Expects that the stream stays open for one more comment, and then carries these events."""
    comments = stream.reading.parser.comments
    before = len(comments)
    # An early end may take a moment. A comment proves that the stream outlived it; where comments are
    # far apart, what a server does at once is seen all the same.
    limit = min(sse.target.keep_alive_s * 2, sse.probe.settings.arrival_timeout_s / 2)
    await stream.until(lambda: len(comments) > before + 1, timeout_s=limit, glance=True)
    await sse.publish(*events)
    await stream.receive(*events)
    await sse.fence(stream)
