"""Servers that are right until something comes together that seldom does.

Each function makes the class of a broken application; it is called when the server starts.
"""

from __future__ import annotations

import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from eventhook_conformance.target import Mutant
from eventhook_reference.mutants._register_server import broken
from eventhook_reference.mutants._serving_apps import feeding

if TYPE_CHECKING:
    from eventhook_reference.sse.app import SseApp

SERVING_SELDOM: Final[list[Mutant]] = []

_AT_ONCE_S: Final = 0.0005
_TYPES: Final = 8
_LENGTH: Final = "1000000"


@broken(SERVING_SELDOM, "SSE-11", seen="TOKEN")
def loses_the_second_child_at_once() -> type[SseApp]:
    """Leaves out the second of two children that begin within half a millisecond."""

    def change(feed: Any) -> Any:
        class Hurried(feed):  # type: ignore[misc]  # because: of whichever class the feed is
            adopted = 0.0

            async def adopt(self, workflow: UUID) -> None:
                now, last = time.monotonic(), self.adopted
                self.adopted = now
                if workflow == self.id or now - last >= _AT_ONCE_S:
                    await super().adopt(workflow)

        return Hurried

    return feeding("consolidated", change)


@broken(SERVING_SELDOM, "SSE-17", seen="200 for Accept:")
def admits_no_parameters() -> type[SseApp]:
    """Refuses a media range of `Accept` with parameters, unless its weight is below one."""
    from eventhook_reference.sse.access import Refused
    from eventhook_reference.sse.app import SseApp

    class Literal(SseApp):
        def read_form(self, endpoint: Any, request: Any) -> Any:
            accept = request.headers.get("accept", "").replace(" ", "")
            if ";" in accept and "q=0" not in accept:
                raise Refused(HTTPStatus.NOT_ACCEPTABLE, "this is text/event-stream")
            return super().read_form(endpoint, request)

    return Literal


@broken(SERVING_SELDOM, "SSE-17", seen="200 for Accept:")
def takes_the_first_range_alone() -> type[SseApp]:
    """Checks only the media range of `Accept` with the greatest weight."""
    from eventhook_reference.sse.access import Refused
    from eventhook_reference.sse.app import SseApp

    def weight(part: str) -> float:
        _, _, text = part.replace(" ", "").replace("\t", "").lower().partition(";q=")
        return float(text) if text.replace(".", "", 1).isdigit() else 1.0

    class Narrow(SseApp):
        def read_form(self, endpoint: Any, request: Any) -> Any:
            parts = [one for one in request.headers.get("accept", "").split(",") if one.strip()]
            best = max(parts, key=weight, default="*/*").partition(";")[0].strip().lower()
            if best not in ("*/*", "text/*", "text/event-stream"):
                raise Refused(HTTPStatus.NOT_ACCEPTABLE, "this is text/event-stream")
            return super().read_form(endpoint, request)

    return Narrow


@broken(SERVING_SELDOM, "SSE-20", seen="without Content-Length")
def states_a_length() -> type[SseApp]:
    """Answers a stream with a length."""
    from eventhook_reference.sse.app import SseApp

    class Measured(SseApp):
        def headers(self) -> dict[str, str]:
            return {**super().headers(), "content-length": _LENGTH}

    return Measured


@broken(SERVING_SELDOM, "SSE-05", seen="to arrive on r1")
def keeps_the_last_types() -> type[SseApp]:
    """Uses the last eight items of `types` only."""
    from eventhook_reference.sse.app import SseApp

    class Forgetful(SseApp):
        def read_types(self, endpoint: Any, values: list[str]) -> Any:
            asked = ",".join(values).split(",")[-_TYPES:]
            return super().read_types(endpoint, [",".join(asked)] if values else values)

    return Forgetful


@broken(SERVING_SELDOM, "SSE-20", seen="still here")
def goes_with_the_parent() -> type[SseApp]:
    """Leaves out the events of a descendant's children once the descendant has ended."""

    def change(feed: Any) -> Any:
        class Orphaning(feed):  # type: ignore[misc]  # because: of whichever class the feed is
            def stream_frame(self, event: Any) -> bytes | None:
                entry = self.registry.workflows.get(UUID(event.workflow_execution_id))
                parent = None if entry is None else entry.parent
                if parent != self.id and parent in self._ended:
                    return None
                frame: bytes | None = super().stream_frame(event)
                return frame

        return Orphaning

    return feeding("consolidated", change)
