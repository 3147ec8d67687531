"""Servers of other people: conformant behind each, and not behind a proxy that buffers.

pytest -m toolchain tests/variants/test_sse_third_party.py
"""

from __future__ import annotations

import importlib.util

import pytest

from eventhook_conformance.cases import catalog
from eventhook_conformance.engine.runner import judge
from eventhook_conformance.settings import Settings
from variants.third_party import (
    COLLECTING,
    ON,
    NotInstalled,
    caddy,
    find,
    hypercorn,
    nginx,
    target_of,
)

pytestmark = [pytest.mark.toolchain, pytest.mark.slow, pytest.mark.timeout(400)]

# Behind a proxy the suite meets the proxy's own refusals, which no document of the server describes.
NO_FUZZING = [one for one in catalog().values() if "SSE-14" not in one.case.requirements]
STREAMS = [one for one in NO_FUZZING if one.case.reads_streams]


@pytest.fixture(autouse=True)
def _asked(request: pytest.FixtureRequest) -> None:
    if "toolchain" not in request.config.getoption("-m"):
        pytest.skip("NOT TESTED: needs nginx, caddy and hypercorn; ask for it with -m toolchain")


def needs(program: str) -> None:
    """Fails if a program is missing that the user asked to test."""
    try:
        find(program)
    except NotInstalled as missing:
        pytest.fail(str(missing))


def accused(target_name: str, by: object, *, http2: bool = False) -> list[str]:
    target = target_of(target_name, by, http2=http2)  # type: ignore[arg-type]  # because: of whichever kind it is
    result = judge(target, Settings(arrival_timeout_s=10.0), STREAMS)
    assert result.unusable is None
    return [
        f"{one.id}: {one.message}" for one in result.cases if one.outcome in ("failed", "error")
    ]


def test_nginx_that_does_not_buffer_is_conformant() -> None:
    needs("nginx")
    assert accused("nginx", nginx()) == []


def test_caddy_is_conformant() -> None:
    needs("caddy")
    assert accused("caddy", caddy) == []


@pytest.mark.parametrize("http2", [False, True], ids=["http-1.1", "http-2"])
def test_hypercorn_is_conformant(http2: bool) -> None:
    if importlib.util.find_spec("hypercorn") is None:
        pytest.fail("hypercorn is not installed: pip install hypercorn")
    assert accused("hypercorn", hypercorn, http2=http2) == []


@pytest.mark.parametrize("buffering", [ON, COLLECTING], ids=["buffers", "compresses"])
def test_nginx_that_buffers_fails_sse_01(buffering: str) -> None:
    needs("nginx")
    instances = [one for one in STREAMS if "SSE-01" in one.case.requirements]
    result = judge(target_of("nginx", nginx(buffering)), Settings(arrival_timeout_s=1.0), instances)
    outcomes = {one.requirement.id: one.outcome for one in result.requirement_results()}
    assert outcomes["SSE-01"] == "failed"
