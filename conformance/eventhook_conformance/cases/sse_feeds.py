"""SSE: reads both sides, families and standalone tasks in one stream."""

from __future__ import annotations

import asyncio

from eventhook_conformance.cases._comments import expect_comment, intervals
from eventhook_conformance.cases._sse import both_sides, child_begun, every_endpoint, subject
from eventhook_conformance.contract import StreamEventType
from eventhook_conformance.history import Event
from eventhook_conformance.probe import Probe
from eventhook_conformance.specification import case
from eventhook_conformance.sse.paths import PATHS, StreamKind
from eventhook_conformance.sse.session import sse_session


@every_endpoint
@case("SSE-10")
async def each_side_keeps_its_order(probe: Probe, kind: StreamKind) -> None:
    """Publishes long runs of both sides, mixed: each side's must come in order."""
    async with sse_session(probe, implicates={"reordered", "lost"}) as sse:
        it = await subject(sse, kind)
        stream = await sse.stream(kind, it)
        types = ["task.created", "task.started", "workflow.started", "timer.fired"]
        for publishers in (1, 4):
            chains: list[list[Event]] = []
            for _ in range(publishers):
                chain: list[Event] = []
                for number in range(24):
                    if number % 3 == 2 and kind in ("workflow", "consolidated", "task"):
                        stream_type = list(StreamEventType)[number % 4]
                        chain += both_sides(sse, kind, it)[1:]
                        chain.append(sse.token(it or probe.make.tenant(), "", stream_type, task=it))
                    chain.append(both_sides(sse, kind, it, types[number % 4])[0])
                chains.append(chain)
            await probe.burst(chains)
            await stream.receive(*(event for chain in chains for event in chain))
        await sse.fence(stream)


@case("SSE-10")
async def family_keeps_the_order_of_its_lifecycle(probe: Probe) -> None:
    """Publishes lifecycle events of parent and children by one publisher: all must come in order."""
    async with sse_session(probe, implicates={"reordered", "lost"}) as sse:
        root = await sse.workflow()
        children = [await sse.child(root) for _ in range(3)]
        events: list[Event]
        stream = await sse.stream("consolidated", root)
        whole = await sse.stream("tenant")
        await sse.publish(*(child_begun(sse, root, child) for child in children))
        for _ in range(3):
            events = [
                sse.event(one, f"task.step-{number}")
                for number in range(5)
                for one in (root, *children)
            ]
            await sse.publish(*events)
            await stream.receive(*events)
            await whole.receive(*events)
        await sse.fence(stream, whole)


@case("SSE-11")
async def child_begun_later_is_included(probe: Probe) -> None:
    """Publishes a child's events as soon as its start came: each must come."""
    async with sse_session(probe, implicates={"lost", "strayed", "repeated"}) as sse:
        root = await sse.workflow()
        stream = await sse.stream("consolidated", root)
        for _ in range(5):
            child = await sse.child(root)
            begun = child_begun(sse, root, child)
            await sse.publish(begun)
            await stream.receive(begun)
            first: list[Event] = [
                sse.token(child, "the child's first word"),
                sse.event(child, "workflow.started"),
            ]
            await sse.publish(*first)
            await stream.receive(*first)
        await sse.fence(stream)


@case("SSE-11")
async def child_begun_before_is_included(probe: Probe) -> None:
    """Opens a stream after children began: the events of all must come."""
    async with sse_session(probe, implicates={"lost", "strayed", "repeated"}) as sse:
        root = await sse.workflow()
        child = await sse.child(root)
        grandchild = await sse.child(child)
        await sse.publish(
            child_begun(sse, root, child),
            child_begun(sse, child, grandchild),
        )
        stream = await sse.stream("consolidated", root)
        for member in (grandchild, root, child):
            events = both_sides(sse, "consolidated", member)
            await sse.publish(*events)
            await stream.receive(*events)
        await sse.fence(stream)


@case("SSE-11")
async def grandchildren_are_included(probe: Probe) -> None:
    """Begins descendants down to the fourth generation: the events of each must come."""
    async with sse_session(probe, implicates={"lost", "strayed", "repeated"}) as sse:
        member = root = await sse.workflow()
        stream = await sse.stream("consolidated", root)
        for _ in range(3):
            descendant = await sse.child(member)
            begun = child_begun(sse, member, descendant)
            await sse.publish(begun)
            await stream.receive(begun)
            events = both_sides(sse, "consolidated", descendant)
            await sse.publish(*events)
            await stream.receive(*events)
            member = descendant
        await sse.fence(stream)


@case("SSE-11")
async def nobody_else_is_included(probe: Probe) -> None:
    """Publishes events of strangers, parents and siblings: none may come."""
    async with sse_session(probe, implicates={"strayed", "lost", "crossed"}) as sse:
        root, stranger = await sse.workflow(), await sse.workflow()
        child, sibling, cousin = (
            await sse.child(root),
            await sse.child(root),
            await sse.child(stranger),
        )
        foreign = await sse.workflow(1)
        streams = [
            await sse.stream("consolidated", root),
            await sse.stream("consolidated", child),
            await sse.stream("workflow", root),
        ]
        await sse.publish(
            *(child_begun(sse, root, one) for one in (child, sibling)),
            child_begun(sse, stranger, cousin),
        )
        for _ in range(2):
            for one in (root, child, sibling, stranger, cousin, foreign):
                await sse.publish(*both_sides(sse, "workflow", one))
        await sse.fence(*streams)


@case("SSE-11")
async def child_is_found_whatever_is_asked_for(probe: Probe) -> None:
    """Opens a stream whose `types` leave the children's start out: their events must come."""
    async with sse_session(probe, implicates={"lost", "strayed"}) as sse:
        root = await sse.workflow()
        stream = await sse.stream(
            "consolidated",
            root,
            types="token,task",
            selects=lambda event: (
                event.event_type == "TOKEN" or event.event_type.startswith("task.")
            ),
            fence_type="task.fence",
        )
        for _ in range(3):
            child = await sse.child(root)
            # A later event of the same side proves that the server has processed it.
            known = sse.event(root, "task.created")
            await sse.publish(child_begun(sse, root, child), known)
            await stream.receive(known)
            events = both_sides(sse, "consolidated", child)
            await sse.publish(*events)
            await stream.receive(*events)
        await sse.fence(stream)


@case("SSE-12", idles=True)
async def comments_come_when_idle(probe: Probe) -> None:
    """Leaves the stream of each endpoint idle: comments must come in the stated interval."""
    async with sse_session(probe, implicates={"altered", "form", "lost", "phantom"}) as sse:
        kinds = {kind: await subject(sse, kind) for kind in PATHS}
        streams = {kind: await sse.stream(kind, it) for kind, it in kinds.items()}
        for _turn in range(intervals(sse, 2)):
            # All at once: each waits for as long as the others do.
            await asyncio.gather(*(expect_comment(sse, stream) for stream in streams.values()))
            for kind, it in kinds.items():
                events = both_sides(sse, kind, it)
                await sse.publish(*events)
                await streams[kind].receive(*events)
        await sse.fence(*streams.values())


@case("SSE-12")
async def comments_break_no_event(probe: Probe) -> None:
    """Publishes long events without a pause: no comment may stand within an event."""
    async with sse_session(probe, implicates={"altered", "form", "lost", "phantom"}) as sse:
        workflow = await sse.workflow()
        stream = await sse.stream("workflow", workflow)
        text = "one line of many\n" * 400
        loop = asyncio.get_running_loop()
        # A server that only counts time while idle is right too, so that no comment is demanded.
        until = loop.time() + min(1.25 * sse.target.keep_alive_s, 5.0)
        while loop.time() < until:
            events = [sse.token(workflow, text, StreamEventType.DATA) for _ in range(4)]
            await sse.publish(*events)
            await stream.receive(*events)
        await sse.fence(stream)


@case("SSE-16")
async def standalone_task_streams_to_its_end(probe: Probe) -> None:
    """Streams of a standalone task: all its events must come, under its own id."""
    async with sse_session(probe, implicates={"lost", "strayed", "form"}) as sse:
        task, other = await sse.task(), await sse.task()
        stream = await sse.stream("task", task)
        await sse.publish(sse.token(other, "elsewhere", task=other))
        for number in range(1, 6):
            events: list[Event] = [
                sse.token(
                    task, f'{{"percent":{number * 20}}}', StreamEventType.PROGRESS, task=task
                ),
                sse.token(task, " word", task=task),
                sse.event(None, f"task.step-{number}", task=task),
            ]
            await sse.publish(*events)
            await stream.receive(*events)
        rest: list[Event] = [
            sse.token(task, "{}", StreamEventType.DATA, task=task),
            sse.token(task, "it broke", StreamEventType.ERROR, task=task),
        ]
        await sse.publish(*rest)
        await stream.receive(*rest)
        await sse.fence(stream)


@case("SSE-16")
async def task_of_a_workflow_streams_what_is_its_own(probe: Probe) -> None:
    """Streams of a workflow's task: its own events must come, and no others."""
    async with sse_session(probe, implicates={"lost", "strayed"}) as sse:
        workflow = await sse.workflow()
        task, sibling = await sse.task(workflow=workflow), await sse.task(workflow=workflow)
        stream = await sse.stream("task", task)
        whole = await sse.stream("workflow", workflow)
        for _ in range(3):
            mine: list[Event] = [
                sse.token(workflow, "mine", task=task),
                sse.event(workflow, task=task),
            ]
            others: list[Event] = [
                sse.token(workflow, "its", task=sibling),
                sse.token(workflow, "nobody's"),
                sse.event(workflow, task=sibling),
                sse.event(workflow, "workflow.suspended"),
            ]
            await sse.publish(*others, *mine)
            await stream.receive(*mine)
            await whole.receive(*others, *mine)
        await sse.fence(stream, whole)
