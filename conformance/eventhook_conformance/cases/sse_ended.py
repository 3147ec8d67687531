"""SSE: checks the streams of ended workflows."""

from __future__ import annotations

import pytest

from eventhook_conformance.cases._sse_ended import LAST, ours, says_it_ends, to_be_ended
from eventhook_conformance.contract import StreamEvent
from eventhook_conformance.history import Event
from eventhook_conformance.probe import Probe
from eventhook_conformance.specification import case
from eventhook_conformance.sse.own_events import says_end
from eventhook_conformance.sse.paths import StreamKind
from eventhook_conformance.sse.session import sse_session


@pytest.mark.parametrize("types", [None, "token"])
@pytest.mark.parametrize("kind", ["workflow", "consolidated"])
@case("SSE-18")
async def stream_of_an_ended_workflow_closes(
    probe: Probe, kind: StreamKind, types: str | None
) -> None:
    """Ends a workflow: its stream must carry the whole last event, and close or tell the end."""
    async with sse_session(probe, implicates={"lost"}) as sse:
        real = not ours(probe)
        workflow, finish = await to_be_ended(probe, sse)
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
            return (
                reading.over
                or says_it_ends(stream)
                or any("keep" not in comment.lower() for comment in news)
            )

        ended = await stream.until(says_so)
        probe.expect(
            ended and reading.error is None,
            "the stream to close, or to say that the workflow has ended",
            reading.error or f"it stays open, and silent for {probe.deadline.current_s:g} s",
            stream.requested,
        )


@pytest.mark.parametrize("types", [None, "token"])
@pytest.mark.parametrize("kind", ["workflow", "consolidated"])
@case("SSE-18", since="1.1")
async def stream_opened_after_the_end_closes(
    probe: Probe, kind: StreamKind, types: str | None
) -> None:
    """Opens a stream after its workflow ended: it must close or tell the end."""
    async with sse_session(probe) as sse:
        workflow, finish = await to_be_ended(probe, sse)
        # Somebody reads it meanwhile, or a server that believes the bus alone could not know.
        first = await sse.stream(kind, workflow)
        first.judged = False
        await finish(first)
        await first.until(lambda: any(r.event.type == LAST for r in first.reading.received))
        late = await sse.stream(kind, workflow, types=types)
        late.judged = False
        ended = await late.until(lambda: late.reading.over or says_it_ends(late))
        probe.expect(
            ended and late.reading.error is None,
            "a stream that is opened after the end of its workflow to close, or to say so",
            late.reading.error or f"it stays open for {probe.deadline.current_s:g} s",
            late.requested,
        )


@pytest.mark.parametrize("kind", ["workflow", "consolidated"])
@case("SSE-19")
async def all_that_was_published_before_the_end_arrives(probe: Probe, kind: StreamKind) -> None:
    """Publishes many tokens right before the end: all must come, whole."""
    async with sse_session(probe, implicates={"lost", "altered", "reordered"}) as sse:
        workflow, finish = await to_be_ended(probe, sse)
        stream = await sse.stream(kind, workflow)
        many = min(200, probe.capabilities.stream_capacity - 16)
        tokens: list[Event] = [
            sse.token(workflow, f"word {number}\n" * 8) for number in range(max(1, many))
        ]
        progress = sse.event(workflow, "task.step", data={"percent": 100})
        await sse.publish(*tokens, progress)
        await finish(stream)
        await stream.receive(*tokens, progress)
        reading = stream.reading
        last = await stream.until(lambda: any(r.event.type == LAST for r in reading.received))
        probe.expect(last, f"{LAST} before the stream ends", "it did not come", stream.requested)
        if not ours(probe):
            stream.judged = False  # its own engine streams words that the suite did not publish
        await stream.until(lambda: reading.over, glance=True)
        probe.expect(
            reading.error is None,
            "the stream to end in good order, if it ends",
            f"{reading.error}",
            stream.requested,
        )
        if reading.over:
            probe.expect(
                not reading.parser.unfinished,
                "every event to be finished when the stream ends",
                "it ends within an event or a line",
                stream.requested,
            )


@pytest.mark.parametrize("kind", ["workflow", "consolidated"])
@case("SSE-25")
async def end_is_said_in_one_form(probe: Probe, kind: StreamKind) -> None:
    """Ends a workflow: the stream must close, or carry one event `end` with the status."""
    async with sse_session(probe) as sse:
        workflow, finish = await to_be_ended(probe, sse)
        stream = await sse.stream(kind, workflow)
        stream.judged = False
        await finish(stream)
        ended = await stream.until(lambda: stream.reading.over or says_it_ends(stream))
        probe.expect(
            ended,
            'the stream to close, or an event end with {"status": …} as data',
            f"neither within {probe.deadline.current_s:g} s",
            stream.requested,
        )
        said = [one.event.data for one in stream.reading.received if says_end(one.event)]
        probe.expect(len(said) <= 1, "the end to be said once", f"{len(said)} times: {said}")


def _taken(types: str | None, event: Event) -> bool:
    return types is None or (isinstance(event, StreamEvent) and event.event_type == "TOKEN")
