"""Shared by all tests of the suite."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator

import pytest

pytest_plugins = ["pytester"]


HEAVY = (
    "tests/engine/test_hostile_table.py",
    "tests/faults/",
    "tests/mutants/",
    "tests/recovery/",
    "tests/variants/",
)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Returns how many workers `-n auto` starts: one more than processors, since most tests wait."""
    return (os.cpu_count() or 1) + 1


# First, since a worker of pytest-xdist reads the groups in this hook too.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves the hostile table to those who ask for it; with `-n`, keeps heavy tests in one process.

    Tests that examine the whole zoo, or break servers, would starve each other.
    """
    if "hostile" not in config.getoption("markexpr"):
        ask = pytest.mark.skip(reason="NOT TESTED: takes minutes; ask for it with -m hostile")
        for item in items:
            if item.get_closest_marker("hostile"):
                item.add_marker(ask)
    if config.pluginmanager.hasplugin("xdist"):
        for item in items:
            if item.nodeid.startswith(HEAVY):
                item.add_marker(pytest.mark.xdist_group("heavy"))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Refuses to begin where groups were asked for and lost: each worker would do all of the heavy work."""
    grouped = session.config.getoption("loadgroup", False) and hasattr(
        session.config, "workerinput"
    )
    for item in session.items if grouped else ():
        if item.nodeid.startswith(HEAVY) and not item.nodeid.endswith("@heavy"):
            raise pytest.UsageError(
                f"expected pytest-xdist to keep heavy tests in one group, got {item.nodeid!r}"
            )


@pytest.fixture(scope="session", autouse=True)
def no_loop_between_tests() -> None:
    """Says that the main thread has no loop of its own.

    Before an async test pytest-asyncio, until 1.4, asks for the loop to come back to. Python makes one
    where none was ever set; the next `asyncio.run` forgets it, unclosed, and some later test fails.
    """
    asyncio.set_event_loop(None)


@pytest.fixture(autouse=True)
def children_can_be_interrupted() -> Iterator[None]:
    """Lets the processes that a test starts be interrupted, where this one ignores SIGINT.

    A shell starts background jobs so, and their children inherit it.
    """
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        yield
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
