"""What all tests of the suite share."""

from __future__ import annotations

import asyncio

import pytest

pytest_plugins = ["pytester"]


@pytest.fixture(scope="session", autouse=True)
def no_loop_between_tests() -> None:
    """Says that the main thread has no loop of its own.

    Before an async test pytest-asyncio, until 1.4, asks for the loop to come back to. Python makes one
    where none was ever set; the next `asyncio.run` forgets it, unclosed, and some later test fails.
    """
    asyncio.set_event_loop(None)
