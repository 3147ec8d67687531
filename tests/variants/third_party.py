"""The reference behind servers of other people: nginx, Caddy, hypercorn."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from eventhook_conformance.contract import StreamingBackend
from eventhook_conformance.target import HttpTarget, Target
from eventhook_reference.mutants._other_makes import Running, served_by
from eventhook_reference.mutants.base import PliableClient, pliable_target
from eventhook_reference.sse.app import SseApp
from eventhook_reference.sse.server import running

_START_S: Final = 30.0

PROBLEM: Final = '{"type":"about:blank","title":"Bad Request","status":400,"detail":"no good URL"}'

NGINX: Final = """
daemon off; master_process off; pid FOLDER/nginx.pid; error_log FOLDER/error.log;
events { worker_connections 1024; }
http {
  access_log off; client_body_temp_path FOLDER/body; proxy_temp_path FOLDER/proxy;
  fastcgi_temp_path FOLDER/f; uwsgi_temp_path FOLDER/u; scgi_temp_path FOLDER/s;
  large_client_header_buffers 8 32k;
  server {
    listen 127.0.0.1:PORT;
    error_page 400 405 /problem;
    location = /problem {
      internal; default_type application/problem+json; add_header Allow "GET, HEAD" always;
      return 400 'PROBLEM';
    }
    location / {
      proxy_pass BEHIND; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_set_header Host $http_host; proxy_read_timeout 1h;
      BUFFERING
    }
  }
}
"""
OFF: Final = "proxy_buffering off;"
ON: Final = "proxy_buffering on; proxy_buffers 8 64k; proxy_ignore_headers X-Accel-Buffering;"
COLLECTING: Final = "gzip on; gzip_types text/event-stream; gzip_min_length 1;" + ON

CADDY: Final = """
{
  admin off
  auto_https off
}
http://127.0.0.1:PORT {
  reverse_proxy BEHIND_HOST {
    flush_interval -1
  }
}
"""


class NotInstalled(Exception):
    """The program is not there; the message says how to get it."""


def free_port() -> int:
    """Returns a free port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


def find(program: str) -> str:
    """Returns the path of a program.

    Raises:
        NotInstalled: it is not there.
    """
    found = shutil.which(program) or shutil.which(program, path="/usr/sbin:/usr/local/sbin")
    if found is None:
        raise NotInstalled(f"{program} is not installed (Debian: apt-get install {program})")
    return found


def nginx(buffering: str = OFF) -> Running:
    """Runs nginx in front of the reference."""

    @asynccontextmanager
    async def through(app: SseApp) -> AsyncIterator[str]:
        program = find("nginx")
        with tempfile.TemporaryDirectory() as folder:
            async with running(app) as behind:
                port = free_port()
                text = NGINX.replace("FOLDER", folder).replace("PORT", str(port))
                text = text.replace("PROBLEM", PROBLEM).replace("BEHIND", behind)
                config = Path(folder) / "nginx.conf"
                config.write_text(text.replace("BUFFERING", buffering), encoding="utf-8")
                async with _started(
                    program, "-p", folder, "-c", str(config), port=port, folder=folder
                ) as url:
                    yield url

    return through


@asynccontextmanager
async def caddy(app: SseApp) -> AsyncIterator[str]:
    """Runs Caddy in front of the reference."""
    program = find("caddy")
    with tempfile.TemporaryDirectory() as folder:
        async with running(app) as behind:
            port = free_port()
            text = CADDY.replace("PORT", str(port))
            config = Path(folder) / "Caddyfile"
            text = text.replace("BEHIND_HOST", behind.removeprefix("http://"))
            config.write_text(text, encoding="utf-8")
            async with _started(
                program,
                "run",
                "--config",
                str(config),
                "--adapter",
                "caddyfile",
                port=port,
                folder=folder,
            ) as url:
                yield url


@asynccontextmanager
async def hypercorn(app: SseApp) -> AsyncIterator[str]:
    """Runs the application on hypercorn, which also speaks HTTP/2."""
    from hypercorn.asyncio import serve
    from hypercorn.config import Config

    config, port, stop = Config(), free_port(), asyncio.Event()
    config.bind = [f"127.0.0.1:{port}"]
    config.graceful_timeout = config.shutdown_timeout = 0.2
    config.h11_max_incomplete_size = 131072
    config.errorlog = None
    serving = asyncio.create_task(
        serve(app.asgi, config, shutdown_trigger=stop.wait)  # type: ignore[arg-type]  # because: any application will do
    )
    try:
        await _answers(port, serving)
        yield f"http://127.0.0.1:{port}"
    finally:
        app.close()
        stop.set()
        await asyncio.wait({serving}, timeout=5)
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


def target_of(name: str, by: Running, *, http2: bool = False) -> Target:
    """Returns the reference behind that server, as a target."""

    @asynccontextmanager
    async def http(backend: StreamingBackend) -> AsyncIterator[HttpTarget]:
        async with served_by(by, backend, 0.4) as served:
            yield replace(served, http2=http2)

    claimed = replace(PliableClient.capabilities, profiles={"sse"})
    return replace(pliable_target(name, capabilities=claimed), http=http)


@asynccontextmanager
async def _started(program: str, *words: str, port: int, folder: str) -> AsyncIterator[str]:
    process = await asyncio.create_subprocess_exec(
        program,
        *words,
        env={**os.environ, "XDG_CONFIG_HOME": folder, "XDG_DATA_HOME": folder},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        ended = asyncio.create_task(process.wait())
        await _answers(port, ended)
        yield f"http://127.0.0.1:{port}"
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _answers(port: int, serving: asyncio.Task[Any]) -> None:
    async with asyncio.timeout(_START_S):
        while not serving.done():
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.02)
                continue
            writer.close()
            return
    raise ConnectionError(f"the server ended at once: {serving!r}")
