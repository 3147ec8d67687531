"""Puts the errors of a container engine into words."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from eventhook_conformance.kit.nats_server import ServerUnavailable

ENGINE_TIMEOUT_S: Final = 30
"""Seconds within which the engine must answer one request."""

_UNIX: Final = "unix://"
_DEFAULT_ENGINE: Final = f"{_UNIX}/var/run/docker.sock"


@contextmanager
def engine_errors(what: str) -> Iterator[None]:
    """Turns an error of the engine's client into one line.

    Raises:
        ServerUnavailable: its packages are not installed, no engine answers, or it refuses.
    """
    try:
        from docker.errors import APIError, DockerException
        from requests import RequestException
        from testcontainers.core.docker_client import get_docker_host
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        raise ServerUnavailable(
            f"{package} is not installed; pip install 'eventhook-conformance[containers]'"
        ) from error
    engine = get_docker_host() or _DEFAULT_ENGINE
    try:
        _knock(engine)
        yield
    except APIError as error:
        raise ServerUnavailable(f"{what}: {_line(error.explanation or error)}") from error
    except (DockerException, RequestException, OSError) as error:
        raise ServerUnavailable(
            f"no container engine answers at {engine}; start one, or set DOCKER_HOST "
            f"({_line(_root(error))})"
        ) from error


def _knock(engine: str) -> None:
    """Returns whether a server listens there; docker-py leaves a socket open if none does."""
    if engine.startswith(_UNIX):
        with socket.socket(socket.AF_UNIX) as one:
            one.settimeout(ENGINE_TIMEOUT_S)
            one.connect(engine.removeprefix(_UNIX))


def _root(error: BaseException) -> BaseException:
    """Returns the innermost error: docker-py wraps requests, which wraps urllib3, which wraps this."""
    seen = {error}
    while (cause := error.__cause__ or error.__context__) is not None and cause not in seen:
        seen.add(cause)
        error = cause
    return error


def _line(reason: object) -> str:
    return " ".join(str(reason).split())
