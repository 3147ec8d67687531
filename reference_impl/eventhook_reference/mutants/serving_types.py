"""Servers that misread `types`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from eventhook_conformance.target import Mutant
from eventhook_reference.mutants._register_server import broken

if TYPE_CHECKING:
    from eventhook_reference.sse.app import SseApp

SERVING_TYPES: Final[list[Mutant]] = []


def _filtered(change: Any) -> type[SseApp]:
    """Returns an application whose `types` is read by `change(values, stream_types)`."""
    from eventhook_reference.sse.app import SseApp

    class Broken(SseApp):
        def read_types(self, endpoint: Any, values: list[str]) -> Any:
            return change(values, endpoint.kind != "events")

    return Broken


def _parse(values: Any, stream_types: bool) -> Any:
    from eventhook_reference.sse.types import parse_types

    return parse_types(values, stream_types=stream_types)


@broken(SERVING_TYPES, "SSE-05", seen="200")
def does_not_trim_types() -> type[SseApp]:
    """Refuses an item of `types` with a space in front."""

    def change(values: list[str], stream_types: bool) -> Any:
        from eventhook_reference.sse.types import MalformedTypes

        if any(" " in value.strip() for value in values):
            raise MalformedTypes("a blank")
        return _parse(values, stream_types)

    return _filtered(change)


@broken(SERVING_TYPES, "SSE-05", seen="only the types asked for")
def widens_unknown_types_to_all() -> type[SseApp]:
    """Ignores unknown categories, and takes a filter without others for no filter."""

    def change(values: list[str], stream_types: bool) -> Any:
        return _parse([value for value in values if "nosuch" not in value], stream_types)

    return _filtered(change)


@broken(SERVING_TYPES, "SSE-05", seen="only the types asked for")
def matches_categories_by_letters() -> type[SseApp]:
    """Compares categories letter by letter: `task` selects `tasks.created`."""

    def change(values: list[str], stream_types: bool) -> Any:
        from eventhook_reference.sse.types import TypesFilter

        found = _parse(values, stream_types)
        if found.prefixes is None:
            return found
        return TypesFilter(found.streams, tuple(one.rstrip(".") for one in found.prefixes))

    return _filtered(change)


@broken(SERVING_TYPES, "SSE-05", seen="400 for GET")
def accepts_malformed_types() -> type[SseApp]:
    """Answers malformed `types` with an empty stream."""

    def change(values: list[str], stream_types: bool) -> Any:
        from eventhook_reference.sse.types import MalformedTypes, TypesFilter

        try:
            return _parse(values, stream_types)
        except MalformedTypes:
            return TypesFilter(frozenset(), ())

    return _filtered(change)


@broken(SERVING_TYPES, "SSE-05", seen="to arrive on")
def looks_at_the_first_types_alone() -> type[SseApp]:
    """Uses only the first of several `types` parameters."""
    return _filtered(lambda values, stream_types: _parse(values[:1], stream_types))


@broken(SERVING_TYPES, "SSE-05", seen="to arrive on")
def takes_exact_types_for_exact() -> type[SseApp]:
    """Leaves descendants of a type out: `task.created` does not select `task.created.again`."""

    def change(values: list[str], stream_types: bool) -> Any:
        from eventhook_reference.sse.types import TypesFilter

        class Exact(TypesFilter):
            def takes_lifecycle(self, event_type: str) -> bool:
                return self.prefixes is None or any(
                    event_type.lower() + "." == one
                    or (one.count(".") == 1 and event_type.lower().startswith(one))
                    for one in self.prefixes
                )

        found = _parse(values, stream_types)
        return Exact(found.streams, found.prefixes)

    return _filtered(change)
