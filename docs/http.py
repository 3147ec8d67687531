"""Writes the generated parts of `http.md` from the data of the specification: `python docs/http.py`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import eventhook_fixtures
from eventhook_conformance.specification import requirements

PAGE: Final = Path(__file__).with_name("http.md")
_LONGEST: Final = 40


def requirement_table() -> str:
    """Returns every requirement of the endpoints, with the sentence that is tested."""
    lines = ["| ID | level | since | what is tested |", "|---|---|---|---|"]
    lines += [
        f"| {one.id} | {one.level} | {one.since} | {one.text} |"
        for one in requirements().values()
        if one.group == "SSE"
    ]
    return "\n".join(lines)


def types_table() -> str:
    """Returns the vectors of `types`, in one line for each outcome of the workflow's stream."""
    table = eventhook_fixtures.load("types")
    events = table["events"]
    lines = [
        f"Of the events {', '.join(f'`{one}`' for one in events)} a stream of a workflow carries:",
        "",
        "| `types` | answer | what comes |",
        "|---|---|---|",
    ]
    lines += [_row(one, events) for one in table["vectors"] if one["endpoint"] == "workflow"]
    lines += ["", "On `/events/stream`, which has no stream events, these differ:", ""]
    lines += ["| `types` | answer | what comes |", "|---|---|---|"]
    lines += [_row(one, events) for one in _only_tenant(table["vectors"])]
    return "\n".join(lines)


def _only_tenant(vectors: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    others = {str(one["values"]): one["status"] for one in vectors if one["endpoint"] == "workflow"}
    for one in vectors:
        if one["endpoint"] == "tenant" and others.get(str(one["values"])) != one["status"]:
            yield one


def _row(vector: Mapping[str, Any], events: list[str]) -> str:
    if vector["status"] != 200:
        comes = "-"
    elif not vector["selects"]:
        comes = "nothing"
    elif vector["selects"] == events:
        comes = "everything"
    else:
        comes = ", ".join(f"`{one}`" for one in vector["selects"])
    return f"| {_query(vector['values'])} | {vector['status']} | {comes} |"


def _query(values: list[str] | None) -> str:
    if values is None:
        return "absent"
    texts = [one if len(one) <= _LONGEST else f"{one[:_LONGEST]}...[{len(one)}]" for one in values]
    shown = "&".join(f"types={text}" for text in texts)
    # In a cell of a table: no bars, no line ends, no blanks that would be lost.
    shown = shown.replace("|", "%7C").encode("unicode_escape").decode()
    return f"`{shown.replace(' ', '␠').replace('`', '%60')}`"


def wire_tables() -> str:
    """Returns the members of both wire forms, as the schemas have them."""
    forms = (("A lifecycle event", "flovyn_event"), ("A stream event", "stream_event"))
    return "\n\n".join(_wire_table(what, eventhook_fixtures.schema(name)) for what, name in forms)


def _wire_table(what: str, schema: Mapping[str, Any]) -> str:
    rows = [
        f"| `{name}` | {_kind(one, schema)} | {one.get('description', '')} |"
        for name, one in schema["properties"].items()
    ]
    return "\n".join([f"| {what} | is | meaning |", "|---|---|---|", *rows])


def _kind(one: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    if "anyOf" in one:
        return " or ".join(_kind(each, schema) for each in one["anyOf"])
    if "enum" in one:
        return ", ".join(f"`{each}`" for each in one["enum"])
    if "$ref" in one:
        title = str(schema["$defs"][one["$ref"].rpartition("/")[2]]["title"])
        return title if title.isupper() else title.lower()
    kinds = one.get("type", "JSON")
    return " or ".join([kinds] if isinstance(kinds, str) else kinds)


GENERATED: Final = {
    "requirements": requirement_table,
    "types": types_table,
    "wire": wire_tables,
}


def with_generated(page: str) -> str:
    """Returns the page with its generated parts as the data has them now."""
    for name, make in GENERATED.items():
        begin, end = f"<!-- {name}: docs/http.py -->", f"<!-- {name} end -->"
        head, _, rest = page.partition(begin)
        _, _, tail = rest.partition(end)
        page = f"{head}{begin}\n{make()}\n{end}{tail}"
    return page


if __name__ == "__main__":
    PAGE.write_text(with_generated(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
