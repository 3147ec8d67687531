"""SSE: reads several servers over one bus."""

from __future__ import annotations

from uuid import UUID

from eventhook_conformance.cases._sse import both_sides, child_begun, expect_problem, named, subject
from eventhook_conformance.history import Event
from eventhook_conformance.probe import NotOffered, Probe, Via
from eventhook_conformance.specification import case, via
from eventhook_conformance.sse.paths import StreamKind
from eventhook_conformance.sse.session import Sse, sse_session
from eventhook_conformance.sse.stream import Stream


@via
@named
@case("SSE-26")
async def made_at_one_is_read_at_every_other(probe: Probe, kind: StreamKind, via: Via) -> None:
    """Makes executions at one replica: each other replica must know them, and carry all events."""
    async with sse_session(probe, implicates={"lost", "crossed", "strayed", "repeated"}) as sse:
        urls = _replicas(sse)
        for _ in range(2):
            it = await subject(sse, kind)
            streams: list[Stream] = []
            for url in urls[::-1]:
                answer = await sse.ask("GET", url + sse.path(kind, it), sse.tenants[0].headers)
                probe.expect(
                    answer.status == 200,
                    f"{url} to know an execution made at another replica",
                    f"{answer.status}",
                )
                if answer.status != 200:
                    return
                streams.append(await sse.stream(kind, it, base_url=url))
                its = await sse.ask("GET", url + sse.path(kind, it), sse.tenants[1].headers)
                expect_problem(probe, its, 404, "another tenant's, made at another replica")
            for _ in range(3):
                events = both_sides(sse, kind, it)
                await sse.publish(*events, via=via)
                for stream in streams:
                    await stream.receive(*events)
            await sse.fence(*streams)


@case("SSE-26")
async def what_one_replica_tells_readers_at_all_hear(probe: Probe) -> None:
    """Makes executions at one replica: all replicas must carry the events that it publishes itself."""
    async with sse_session(probe) as sse:
        urls = _replicas(sse)
        streams = [await sse.stream("tenant", base_url=url) for url in urls]
        made = [await sse.workflow() for _ in range(3)]
        await sse.fence(*streams)

        def told(stream: Stream) -> list[str]:
            return [_told(stream, one) for one in made]

        for url, stream in zip(urls[1:], streams[1:], strict=True):
            # The servers are publishers of their own, which the fence says nothing of.
            await stream.until(lambda stream=stream: told(stream) == told(streams[0]))  # type: ignore[misc]  # because: bound in the loop
            probe.expect(
                told(stream) == told(streams[0]),
                f"readers at {url} to get the same events of new executions as those at {urls[0]}",
                f"{told(stream)} in place of {told(streams[0])}",
            )


@case("SSE-27")
async def children_begun_elsewhere_are_included(probe: Probe) -> None:
    """Begins children at one replica while another is read: their events must come."""
    async with sse_session(probe, implicates={"lost", "strayed", "repeated"}) as sse:
        urls = _replicas(sse)
        root = await sse.workflow()
        streams = [await sse.stream("consolidated", root, base_url=url) for url in urls]
        member = root
        for _ in range(3):
            child = await sse.child(member)
            begun = child_begun(sse, member, child)
            await sse.publish(begun)
            for stream in streams:
                await stream.receive(begun)
            events = both_sides(sse, "consolidated", child)
            await sse.publish(*events)
            for stream in streams:
                await stream.receive(*events)
            member = child
        await sse.fence(*streams)


@case("SSE-27")
async def children_begun_elsewhere_before_are_included(probe: Probe) -> None:
    """Begins children, then reads at any replica: the events of the whole family must come."""
    async with sse_session(probe, implicates={"lost", "strayed", "repeated"}) as sse:
        urls = _replicas(sse)
        root, stranger = await sse.workflow(), await sse.workflow()
        child = await sse.child(root)
        grandchild = await sse.child(child)
        await sse.publish(child_begun(sse, root, child), child_begun(sse, child, grandchild))
        streams = [await sse.stream("consolidated", root, base_url=url) for url in urls[::-1]]
        for member in (grandchild, root, child):
            events = both_sides(sse, "consolidated", member)
            await sse.publish(*both_sides(sse, "consolidated", stranger), *events)
            for stream in streams:
                await stream.receive(*events)
        await sse.fence(*streams)


@case("SSE-28", last=True, clients=1)
async def lost_replica_takes_only_its_own_readers(probe: Probe) -> None:
    """Kills a replica: the others' readers must lose nothing, and know the executions that it made."""
    client = await probe.open_client()
    async with sse_session(probe, implicates={"lost", "repeated", "reordered"}, via=client) as sse:
        first, *others = _replicas(sse)
        if sse.target.kill_replica is None:
            raise NotOffered("the target gives no `kill_replica`")
        root = await sse.workflow()
        child = await sse.child(root)
        begun = child_begun(sse, root, child)
        kinds: tuple[StreamKind, ...] = ("workflow", "consolidated")
        lost = [await sse.stream(kind, root, base_url=first) for kind in kinds]
        staying = [await sse.stream(kind, root, base_url=url) for url in others for kind in kinds]
        before: list[Event] = [begun, *both_sides(sse, "workflow", root)]
        await sse.publish(*before, via=client)
        for stream in (*lost, *staying):
            await stream.receive(*before)
        for stream in lost:
            stream.judged = False
        publishing = probe.spawn(_publish_many(sse, root, client))
        await probe.returns(sse.target.kill_replica(first), f"killing the replica at {first}")
        flown: list[Event] = await probe.returns(publishing, "publishing")
        for stream in staying:
            await stream.receive(*flown)
        for url in others:
            for kind in kinds:
                new = await sse.stream(kind, root, base_url=url)
                members = (root, child) if kind == "consolidated" else (root,)
                for member in members:
                    events = both_sides(sse, kind, member)
                    await sse.publish(*events, via=client)
                    await new.receive(*events)
        await sse.fence(*staying)


async def _publish_many(sse: Sse, workflow: UUID, client: Via) -> list[Event]:
    flown: list[Event] = []
    for _ in range(20):
        events = both_sides(sse, "workflow", workflow)
        await sse.publish(*events, via=client)
        flown += events
    return flown


def _replicas(sse: Sse) -> list[str]:
    """Returns the base URLs of all servers; executions are made at the first."""
    if not sse.target.replicas:
        raise NotOffered("the target names no `replicas`")
    return [sse.target.base_url, *sse.target.replicas]


def _told(stream: Stream, workflow: UUID) -> str:
    """Names the events of a workflow on a stream that the suite did not publish."""
    names = [
        one.event.type
        for one in stream.reading.received
        if str(workflow) in one.event.data and not one.event.type.startswith("suite.")
    ]
    return f"{workflow}: {', '.join(names) or 'nothing'}"
