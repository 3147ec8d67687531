"""Servers that take a reader back wrongly once something has changed: its types, its past, its end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from eventhook_conformance.contract import START, CursorExpired, FlovynEvent, InvalidCursor
from eventhook_conformance.target import Mutant
from eventhook_reference.mutants.serving_replays import entering, with_feeds, with_positions

if TYPE_CHECKING:
    from eventhook_reference.sse.replay_app import ReplayApp

SERVING_COMING_BACK: Final[list[Mutant]] = []


@entering(SERVING_COMING_BACK, "RPL-16", seen="only the types asked for")
def replays_without_types() -> type[ReplayApp]:
    """Ignores `types` in the replay."""

    from eventhook_reference.sse.outbox import Side

    def change(feed: type[Any]) -> type[Any]:
        class Changed(feed):  # type: ignore[misc]  # because: made above
            async def _forward_event(self, event: FlovynEvent) -> None:
                if not self.position.resumed:
                    await super()._forward_event(event)
                elif await self.on_event(event):
                    self.put(self.encoders.lifecycle(event), Side.EVENTS)

        return Changed

    return with_feeds(change)


@entering(SERVING_COMING_BACK, "RPL-16", seen="to arrive on r")
def types_hide_the_id() -> type[ReplayApp]:
    """Ignores `last_event_id` in a query with `types`."""
    from eventhook_reference.sse.replay_app import HEADER, ReplayApp

    class Broken(ReplayApp):
        def last_id(self, request: Any) -> str:
            if "types" in request.query_params:
                return request.headers.get(HEADER) or ""
            return super().last_id(request)

    return Broken


@entering(SERVING_COMING_BACK, "RPL-16", seen="the stream to open with 200")
def id_is_good_once() -> type[ReplayApp]:
    """Accepts an `id` once only."""

    def change(position: type[Any]) -> type[Any]:
        used: set[str] = set()

        class Changed(position):  # type: ignore[misc]  # because: made above
            def resume(self, text: str) -> None:
                if text in used:
                    raise CursorExpired("this id was used")
                used.add(text)
                super().resume(text)

        return Changed

    changed: list[type[Any]] = []

    def once(position: type[Any]) -> type[Any]:
        changed.extend(() if changed else [change(position)])
        return changed[0]

    return with_positions(once)


@entering(SERVING_COMING_BACK, "RPL-16", seen="to arrive on r")
def past_goes_through_a_small_queue() -> type[ReplayApp]:
    """Puts missed events into a queue of sixteen, and drops the oldest."""

    def change(feed: type[Any]) -> type[Any]:
        class Changed(feed):  # type: ignore[misc]  # because: made above
            def new_outbox(self) -> Any:
                from eventhook_reference.sse.outbox import Outbox

                return Outbox(16, 16)

        return Changed

    return with_feeds(change)


@entering(SERVING_COMING_BACK, "RPL-16", seen="for another tenant with the owner's id")
def id_is_a_key_to_the_stream() -> type[ReplayApp]:
    """Does not check the owner for a request with a valid `id`."""
    from eventhook_reference.sse.replay_app import ReplayApp

    class Broken(ReplayApp):
        def find(self, endpoint: Any, request: Any, tenant: UUID, id: UUID) -> None:
            if not self.last_id(request):
                super().find(endpoint, request, tenant, id)

        def make_position(self, stream: str) -> Any:
            kind, _, named = stream.partition(" ")
            return super().make_position(f"{kind} {named.partition(' ')[2]}")

    return Broken


@entering(SERVING_COMING_BACK, "RPL-16", seen="nothing from before the request")
def takes_the_id_of_any_stream() -> type[ReplayApp]:
    """Accepts the `id` of another workflow, and begins at the start for sides that it does not name."""
    from eventhook_reference.sse.replay_app import ReplayApp

    class Broken(ReplayApp):
        def make_position(self, stream: str) -> Any:
            return super().make_position(stream.rpartition(" ")[0])

    return Broken


@entering(SERVING_COMING_BACK, "RPL-16", seen="the stream to open with 200")
def nothing_is_left_of_what_ended() -> type[ReplayApp]:
    """Answers 204 to a reader that comes back to an ended workflow, even if it missed events."""
    from starlette.responses import Response

    from eventhook_reference.sse.replay_app import ReplayApp

    class Broken(ReplayApp):
        def settled(self, endpoint: Any, request: Any, tenant: UUID, id: UUID) -> Any:
            if self.last_id(request) and self.registry.ended(id):
                return Response(status_code=204)
            return super().settled(endpoint, request, tenant, id)

    return Broken


@entering(SERVING_COMING_BACK, "RPL-17", seen="nothing up to the id")
def id_has_room_for_five_sides() -> type[ReplayApp]:
    """Puts five sides into an `id` at most: others begin at the start again."""

    def change(position: type[Any]) -> type[Any]:
        class Changed(position):  # type: ignore[misc]  # because: made above
            def move(self, side: str, cursor: str | None) -> None:
                super().move(side, cursor)
                while len(self._cursors) > 4:
                    self._cursors.pop(next(iter(self._cursors)))

        return Changed

    return with_positions(change)


@entering(SERVING_COMING_BACK, "RPL-16", seen="or the gap to be told")
def expired_begins_at_the_oldest() -> type[ReplayApp]:
    """Begins at the oldest event for a side whose cursor has expired."""

    def change(feed: type[Any]) -> type[Any]:
        class Changed(feed):  # type: ignore[misc]  # because: made above
            async def _follow(self, side: str, subscribe: Any, forward: Any) -> None:
                try:
                    await super()._follow(side, subscribe, forward)
                except (CursorExpired, InvalidCursor):
                    await super()._follow(side, lambda since: subscribe(since=START), forward)

        return Changed

    return with_feeds(change)


@entering(SERVING_COMING_BACK, "RPL-17", seen="the stream to open with 200")
def forgets_a_long_position_once_used() -> type[ReplayApp]:
    """Accepts an `id` once only whose position did not fit into it."""
    from eventhook_reference.sse.position import Tokens
    from eventhook_reference.sse.replay_app import ReplayApp

    class Once(Tokens):
        def find(self, token: str) -> dict[str, str]:
            found = super().find(token)
            self._kept.pop(token)
            return found

    class Broken(ReplayApp):
        def __init__(self, *args: Any, **named: Any) -> None:
            super().__init__(*args, **named)
            self.tokens = Once()

    return Broken
