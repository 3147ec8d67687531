"""Finds a target by the name that the user typed."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from eventhook_conformance.engine import resolve_target
from eventhook_conformance.engine.resolve_target import (
    TargetNotFound,
    find_target,
    registered_targets,
)

WRITTEN = "a_target_of_these_tests"
GOOD = """
from eventhook_conformance import Target
def open_client(): ...
target = Target(name="mine", open=open_client)
class inner:
    target = target
other = "text"
"""

Write = Callable[[str], None]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Writes the module into the current directory, and forgets it afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def written(text: str) -> None:
        (tmp_path / f"{WRITTEN}.py").write_text(text, encoding="utf-8")
        importlib.invalidate_caches()

    yield written
    sys.modules.pop(WRITTEN, None)


@pytest.fixture
def register(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Registers one target called `mine`, as an installed package does."""

    def registered(value: str) -> None:
        point = EntryPoint(name="mine", value=value, group=resolve_target.GROUP)
        monkeypatch.setattr(resolve_target, "entry_points", lambda group: (point,))

    return registered


def refusal(name: str) -> str:
    """Returns the one line that says why there is no such target."""
    with pytest.raises(TargetNotFound) as caught:
        find_target(name)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_the_reference_is_registered() -> None:
    assert {"memory", "nats"} <= registered_targets().keys()
    assert find_target("memory").name == "memory"


def test_a_registered_name_is_found(write: Write, register: Callable[[str], None]) -> None:
    write(GOOD)
    sys.path.insert(0, str(Path.cwd()))
    register(f"{WRITTEN}:target")
    assert find_target("mine").name == "mine"


def test_a_module_in_the_current_directory_is_found(write: Write) -> None:
    write(GOOD)
    assert find_target(f"{WRITTEN}:target").name == "mine"
    assert sys.path[0] == str(Path.cwd())
    assert find_target(f"{WRITTEN}:inner.target").name == "mine"
    assert sys.path[1:2] != [str(Path.cwd())]


def test_the_current_directory_comes_first(write: Write, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / f"{WRITTEN}.py").write_text("raise SystemExit('the wrong one')")
    sys.path.insert(0, str(elsewhere))
    write(GOOD)
    assert find_target(f"{WRITTEN}:target").name == "mine"


def test_an_unknown_name_names_those_that_exist() -> None:
    message = refusal("memroy")
    assert message.startswith("no target 'memroy': registered are ")
    assert "memory, " in message
    assert message.endswith("or write module:attribute; did you mean memory?")


@pytest.mark.parametrize("name", [":", "a:", ":b", "a b:c", "a:b c", "a..b:c", "a.py:b:c", "1a:b"])
def test_what_is_no_module_and_attribute(name: str) -> None:
    assert refusal(name) == f"{name!r} is no target: expected module:attribute"


def test_a_missing_module() -> None:
    assert "there is no module 'no_such_module' on the path" in refusal("no_such_module:target")
    assert "there is no module 'no_such_module'" in refusal("no_such_module.inner:target")


def test_a_module_that_misses_another(write: Write) -> None:
    write("import no_such_module")
    message = refusal(f"{WRITTEN}:target")
    assert f"importing {WRITTEN} raised ModuleNotFoundError" in message
    assert "'no_such_module'" in message


def test_a_missing_extra_says_how_to_install_it(
    write: Write, register: Callable[[str], None]
) -> None:
    write("import no_such_module.inner")
    sys.path.insert(0, str(Path.cwd()))
    register(f"{WRITTEN}:target [nats,sse]")
    assert refusal("mine") == (
        "target 'mine' needs 'no_such_module', which is not installed: "
        "pip install 'eventhook-conformance[nats,sse]'"
    )


@pytest.mark.parametrize(
    ("text", "because"),
    [
        ("raise ValueError('two\\nlines')", "raised ValueError: two lines"),
        ("raise SystemExit(3)", "raised SystemExit: 3"),
        ("import sys; sys.exit()", "raised SystemExit"),
        ("raise BaseException", "raised BaseException"),
        ("def broken(:", "raised SyntaxError"),
        ("from eventhook_conformance import Nothing", "raised ImportError"),
        ("from eventhook_conformance import Target; Target('x')", "give either open, or server"),
    ],
)
def test_a_module_that_raises(write: Write, text: str, because: str) -> None:
    write(text)
    message = refusal(f"{WRITTEN}:target")
    assert message.startswith(f"target '{WRITTEN}:target': importing {WRITTEN} raised ")
    assert because in message


def test_an_interrupt_is_not_swallowed(write: Write) -> None:
    write("raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        find_target(f"{WRITTEN}:target")


@pytest.mark.parametrize("attribute", ["missing", "inner.missing", "target.name.missing"])
def test_a_missing_attribute(write: Write, attribute: str) -> None:
    write(GOOD)
    assert f"{WRITTEN} has no attribute {attribute!r}" in refusal(f"{WRITTEN}:{attribute}")


@pytest.mark.parametrize(
    ("attribute", "kind"), [("other", "str"), ("open_client", "function"), ("inner", "type")]
)
def test_an_attribute_that_is_no_target(write: Write, attribute: str, kind: str) -> None:
    write(GOOD)
    message = refusal(f"{WRITTEN}:{attribute}")
    assert f"to be an eventhook_conformance.Target, got {kind}" in message
