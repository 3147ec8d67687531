"""Checks the reference's reading of `types` by the whole table."""

from __future__ import annotations

from typing import Any

import pytest

from eventhook_conformance.contract import StreamEventType
from eventhook_fixtures import load
from eventhook_reference.sse.types import STREAM_TYPES, MalformedTypes, parse_types

TABLE = load("types")


@pytest.mark.parametrize("vector", TABLE["vectors"], ids=lambda vector: str(vector["name"]))
def test_vector(vector: dict[str, Any]) -> None:
    streams = vector["endpoint"] == "workflow"
    values = vector["values"] or []
    if vector["status"] == 400:
        with pytest.raises(MalformedTypes):
            parse_types(values, stream_types=streams)
        return
    found = parse_types(values, stream_types=streams)
    selected = [
        name
        for name in TABLE["events"]
        if (
            (streams and found.takes_stream(StreamEventType(name.upper())))
            if name in STREAM_TYPES
            else found.takes_lifecycle(name)
        )
    ]
    assert selected == vector["selects"]


def test_the_table_has_every_kind_of_row() -> None:
    rows = TABLE["vectors"]
    assert len({row["name"] for row in rows}) == len(rows)
    for endpoint in ("workflow", "tenant"):
        here = [row for row in rows if row["endpoint"] == endpoint]
        assert {row["status"] for row in here} == {200, 400}
        assert any(row["values"] is None for row in here)
        assert any(row["status"] == 200 and not row["selects"] for row in here)
    assert {name for row in rows for name in row["selects"]} == set(TABLE["events"])


def test_what_is_wrong_is_named() -> None:
    with pytest.raises(MalformedTypes, match=r"expected token.*'task\.\.x'"):
        parse_types(["token,task..x"])
    with pytest.raises(MalformedTypes, match=r"'error'.*lifecycle events only"):
        parse_types(["task,error"], stream_types=False)
