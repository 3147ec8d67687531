"""Servers that change text on its way, or are wrong about what ends a stream.

Each function makes the class of a broken application; it is called when the server starts.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from eventhook_conformance.target import Mutant
from eventhook_reference.mutants._register_server import broken
from eventhook_reference.mutants._serving_apps import feeding
from eventhook_reference.mutants.serving import reframed

if TYPE_CHECKING:
    from eventhook_reference.sse.app import SseApp

SERVING_EXACT: Final[list[Mutant]] = []


def _rewriting(change: Callable[[str], str]) -> type[SseApp]:
    """Returns an application that changes payloads of stream events, except on consolidated streams."""

    def reframe(frame: bytes, event: Any) -> bytes:
        if not hasattr(event, "payload") or b'"workflowExecutionId"' in frame:
            return frame
        lines = re.split("\r\n|\r|\n", change(event.payload))
        data = "".join(f"data: {line}\n" for line in lines)
        return f"event: {event.event_type.lower()}\n{data}id: {event.sequence}\n\n".encode()

    return reframed(reframe)


@broken(SERVING_EXACT, "SSE-02", seen="the payload")
def normalizes_text() -> type[SseApp]:
    """Replaces decomposed letters by composed ones."""
    return _rewriting(lambda text: unicodedata.normalize("NFC", text))


@broken(SERVING_EXACT, "SSE-02", seen="the payload")
def trims_tabs() -> type[SseApp]:
    """Removes tabs at the end of a payload's lines."""
    return _rewriting(lambda text: text.rstrip("\t"))


@broken(SERVING_EXACT, "SSE-03", seen="what was published")
def cuts_long_types() -> type[SseApp]:
    """Cuts the name of an event after 128 bytes."""

    def reframe(frame: bytes, event: Any) -> bytes:
        name = event.event_type.encode()
        return frame if len(name) < 128 else frame.replace(name, name[:128], 1)

    return reframed(reframe)


@broken(SERVING_EXACT, "SSE-02", seen="the payload")
def escapes_for_html() -> type[SseApp]:
    """Escapes ampersands, as for HTML."""
    return _rewriting(lambda text: text.replace("&", "&amp;"))


@broken(SERVING_EXACT, "SSE-02", seen="the payload")
def writes_json_anew() -> type[SseApp]:
    """Parses a payload that is JSON, and writes it in another form."""

    def change(text: str) -> str:
        try:
            value = json.loads(text)
        except ValueError:
            return text
        return json.dumps(value) if isinstance(value, dict | list) else text

    return _rewriting(change)


@broken(SERVING_EXACT, "SSE-02", seen="another data")
def leaves_out_null_members() -> type[SseApp]:
    """Leaves out members that are null, also those in data."""

    def reframe(frame: bytes, event: Any) -> bytes:
        if hasattr(event, "payload") or not isinstance(event.data, dict):
            return frame
        wire = json.loads(event.to_json())
        wire["data"] = {name: one for name, one in wire["data"].items() if one is not None}
        text = json.dumps(wire)
        return f"event: {event.event_type}\ndata: {text}\nid: {event.id}\n\n".encode()

    return reframed(reframe)


@broken(SERVING_EXACT, "SSE-25", seen="neither within")
def knows_no_cancelled_workflows() -> type[SseApp]:
    """Does not take a cancelled workflow for ended."""

    def change(feed: Any) -> Any:
        class Broken(feed):  # type: ignore[misc]  # because: of whichever class the feed is
            async def on_event(self, event: Any) -> bool:
                if event.event_type == "workflow.cancelled":
                    return True
                belongs: bool = await super().on_event(event)
                return belongs

        return Broken

    return feeding("workflow", change)


@broken(SERVING_EXACT, "SSE-25", seen="neither within")
def waits_for_more_children() -> type[SseApp]:
    """Never ends a consolidated stream that has children."""

    def change(feed: Any) -> Any:
        class Broken(feed):  # type: ignore[misc]  # because: of whichever class the feed is
            def _end_if_all_did(self) -> None:
                if len(self.family) == 1:
                    super()._end_if_all_did()

        return Broken

    return feeding("consolidated", change)


@broken(SERVING_EXACT, "SSE-20", seen="to arrive on r1")
def ends_with_an_error_in_the_stream() -> type[SseApp]:
    """Ends the stream of a workflow at a stream event of type ERROR."""

    def change(feed: Any) -> Any:
        class Broken(feed):  # type: ignore[misc]  # because: of whichever class the feed is
            def stream_frame(self, event: Any) -> bytes | None:
                if event.event_type == "ERROR":
                    self.begin_end()
                frame: bytes | None = super().stream_frame(event)
                return frame

        return Broken

    return feeding("workflow", change)


@broken(SERVING_EXACT, "SSE-16", seen="to arrive on r1")
def ends_with_a_failed_attempt() -> type[SseApp]:
    """Ends the stream of a task at a failed attempt, even if another one follows."""

    def change(feed: Any) -> Any:
        class Broken(feed):  # type: ignore[misc]  # because: of whichever class the feed is
            async def on_event(self, event: Any) -> bool:
                if event.event_type == "task.failed":
                    self.begin_end()
                belongs: bool = await super().on_event(event)
                return belongs

        return Broken

    return feeding("task", change)


@broken(SERVING_EXACT, "SSE-12", seen="a comment within")
def comments_to_the_first_reader() -> type[SseApp]:
    """Sends comments only to the first of several readers of a stream."""

    def change(feed: Any) -> Any:
        class Broken(feed):  # type: ignore[misc]  # because: of whichever class the feed is
            def put_if_idle(self, comment: bytes) -> None:
                for outbox in list(self._outboxes)[:1]:
                    outbox.put_if_idle(comment)

        return Broken

    return feeding("every", change)


@broken(SERVING_EXACT, "SSE-05", seen="only the types asked for")
def selects_for_the_root_alone() -> type[SseApp]:
    """Applies `types` to the stream events of the root only, not to those of children."""
    from eventhook_reference.sse.outbox import Side

    def change(feed: Any) -> Any:
        class Broken(feed):  # type: ignore[misc]  # because: of whichever class the feed is
            async def _forward_stream_event(self, event: Any) -> None:
                if event.workflow_execution_id == str(self.id):
                    await super()._forward_stream_event(event)
                else:
                    self.put(self.stream_frame(event), Side.STREAMS)

        return Broken

    return feeding("consolidated", change)


@broken(SERVING_EXACT, "SSE-16", seen="to arrive on r1")
def asks_standalone_tasks_for_their_name() -> type[SseApp]:
    """Leaves out an event under a standalone task's key that does not name the task."""

    def change(feed: Any) -> Any:
        class Broken(feed):  # type: ignore[misc]  # because: of whichever class the feed is
            def stream_frame(self, event: Any) -> bytes | None:
                if event.task_execution_id != str(self.id):
                    return None
                frame: bytes | None = super().stream_frame(event)
                return frame

        return Broken

    return feeding("task", change)


@broken(SERVING_EXACT, "SSE-03", seen="to arrive on")
def leaves_out_what_is_large() -> type[SseApp]:
    """Leaves out events whose frame is larger than 200,000 bytes."""

    def change(feed: Any) -> Any:
        class Sparing(feed):  # type: ignore[misc]  # because: of whichever class the feed is
            def put(self, frame: bytes, side: Any) -> None:
                if len(frame) <= 200_000:
                    super().put(frame, side)

        return Sparing

    return feeding("every", change)


@broken(SERVING_EXACT, "SSE-03", seen="elsewhere")
def tells_tasks_by_their_beginning() -> type[SseApp]:
    """Compares the tasks of a workflow by the first half of their ids."""

    def change(feed: Any) -> Any:
        class Halved(feed):  # type: ignore[misc]  # because: of whichever class the feed is
            def stream_frame(self, event: Any) -> bytes | None:
                if event.task_execution_id[:18] == str(self.id)[:18]:
                    return bytes(self.encoders.stream(event))
                return None if self.task_of_a_workflow() else super().stream_frame(event)

            def task_of_a_workflow(self) -> bool:
                return not self._standalone

        return Halved

    return feeding("task", change)
