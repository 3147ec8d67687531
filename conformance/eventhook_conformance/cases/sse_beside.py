"""SSE: reads streams beside others that share workflows, tenants, ids and connections."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

import msgspec
import pytest

from eventhook_conformance.cases._sse import both_sides, child_begun, every_endpoint, subject
from eventhook_conformance.history import Event
from eventhook_conformance.probe import Probe
from eventhook_conformance.specification import case
from eventhook_conformance.sse.paths import StreamKind
from eventhook_conformance.sse.session import Sse, sse_session
from eventhook_conformance.sse.socket_reader import socket_reader
from eventhook_conformance.sse.stream import Stream

_WORKFLOWS: Final = 36
_NAMES_NOBODY: Final[tuple[Any, ...]] = (
    None,
    "text",
    ["childWorkflowId"],
    {},
    {"childWorkflowId": None},
    {"childWorkflowId": 7},
    {"childWorkflowId": "no-uuid"},
    {"childWorkflowId": {"id": "nested"}},
)
"""Data of `child_workflow.initiated` without the child's id; each is valid JSON."""


@case("SSE-07", since="1.1")
async def reader_of_another_stream_leaves(probe: Probe) -> None:
    """Leaves streams of the workflow, its task, child, family and tenant in turn: others must go on."""
    async with sse_session(probe, implicates={"lost", "repeated", "reordered"}) as sse:
        workflow = await sse.workflow()
        child, task = await sse.child(workflow), await sse.task(workflow=workflow)
        whole: list[tuple[StreamKind, UUID | None]] = [
            ("workflow", workflow),
            ("consolidated", workflow),
            ("task", task),
            ("workflow", child),
            ("tenant", None),
        ]
        await sse.publish(child_begun(sse, workflow, child))
        staying = [
            *[await sse.stream(*reader) for reader in whole],
            await _tokens(sse, workflow, "token"),
        ]
        for reader in [*whole, None]:
            # Where readers of the same share what is read, other types have something of their own.
            guest = await (
                _tokens(sse, workflow, "token,data") if reader is None else sse.stream(*reader)
            )
            await guest.leave()
            for _ in range(3):
                events: list[Event] = [
                    sse.event(workflow),
                    sse.token(workflow),
                    sse.event(workflow, task=task),
                    sse.token(workflow, "a task's", task=task),
                    *both_sides(sse, "workflow", child),
                ]
                await sse.publish(*events)
                for stream in staying:
                    await stream.receive(*filter(stream.wanted.takes, events))
        for number in (0, 1, 1, 2):  # all but the child's reader and that of tokens
            await staying.pop(number).leave()
            for _ in range(3):
                events = [
                    *both_sides(sse, "workflow", workflow),
                    *both_sides(sse, "workflow", child),
                ]
                await sse.publish(*events)
                for stream in staying:
                    await stream.receive(*filter(stream.wanted.takes, events))
        await sse.fence(*staying)


@every_endpoint
@case("SSE-04", since="1.1")
async def last_reader_comes_back_at_once(probe: Probe, kind: StreamKind) -> None:
    """Leaves a stream as its only reader, and opens it again at once: all events must come."""
    async with sse_session(probe, implicates={"lost", "repeated"}) as sse:
        it = await subject(sse, kind)
        for _ in range(5):
            stream = await sse.stream(kind, it)
            events = both_sides(sse, kind, it)
            await sse.publish(*events)
            await stream.receive(*events)
            await stream.leave()


@case("SSE-04", subscriptions=2 * _WORKFLOWS, since="1.1")
async def many_workflows_are_read_at_once(probe: Probe) -> None:
    """Reads many workflows, each by its own reader: each must get its own events only."""
    async with sse_session(probe, implicates={"lost", "strayed"}) as sse:
        workflows = [await sse.workflow() for _ in range(_WORKFLOWS)]
        streams = await probe.at_once(*(sse.stream("workflow", one) for one in workflows))
        every = [both_sides(sse, "workflow", one) for one in workflows]
        await sse.publish(*(event for events in every for event in events))
        for stream, events in zip(streams, every, strict=True):
            await stream.receive(*events)


@case("SSE-04", since="1.1")
async def tenants_stream_carries_all_of_it(probe: Probe) -> None:
    """Reads the tenant's stream: it must carry the events of all workflows and tasks of the tenant."""
    async with sse_session(probe, implicates={"lost"}) as sse:
        workflow = await sse.workflow()
        child = await sse.child(workflow)
        grandchild, task, alone = (
            await sse.child(child),
            await sse.task(workflow=workflow),
            await sse.task(),
        )
        stream = await sse.stream("tenant")
        unknown = probe.make.tenant
        events: list[Event] = [
            sse.event(one, name, task=two, tenant=0)
            for name in ("workflow.started", "task.completed", "order.shipped")
            for one, two in (
                (workflow, None),
                (child, None),
                (grandchild, None),
                (workflow, task),
                (child, unknown()),
                (None, alone),
                (None, unknown()),
                (unknown(), None),
                (unknown(), unknown()),
                (None, None),
            )
        ]
        await sse.publish(*events)
        await stream.receive(*events)
        await sse.fence(stream)


@pytest.mark.parametrize("kind", ["workflow", "consolidated"])
@case("SSE-20", since="1.1")
async def another_tenants_end_ends_nothing(probe: Probe, kind: StreamKind) -> None:
    """Publishes another tenant's event that ends this workflow: the stream must go on."""
    async with sse_session(probe, implicates={"crossed", "lost"}) as sse:
        workflow = await sse.workflow()
        await sse.workflow(tenant=1)
        stream = await sse.stream(kind, workflow)
        snapshot = {"id": str(workflow), "kind": "suite", "status": "COMPLETED"}
        ends = ("workflow.completed", "workflow.failed", "workflow.cancelled")
        await sse.publish(*(sse.event(workflow, end, data=snapshot, tenant=1) for end in ends))
        # A server that listens to both tenants gets the end before the events that follow it.
        other = await sse.stream("tenant", tenant=1)
        await sse.fence(other)
        comments = stream.reading.parser.comments
        before = len(comments)
        limit = min(sse.target.keep_alive_s * 2, probe.settings.arrival_timeout_s / 2)
        await stream.until(lambda: len(comments) > before + 1, timeout_s=limit, glance=True)
        events = both_sides(sse, kind, workflow)
        await sse.publish(*events)
        await stream.receive(*events)
        await sse.fence(stream)
        late = await sse.stream(kind, workflow)
        events = both_sides(sse, kind, workflow)
        await sse.publish(*events)
        await late.receive(*events)
        await sse.fence(stream, late)


@case("SSE-11", since="1.1")
async def another_tenants_workflow_is_no_child(probe: Probe) -> None:
    """Publishes an event that names another tenant's workflow as a child: its events may not come."""
    async with sse_session(probe, implicates={"strayed", "crossed"}) as sse:
        root, foreign = await sse.workflow(), await sse.workflow(1)
        stream = await sse.stream("consolidated", root)
        begun = child_begun(sse, root, foreign)
        await sse.publish(begun)
        await stream.receive(begun)
        late = await sse.stream("consolidated", root)
        await sse.publish(*both_sides(sse, "workflow", foreign), sse.token(foreign, "theirs"))
        await sse.fence(stream, late)


@case("SSE-11", since="1.1")
async def child_without_an_id_breaks_nothing(probe: Probe) -> None:
    """Publishes `child_workflow.initiated` with any data: it must come, and later children too."""
    async with sse_session(probe, implicates={"lost", "altered"}) as sse:
        root = await sse.workflow()
        stream = await sse.stream("consolidated", root)
        odd = [sse.event(root, "child_workflow.initiated", data=data) for data in _NAMES_NOBODY]
        await sse.publish(*odd)
        await stream.receive(*odd)
        child = await sse.child(root)
        begun = child_begun(sse, root, child)
        await sse.publish(begun)
        await stream.receive(begun)
        events = both_sides(sse, "workflow", child)
        await sse.publish(*events)
        await stream.receive(*events)
        await sse.fence(stream)


@case("SSE-11", since="1.1")
async def child_that_is_told_of_again_comes_once(probe: Probe) -> None:
    """Publishes the start and end of a child several times: each of its events must come once."""
    async with sse_session(probe, implicates={"repeated", "lost"}) as sse:
        root = await sse.workflow()
        child = await sse.child(root)
        streams = [await sse.stream("consolidated", root)]
        snapshot = {"childWorkflowId": str(child), "kind": "suite", "status": "RUNNING"}
        for name in ("initiated", "initiated", "started", "cancellation_requested"):
            told = sse.event(root, f"child_workflow.{name}", data=snapshot)
            await sse.publish(told)
            events = both_sides(sse, "workflow", child)
            for stream in streams:
                await stream.receive(told)
            await sse.publish(*events)
            for stream in streams:
                await stream.receive(*events)
            if len(streams) == 1:
                streams.append(await sse.stream("consolidated", root))
        await sse.fence(*streams)


@case("SSE-06", since="1.1")
async def equal_event_ids_mix_nothing_up(probe: Probe) -> None:
    """Publishes events of two tenants with one id: each reader must get its own tenant's event."""
    async with sse_session(probe, implicates={"crossed", "lost", "altered"}) as sse:
        workflows = [await sse.workflow(tenant) for tenant in (0, 1)]
        streams = [
            await sse.stream(kind, workflows[tenant] if kind == "workflow" else None, tenant=tenant)
            for tenant in (0, 1)
            for kind in ("workflow", "tenant")
        ]
        for first, second in ((0, 1), (1, 0)):
            one = sse.event(workflows[first], data={"whose": f"tenant {first}"})
            other = sse.event(workflows[second], data={"whose": f"tenant {second}"})
            await sse.publish(one, msgspec.structs.replace(other, id=one.id))
            await sse.fence(*streams)


@every_endpoint
@case("SSE-06", since="1.1")
async def connection_carries_no_credentials(probe: Probe, kind: StreamKind) -> None:
    """Sends requests with and without credentials on one connection: each must be answered by its own."""
    async with sse_session(probe) as sse:
        path = sse.path(kind, await subject(sse, kind) or "")
        mine, others = (tenant.headers for tenant in sse.tenants)
        async with socket_reader(sse.target.base_url, path, mine, method="HEAD") as reader:
            status = await probe.returns(reader.read_head(), f"the answer to HEAD {path}")
            probe.expect(status == 200, "HEAD to answer 200", f"{status}")
            for headers, whose, right in (
                ({}, "without credentials", 401),
                (others, "with another tenant's credentials", 404),
                ({}, "without credentials", 401),
            ):
                about = f"HEAD {path} {whose}, on the same connection"
                again = await probe.returns(reader.ask_again(headers), f"the answer to {about}")
                if again is None:
                    return  # a server may close it after each answer
                probe.expect(again == right, f"{right} for {about}", f"{again}")


async def _tokens(sse: Sse, workflow: UUID, types: str) -> Stream:
    """Opens a stream with these types, for a case that publishes tokens."""
    return await sse.stream(
        "workflow",
        workflow,
        types=types,
        selects=lambda one: one.event_type.lower() in types.split(","),
    )
