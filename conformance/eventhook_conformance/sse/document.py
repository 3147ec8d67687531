"""A server's OpenAPI document: where its endpoints are in it, and the same with real ids.

Pure functions: they do not depend on the reader of the document.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

_DEEPEST: Final = 8
_PLACEHOLDER: Final = re.compile(r"\{([^{}]+)\}")


def locate(document: Mapping[str, Any], path: str) -> tuple[str, dict[str, str]] | None:
    """Returns the path template of the document that a real path belongs to, with its parameters.

    The one with the fewest parameters wins; a server's base path may be in front of it.
    """
    prefixes = {"", *(urlsplit(str(one.get("url", ""))).path for one in _servers(document))}
    found: list[tuple[int, str, dict[str, str]]] = []
    for template in document.get("paths", {}):
        names = _PLACEHOLDER.findall(template)
        pattern = _PLACEHOLDER.sub("([^/]+)", re.sub(r"[.*+?()|^$\\]", r"\\\g<0>", template))
        for prefix in prefixes:
            match = re.fullmatch(re.escape(prefix.rstrip("/")) + pattern, path)
            if match is not None:
                found.append((len(names), template, dict(zip(names, match.groups(), strict=True))))
    if not found:
        return None
    _, template, values = min(found, key=lambda one: one[0])
    return template, values


def _servers(document: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    servers = document.get("servers", ())
    return servers if isinstance(servers, list) else ()


def server_url(document: Mapping[str, Any], base_url: str) -> str:
    """Returns the URL under which the paths of the document lie; `servers` may add a path."""
    own = [urlsplit(str(one.get("url", ""))).path for one in _servers(document)]
    if urlsplit(base_url).path.strip("/") or not own:
        return base_url
    return base_url.rstrip("/") + own[0].rstrip("/")


def with_real_paths(
    document: Mapping[str, Any], streams: Mapping[str, Mapping[str, str]]
) -> tuple[dict[str, Any], list[str]]:
    """Returns the document with a copy of each stream beside it, its parameters written out; their paths.

    A configuration could fix them too, but holds values of one name for the same on every path.

    Args:
        document: the server's.
        streams: the path templates of the streams, each with its real parameters.
    """
    changed = copy.deepcopy(dict(document))
    written: list[str] = []
    for template, values in streams.items():
        item = copy.deepcopy(changed["paths"][template])
        path = template
        for name, value in values.items():
            path = path.replace(f"{{{name}}}", value)
        for holder in (item, *(one for one in item.values() if isinstance(one, dict))):
            # An operation's name is its own; links belong to the operation that has it.
            holder.pop("operationId", None)
            if "parameters" in holder:
                holder["parameters"] = [
                    one
                    for one in holder["parameters"]
                    if resolve(document, one).get("in") != "path"
                ]
        changed["paths"][path] = item
        written.append(path)
    return changed, written


def common_values(streams: Mapping[str, Mapping[str, str]], generated: set[str]) -> dict[str, str]:
    """Returns the parameters with one value on all paths, such as the tenant's; ids are left out."""
    values: dict[str, set[str]] = {}
    for parameters in streams.values():
        for name, value in parameters.items():
            values.setdefault(name, set()).add(value)
    return {
        name: next(iter(found))
        for name, found in values.items()
        if len(found) == 1 and not found & generated
    }


def resolve(document: Mapping[str, Any], value: Mapping[str, Any]) -> Mapping[str, Any]:
    """Follows a reference within the document; returns any other value unchanged."""
    for _ in range(_DEEPEST):
        target = value.get("$ref")
        if not isinstance(target, str) or not target.startswith("#/"):
            break
        found: Any = document
        for part in target[2:].split("/"):
            found = found.get(part.replace("~1", "/").replace("~0", "~"), {})
        value = found
    return value
