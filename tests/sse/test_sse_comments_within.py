"""A server may write a comment into each of its events: none of them is taken for a keep-alive."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventhook_conformance.cases import catalog
from eventhook_conformance.engine.runner import judge
from eventhook_conformance.settings import Settings
from eventhook_reference.mutants._register_server import serving_target
from eventhook_reference.mutants.serving_variants import _writing

if TYPE_CHECKING:
    from eventhook_reference.sse.app import SseApp

CASES = (
    "sse_prompt::event_needs_no_comment[workflow-identity]",
    "sse_prompt::last_event_needs_no_comment[task]",
)


def comments_within() -> type[SseApp]:
    """Returns an application that writes a comment after each field of an event."""
    return _writing(lambda body: body.replace(b"\n", b"\n: trace\n", 1))


def test_a_comment_in_an_event_is_taken_for_no_flush() -> None:
    target = serving_target("comments", comments_within)
    result = judge(target, Settings(settle_s=0.0), [catalog()[name] for name in CASES])
    assert {one.id: one.message for one in result.cases if one.outcome != "passed"} == {}
