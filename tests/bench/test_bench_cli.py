"""The command, as a process of its own: small real runs, and errors in one line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import eventhook_fixtures
from eventhook_conformance.cli._bench import _by_name
from eventhook_conformance.engine.resolve_target import find_target
from eventhook_conformance.target import Target

PROGRAM = str(Path(sys.executable).with_name("eventhook-conformance"))

TARGETS = """
from eventhook_conformance import Capabilities, Target
from eventhook_reference.mutants.base import PliableClient, pliable_target


class Drops(PliableClient):
    def hand(self, member, event):
        number = self.bus.memory["n"] = self.bus.memory.get("n", 0) + 1
        if number % 1000:
            super().hand(member, event)


class Silent(PliableClient):
    def hand(self, member, event):
        pass


class Deaf(PliableClient):
    async def publish(self, side, event):
        raise OSError("the disk is full")


def refuses():
    raise ConnectionRefusedError("nobody listens")


drops = pliable_target("drops", Drops)
silent = pliable_target("silent", Silent)
deaf = pliable_target("deaf", Deaf)
refusing = Target("refusing", open=refuses)
"""

SHORT = ("--quick", "--duration", "0.02")


@pytest.fixture
def vendor(tmp_path: Path) -> Path:
    (tmp_path / "bus.py").write_text(TARGETS)
    return tmp_path


def bench(vendor: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [PROGRAM, "bench", *arguments],
        cwd=vendor,
        env={**os.environ},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def report(path: Path) -> list[dict[str, Any]]:
    """Returns the targets of the JSON, after checking that its schema holds."""
    content = json.loads(path.read_text())
    jsonschema.Draft202012Validator(eventhook_fixtures.schema("bench")).validate(content)
    targets: list[dict[str, Any]] = content["targets"]
    return targets


def test_a_correct_and_a_losing_bus_side_by_side(vendor: Path) -> None:
    done = bench(vendor, "memory", "bus:drops", *SHORT, "--json", "b.json", "--html", "b.html")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "drops loses: " in done.stdout
    assert "(PUB-01" in done.stdout
    assert "deliveries, all as owed" in done.stdout
    correct, losing = report(vendor / "b.json")
    assert (correct["verdict"], losing["verdict"]) == ("delivers", "loses")
    assert correct["deliveries"]["lost"] == 0 < losing["deliveries"]["lost"]
    assert correct["memory"]["python_bytes"] > 100
    assert all(one["events_per_s"]["median"] > 0 for one in correct["measures"])
    assert (vendor / "b.html").read_text().startswith("<!doctype html>")


@pytest.mark.slow
def test_a_driver_is_measured_like_any_other(vendor: Path) -> None:
    done = bench(vendor, f"driver:{PROGRAM} driver memory", *SHORT, "--json", "b.json")
    assert done.returncode == 0, done.stdout + done.stderr
    (target,) = report(vendor / "b.json")
    assert target["memory"]["python_bytes"] is None
    assert target["memory"]["children_bytes"] is not None


@pytest.mark.slow
@pytest.mark.nats
def test_a_real_server_is_measured(vendor: Path) -> None:
    done = bench(vendor, "nats", *SHORT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "(RSS of its processes)" in done.stdout


def test_a_silent_bus_is_given_up_on(vendor: Path) -> None:
    done = bench(vendor, "bus:silent", *SHORT, "--timeout", "0.5")
    assert done.returncode == 1
    assert "loses: " in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nosuch",), "no target 'nosuch': registered are"),
        (("memory", "memory"), "target 'memory' is named twice"),
        (("bus:refusing",), "target 'refusing': opening a client failed"),
        (("bus:deaf",), "target 'deaf': publishing failed: OSError: the disk is full"),
        (("memory", "--json", "no/such"), "there is no directory no"),
        (("memory", "--json", "a", "--html", "a"), "name the same file"),
        (("memory", "--rounds", "0"), "--rounds"),
        (("memory", "--rate", "nan"), "--rate"),
        (("memory", "--seconds", "0"), "--seconds"),
        (("memory", "--seconds", "9", "--duration", "1"), "--seconds and --duration exclude"),
        ((), "Missing argument"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    vendor: Path, arguments: tuple[str, ...], message: str
) -> None:
    done = bench(vendor, *arguments)
    assert done.returncode == 2, done.stdout + done.stderr
    assert done.stderr.startswith("Error: ")
    assert done.stderr.count("\n") == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_help_shows_an_example_in_80_columns(vendor: Path) -> None:
    done = bench(vendor, "--help")
    assert "eventhook-conformance bench memory nats" in done.stdout
    assert max(len(line) for line in done.stdout.splitlines()) <= 80


def test_targets_are_named_by_name_unless_two_are_called_alike() -> None:
    def target(name: str) -> Target:
        return replace(find_target("memory"), name=name)

    alone = _by_name({"module:one": target("one"), "module:two": target("two")})
    assert list(alone) == ["one", "two"]
    alike = _by_name({"module:one": target("bus"), "module:two": target("bus")})
    assert list(alike) == ["module:one", "module:two"]
