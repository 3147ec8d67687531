"""`mutate` tells a mutant that the suite catches from one that it cannot see."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from eventhook_conformance.cli import main

TARGET = """
import asyncio
from contextlib import asynccontextmanager
from eventhook_reference.memory import target as memory
from eventhook_conformance import Target

COPIES = 1
UNSEEN = 3


@asynccontextmanager
async def open_client():
    async with memory.open() as backend:
        publish = backend.events.publish

        async def repeated(event):
            for _ in range(COPIES):
                await publish(event)

        backend.events.publish = repeated
        yield backend


target = Target("mutated-bus", open=open_client, capabilities=memory.capabilities)
"""
EQUIVALENT = """
[[equivalent]]
module = "a_mutated_bus"
function = "{}"
before = "{}"
after = "{}"
reason = "Nothing reads it."
"""


@pytest.fixture
def mutate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "a_mutated_bus.py").write_text(TARGET)

    def run(*arguments: str) -> Result:
        command = [
            "mutate",
            "a_mutated_bus:target",
            "a_mutated_bus",
            "--json",
            "r.json",
            "-k",
            "PUB-02",
        ]
        return CliRunner().invoke(main, [*command, *arguments])

    return run


@pytest.mark.slow
def test_survivors_are_named_and_equivalent_ones_excused(mutate: object, tmp_path: Path) -> None:
    assert callable(mutate)
    result: Result = mutate()
    assert result.exit_code == 1, result.output
    assert "survived  a_mutated_bus, line 8, module: '3' -> '4'" in result.output
    mutants = json.loads((tmp_path / "r.json").read_text())["mutants"]
    fates = {(one["before"], one["after"]): one for one in mutants}
    copies = fates["1", "2"]
    assert copies["fate"] == "killed"
    assert copies["reason"].startswith("PUB-02")
    assert fates["3", "4"]["fate"] == "survived"
    known = [one for one in mutants if one["fate"] == "survived"]
    (tmp_path / "known.toml").write_text(
        "".join(EQUIVALENT.format(one["function"], one["before"], one["after"]) for one in known)
    )
    excused: Result = mutate("--equivalent", "known.toml")
    assert excused.exit_code == 0, excused.output
    assert f"{len(known)} equivalent, 0 survived" in excused.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("memory", "no.such.module"), "expected a module, got 'no.such.module'"),
        (("memory", "math"), "expected a module with Python source, got 'math'"),
        (("nosuch", "math"), "no target 'nosuch'"),
        (("memory", "math", "-k", "and"), "expected an expression such as"),
    ],
)
def test_wrong_use_is_one_line(arguments: tuple[str, ...], message: str) -> None:
    result = CliRunner().invoke(main, ["mutate", *arguments])
    assert result.exit_code == 2
    assert message in result.output
