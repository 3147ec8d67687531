"""Servers that wrong readers who were away while what is seldom published was."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID, uuid4

from eventhook_conformance.contract import LIVE, EventPattern, StreamingError
from eventhook_conformance.target import Mutant
from eventhook_reference.memory_replay import ReplayBus
from eventhook_reference.mutants.serving_replays import entering, with_feeds, with_positions

if TYPE_CHECKING:
    from eventhook_reference.sse.replay_app import ReplayApp

SERVING_AWAY: Final[list[Mutant]] = []

_LONG: Final = 65536


@entering(SERVING_AWAY, "RPL-16", seen="nothing from before the first connection")
def first_id_is_the_start() -> type[ReplayApp]:
    """Gives a reader that begins live an `id` that resumes at the start of all that is retained."""

    def change(position: type[Any]) -> type[Any]:
        class Changed(position):  # type: ignore[misc]  # because: made above
            def begun(self) -> None:
                super().begun()
                if not self.resumed:
                    self._cursors.clear()

        return Changed

    return with_positions(change)


@entering(SERVING_AWAY, "RPL-17", seen="to arrive on r")
def children_begun_while_away_begin_live() -> type[ReplayApp]:
    """Begins live with a child that the reader's `id` does not name."""
    from eventhook_reference.sse.position import mark

    def change(position: type[Any]) -> type[Any]:
        class Changed(position):  # type: ignore[misc]  # because: made above
            def since(self, side: str) -> Any:
                if self.resumed and mark(side) not in self._cursors:
                    return LIVE
                return super().since(side)

        return Changed

    return with_positions(change)


@entering(SERVING_AWAY, "RPL-16", seen="to arrive on r")
def long_past_is_left_out() -> type[ReplayApp]:
    """Leaves out events of 64 KiB for a reader that came back."""

    def change(feed: type[Any]) -> type[Any]:
        class Changed(feed):  # type: ignore[misc]  # because: made above
            def put(self, frame: bytes, side: Any) -> None:
                if not self.position.resumed or len(frame) < _LONG:
                    super().put(frame, side)

        return Changed

    return with_feeds(change)


@entering(SERVING_AWAY, "RPL-16", seen="to arrive on r")
def empty_past_is_left_out() -> type[ReplayApp]:
    """Leaves out stream events without a payload for a reader that came back."""

    def change(feed: type[Any]) -> type[Any]:
        class Changed(feed):  # type: ignore[misc]  # because: made above
            def stream_frame(self, event: Any) -> Any:
                left_out = self.position.resumed and not event.payload
                return None if left_out else super().stream_frame(event)

        return Changed

    return with_feeds(change)


@entering(SERVING_AWAY, "SSE-12", seen="a comment within")
def comments_to_new_readers() -> type[ReplayApp]:
    """Sends no comments to a reader that came back."""

    def change(feed: type[Any]) -> type[Any]:
        class Changed(feed):  # type: ignore[misc]  # because: made above
            def put_if_idle(self, comment: bytes) -> None:
                if not self.position.resumed:
                    super().put_if_idle(comment)

        return Changed

    return with_feeds(change)


@entering(SERVING_AWAY, "RPL-16", seen="the stream to open with 200")
def reads_the_parameter_as_it_is_written() -> type[ReplayApp]:
    """Does not decode `last_event_id` in the query."""
    from eventhook_reference.sse.replay_app import HEADER, PARAMETER, ReplayApp

    class Literal(ReplayApp):
        def last_id(self, request: Any) -> str:
            parts = request.scope["query_string"].decode().split("&")
            begins = f"{PARAMETER}="
            written = (part.removeprefix(begins) for part in parts if part.startswith(begins))
            return request.headers.get(HEADER) or next(written, "")

    return Literal


@entering(SERVING_AWAY, "RPL-16", seen="to HEAD with an id that GET refuses")
def head_takes_any_id() -> type[ReplayApp]:
    """Ignores the `id` of a HEAD."""
    from eventhook_reference.sse.replay_app import ReplayApp

    class Lenient(ReplayApp):
        def last_id(self, request: Any) -> str:
            return "" if request.method == "HEAD" else super().last_id(request)

    return Lenient


@entering(SERVING_AWAY, "RPL-16", seen="the stream to open with 200")
def nothing_of_some_types_is_left_of_what_ended() -> type[ReplayApp]:
    """Answers 204 to a reader of some types that comes back to an ended workflow, whatever it missed."""
    from starlette.responses import Response

    from eventhook_reference.sse.replay_app import ReplayApp

    class Hasty(ReplayApp):
        def settled(self, endpoint: Any, request: Any, tenant: UUID, id: UUID) -> Any:
            answer = super().settled(endpoint, request, tenant, id)
            back = request.state.position.resumed and request.query_params.get("types")
            if answer is None and back and self.registry.ended(id):
                return Response(status_code=HTTPStatus.NO_CONTENT)
            return answer

    return Hasty


@entering(SERVING_AWAY, "RPL-16", seen="to arrive on r", bus=ReplayBus)
def end_of_one_side_is_the_end() -> type[ReplayApp]:
    """Ends the stream of a reader that came back at the end on one side, with the other side unread."""

    def change(feed: type[Any]) -> type[Any]:
        class Changed(feed):  # type: ignore[misc]  # because: made above
            async def end(self) -> None:
                self.finish()

        return Changed

    return with_feeds(change)


@entering(SERVING_AWAY, "SSE-23", seen="nothing to be left")
def subscribes_before_it_reads_the_id() -> type[ReplayApp]:
    """Keeps the subscription of a request whose `id` it refuses."""
    from eventhook_reference.sse.replay_app import ReplayApp

    class Leaking(ReplayApp):
        def refusal(self, error: StreamingError) -> Any:
            keeping = asyncio.get_running_loop().create_task(self._keep())
            self.__dict__.setdefault("kept", []).append(keeping)
            return super().refusal(error)

        async def _keep(self) -> None:
            async with self.backend.events.subscribe(EventPattern.all(uuid4())):
                await asyncio.Event().wait()

        def close(self) -> None:
            for keeping in self.__dict__.get("kept", []):
                keeping.cancel()
            super().close()

    return Leaking
