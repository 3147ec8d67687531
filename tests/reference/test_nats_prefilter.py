"""The first look at a message: it leaves out nothing that the pattern selects."""

import json
from itertools import product
from typing import Any
from uuid import UUID

import pytest

from eventhook_conformance.contract import EventPattern, FlovynEvent, InvalidEvent
from eventhook_reference.nats_prefilter import Prefilter
from eventhook_reference.nats_subjects import event_subject

TENANT, MINE, OTHER = UUID(int=1), UUID(int=0xABCDEF), UUID(int=3)


def event(**members: Any) -> FlovynEvent:
    return FlovynEvent(
        **{
            "id": UUID(int=9),
            "tenant_id": TENANT,
            "event_type": "webhook.github",
            "source": "test",
            "data": {"workflow_execution_id": str(OTHER), "source": "other"},
            "timestamp_ms": 0,
            **members,
        }
    )


PATTERNS = [
    EventPattern(
        tenant_id=TENANT,
        workflow_execution_id=workflow,
        task_execution_id=task,
        event_type_prefix=prefix,
        source=source,
    )
    for workflow, task, prefix, source in product(
        (None, MINE), (None, MINE), (None, "webhook", "webhook.github"), (None, "test")
    )
]
EVENTS = [
    event(workflow_execution_id=workflow, task_execution_id=task, event_type=kind, source=source)
    for workflow, task, kind, source in product(
        (None, MINE, OTHER),
        (None, MINE, OTHER),
        ("webhook.github", "webhook.github.push", "webhook.githubx", "workflow.started"),
        ("test", "tests"),
    )
]


def test_what_a_filter_does_not_select_is_left_out_and_nothing_else() -> None:
    for pattern in PATTERNS:
        prefilter = Prefilter(pattern)
        for each in EVENTS:
            seen = not prefilter.surely_misses(event_subject(each), each.to_json())
            assert seen == pattern.matches(each), (pattern, each)


@pytest.mark.parametrize(
    "write",
    [
        lambda text: text.replace(str(MINE), str(MINE).upper()),
        lambda text: text.replace(str(MINE), MINE.hex),
        lambda text: text.replace('"00000000-', '"\\u0030' + "0000000-"),
        lambda text: text.replace('"workflow_exec', '"workflow_execution_id":null,"\\u0077orkflow_exec'),
        lambda text: "  " + text.replace(":", " : "),
        lambda text: text.replace("{", '{"more":[1e400,{"source":1}],', 1).replace("1e400", "1"),
    ],
    ids=["upper-case", "hex", "escaped", "twice", "blanks", "more"],
)  # fmt: skip
def test_every_spelling_that_a_reader_takes_is_found(write: Any) -> None:
    text = write(event(workflow_execution_id=MINE, data=None).to_json().decode())
    assert FlovynEvent.from_json(text).workflow_execution_id == MINE
    prefilter = Prefilter(EventPattern.for_workflow(TENANT, MINE))
    assert not prefilter.surely_misses(event_subject(event()), text.encode())


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"\xff", b"[" * 100_000, b'{"workflow_execution_id": 1}', b"{}"],
    ids=["empty", "truncated", "array", "noise", "deep", "shape", "nothing"],
)
def test_no_garbage_raises_and_none_is_an_event(body: bytes) -> None:
    prefilter = Prefilter(EventPattern.for_workflow(TENANT, MINE))
    if not prefilter.surely_misses("flovyn.events.x", body):
        with pytest.raises(InvalidEvent):
            FlovynEvent.from_json(body)


def test_an_event_that_would_be_refused_may_be_left_out_unread() -> None:
    broken = json.loads(event(workflow_execution_id=OTHER).to_json())
    broken["timestamp_ms"] = "now"
    prefilter = Prefilter(EventPattern.for_workflow(TENANT, MINE))
    assert prefilter.surely_misses(event_subject(event()), json.dumps(broken).encode())
