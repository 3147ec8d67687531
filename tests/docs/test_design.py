"""The guided tour against the code: its modules exist, and the imports have no circle."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "conformance" / "eventhook_conformance"
DESIGN = (ROOT / "docs" / "design.md").read_text(encoding="utf-8")


def rooms() -> Mapping[str, set[str]]:
    """Returns the rooms of the package, each with those that it imports anywhere, even in functions."""
    found: dict[str, set[str]] = {}
    for path in PACKAGE.rglob("*.py"):
        place = path.relative_to(PACKAGE)
        if "templates" in place.parts or (place.name.startswith("__") and len(place.parts) == 1):
            continue  # a vendor's files, and the doors of the package
        room = place.parts[0].removesuffix(".py")
        found.setdefault(room, set()).update(set(imported(path)) - {room})
    return found


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{one.name}" for one in node.names)]
        elif isinstance(node, ast.Import):
            names = [one.name for one in node.names]
        for name in names:
            top, _, rest = name.partition(".")
            room = rest.partition(".")[0]
            if top == PACKAGE.name and room and is_room(room):
                yield room


def is_room(name: str) -> bool:
    return (PACKAGE / name).is_dir() or (PACKAGE / f"{name}.py").is_file()


def floors(graph: Mapping[str, set[str]]) -> int:
    """Returns how many floors a drawing has in which each room stands above all that it imports."""
    sorter = TopologicalSorter(graph)
    sorter.prepare()
    count = 0
    while sorter.is_active():
        ready = sorter.get_ready()
        sorter.done(*ready)
        count += 1
    return count


def test_the_rooms_form_no_circle_and_few_floors() -> None:
    graph = rooms()
    assert 20 < len(graph) <= 28
    assert floors(graph) < 12


def test_a_circle_is_found() -> None:
    graph = {**rooms(), "contract": {"cli"}}
    with pytest.raises(CycleError):
        floors(graph)


def test_every_module_that_the_tour_names_exists() -> None:
    named = set(re.findall(r"`((?:\w+/)*\w+\.(?:py|json))`", DESIGN))
    assert len(named) > 20
    places = (PACKAGE, ROOT, ROOT / "reference_impl" / "eventhook_reference")
    for name in named:
        assert any((place / name).is_file() for place in places), name


def test_the_walk_crosses_at_most_eight_modules() -> None:
    walk = DESIGN.partition("## One event's way")[2].partition("\n## ")[0]
    steps = re.findall(r"^\| (\d) \| `([^`]+)`", walk, re.MULTILINE)
    assert [int(number) for number, _ in steps] == list(range(1, len(steps) + 1))
    assert len(steps) <= 8
    assert len({module for _, module in steps}) == len(steps)
