"""Bodies of messages on NATS: invalid events, and valid ones as other writers write them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from eventhook_conformance.cases._nats import members_of
from eventhook_conformance.history import Event

_MAY_BE_NULL: Final = ("workflow_execution_id", "task_execution_id", "correlation_id")
SHAPELESS: Final[Mapping[str, bytes]] = {
    "an empty payload": b"",
    "a blank": b" ",
    "a NUL": b"\x00",
    "text": b"hello",
    "a lone bracket": b"{",
    "a hundred thousand brackets": b"[" * 100_000,
    "bytes that are no UTF-8": b"\xff\xfe{}\x80",
    "a number": b"42",
    "a text in JSON": b'"workflow.started"',
    "null": b"null",
    "true": b"true",
    "an empty object": b"{}",
    "an empty array": b"[]",
    "a number that JSON lacks": b'{"id": NaN}',
}


def misshapen(example: Event) -> dict[str, bytes]:
    """Returns bodies of an event that was cut off, wrapped, or has one member of another kind."""
    whole = members_of(example)
    body = json.dumps(whole).encode()
    garbage = {
        "JSON that was cut off": body[: len(body) // 2],
        "JSON without its last byte": body[:-1],
        "an event and more behind it": body + b"}",
        "two events in one payload": body + body,
        "an event in an array": b"[" + body + b"]",
        "an event in an envelope": json.dumps({"event": whole}).encode(),
        "an event as text in JSON": json.dumps(body.decode()).encode(),
        "an event in UTF-16": body.decode().encode("utf-16"),
    }
    for name, value in whole.items():
        if name == "data":  # data may be any JSON value
            continue
        optional = value is None or name in _MAY_BE_NULL
        wrong: list[Any] = [{}, [1], True]
        wrong += [5] if isinstance(value, str) else []
        wrong += ["five", 1.5] if isinstance(value, int) else []
        wrong += [None] if not optional else []
        for other in wrong:
            garbage[f"{name}: {json.dumps(other)}"] = json.dumps({**whole, name: other}).encode()
        if not optional:
            rest = {one: whole[one] for one in whole if one != name}
            garbage[f"an event without {name}"] = json.dumps(rest).encode()
    return garbage


OPTIONALS: Final = (
    ("workflow_execution_id",),
    ("task_execution_id",),
    ("correlation_id",),
    ("workflow_execution_id", "task_execution_id", "correlation_id"),
)
_UNKNOWN: Final = {
    "version": 2,
    "extra": {"id": "x", "tenant_id": None},
    "eventType": "a.b",
    "event-type": ["a.b"],
    "": None,
}


def _capitals(members: dict[str, Any]) -> str:
    """Writes UUIDs as some languages do; in a stream event they are plain text and stay."""
    if "tenant_id" in members:
        for name in ("id", "tenant_id", "workflow_execution_id", "task_execution_id"):
            members[name] = members[name].upper()
    return json.dumps(members)


WRITERS: Final[Mapping[str, Callable[[dict[str, Any]], str]]] = {
    "as it is": json.dumps,
    "with its members the other way round": lambda its: json.dumps(dict(reversed(its.items()))),
    "with unknown members behind": lambda its: json.dumps({**its, **_UNKNOWN}),
    "with unknown members in front": lambda its: json.dumps({**_UNKNOWN, **its}),
    "with its UUIDs in capitals": _capitals,
    "set in lines": lambda its: "\r\n\t " + json.dumps(its, indent=4) + " \n",
    "without escapes": lambda its: json.dumps(its, ensure_ascii=False),
    "with escapes in its names": lambda its: json.dumps(its).replace('"t', '"\\u0074'),
}
