"""SSE: sends texts that libraries often change."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from eventhook_conformance.cases._sse import every_endpoint, named, subject
from eventhook_conformance.contract import StreamEventType
from eventhook_conformance.history import Event
from eventhook_conformance.probe import Probe
from eventhook_conformance.specification import case
from eventhook_conformance.sse.paths import StreamKind
from eventhook_conformance.sse.session import sse_session

_TEXTS: Final = (
    # Letters in two parts, and letters that stand for others.
    "e\u0301 A\u030a \u212b \ufb01 \u00b2",
    # Characters that mean something elsewhere.
    "<b>&amp; &lt; \"quoted\" 'single' </script>",
    "%20 + %2C %00",
    "\\n \\u0041 \\\\",
    "$HOME `x` ${x} {{x}} {% x %} %s {}",
    # JSON that a serializer would write another way.
    '{"b":1,"a":2}',
    '{ "a" : 1 , "b" : [ ] }',
    '{"a":1,"a":2}',
    "[1.0,1e3,-0,0.10]",
    '"\\u0041\\/"',
    "12345678901234567890",
    "null",
    "true",
    "NaN",
    # Blanks of every kind at both ends.
    "a\t",
    "\ta\t \t",
    "\t",
    "\u00a0a\u00a0",
    "\u2003a\u2003",
    "a\u000b\u000c",
    "\ufeffa\ufeff",
    "a\u0000",
)
_LONG_TYPES: Final = (
    "task." + "long-name." * 24 + "last-name",
    "t" * 250 + ".last",
    "order.Shipped_2",
    "x.y",
)
"""Uses types of up to 255 bytes, and of unknown categories."""
_DATA: Final[dict[str, Any]] = {
    "nothing": None,
    "in a list": [None, {}, [], "", 0, False],
    "deep": {"a": {"b": {"c": None}}},
    "e\u0301": "e\u0301",
    "markup": "<b>&amp;</b>",
    "fraction": 0.1,
    "\u2028": "\u2028\u2029\u0085",
    "id: 1\ndata: x": "\nevent: y\n\n",
}


@named
@case("SSE-02", since="1.1")
async def text_comes_out_to_the_letter(probe: Probe, kind: StreamKind) -> None:
    """Publishes texts that libraries normalize, escape or parse: each must come unchanged."""
    async with sse_session(probe, implicates={"altered", "lost", "form"}) as sse:
        it = await subject(sse, kind) or probe.make.tenant()
        task = it if kind == "task" else None
        stream = await sse.stream(kind, it)
        for event_type in (StreamEventType.TOKEN, StreamEventType.DATA):
            events: list[Event] = [sse.token(it, text, event_type, task=task) for text in _TEXTS]
            await sse.publish(*events)
            await stream.receive(*events)
        await sse.fence(stream)


@every_endpoint
@case("SSE-02", since="1.1")
async def data_comes_out_to_the_letter(probe: Probe, kind: StreamKind) -> None:
    """Publishes data with null, empty and odd members: each must come unchanged."""
    async with sse_session(probe, implicates={"altered", "lost", "form"}) as sse:
        it = await subject(sse, kind)
        task, workflow = (it, None) if kind == "task" else (None, it)
        stream = await sse.stream(kind, it)
        events: list[Event] = [
            sse.event(workflow, "task.created", task=task, data=data, tenant=0)
            for data in (_DATA, [_DATA, None], "<b>&amp;</b>")
        ]
        await sse.publish(*events)
        await stream.receive(*events)
        await sse.fence(stream)


@every_endpoint
@case("SSE-03", since="1.1")
async def type_comes_out_to_the_letter(probe: Probe, kind: StreamKind) -> None:
    """Publishes long, upper-case and unknown types: each must come unchanged, as name and in data."""
    async with sse_session(probe, implicates={"form", "lost", "phantom"}) as sse:
        it = await subject(sse, kind)
        task, workflow = (it, None) if kind == "task" else (None, it)
        stream = await sse.stream(kind, it)
        events: list[Event] = [sse.event(workflow, name, task=task) for name in _LONG_TYPES]
        await sse.publish(*events)
        await stream.receive(*events)
        await sse.fence(stream)


@case("SSE-03", since="1.1")
async def tasks_that_are_alike_stay_apart(probe: Probe) -> None:
    """Publishes events of tasks whose ids differ in one digit: the task's stream carries its own only."""
    async with sse_session(probe, implicates={"strayed", "lost"}) as sse:
        workflow = await sse.workflow()
        task = await sse.task(workflow=workflow)
        stream = await sse.stream("task", task)
        for bit in (0, 46, 63, 64, 95, 127):
            other = UUID(int=task.int ^ (1 << bit))
            await sse.publish(
                sse.token(workflow, "its", task=other),
                sse.event(workflow, task=other),
                mine := sse.token(workflow, "mine", task=task),
                told := sse.event(workflow, task=task),
            )
            await stream.receive(mine, told)
        await sse.fence(stream)
