"""`serve`: runs the reference SSE server, to try by hand."""

from __future__ import annotations

import asyncio
import json
import signal
import webbrowser
from contextlib import AsyncExitStack
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final

import click

from eventhook_conformance.event_loop import run_in_loop
from eventhook_conformance.target import Served, ServerFactory, Tenant

GROUP: Final = "eventhook_conformance.servers"


@click.command()
@click.option(
    "--backend",
    type=click.Choice(["memory", "nats"]),
    default="memory",
    show_default=True,
    help="Bus behind the server.",
)
@click.option("--replay", is_flag=True, help="Replay history to readers with Last-Event-ID.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8000,
    show_default=True,
    help="Port to listen on; 0 for a free one.",
)
@click.option("--play", is_flag=True, help="Play workflows in a loop.")
@click.option("--open", "opens", is_flag=True, help="Show the streams in a browser.")
@click.option("--json", "as_json", is_flag=True, help="Print the addresses as one line of JSON.")
def serve(
    backend: str, replay: bool, host: str, port: int, play: bool, opens: bool, as_json: bool
) -> None:
    """Runs the reference SSE server until Ctrl-C.

    \b
    Examples:
      eventhook-conformance serve --play --open
      eventhook-conformance serve --backend nats --port 0 --json
      eventhook-conformance serve --replay --play
    """
    factory = _load(f"{backend}-replay" if replay else backend)
    try:
        run_in_loop(_serve(factory, host, port, play, opens, as_json))
    except OSError as error:
        raise click.ClickException(f"cannot listen on {host}:{port}: {error}") from error


def _load(backend: str) -> ServerFactory:
    points: dict[str, EntryPoint] = {one.name: one for one in entry_points(group=GROUP)}
    if backend not in points:
        raise click.ClickException(f"no server is registered for {backend!r}")
    point = points[backend]
    try:
        factory: ServerFactory = point.load()
    except ModuleNotFoundError as error:
        extras = ",".join(point.extras)
        raise click.ClickException(
            f"this needs {error.name!r}: pip install 'eventhook-conformance[{extras}]'"
        ) from error
    return factory


async def _serve(
    factory: ServerFactory, host: str, port: int, play: bool, opens: bool, as_json: bool
) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with AsyncExitStack() as stack:
        served = await stack.enter_async_context(factory(host=host, port=port, play=play))
        page = None
        if opens:
            from eventhook_conformance.sse.viewer import viewing  # because: few ask for it

            page = await stack.enter_async_context(viewing(served.http))
        click.echo(json.dumps(_as_json(served)) if as_json else _as_text(served, play, page))
        if page is not None:
            # A text browser would take the terminal; where there is none, the URL is printed.
            await asyncio.to_thread(webbrowser.open, page)
        await stop.wait()
    click.echo("stopped", err=True)


def _as_json(served: Served) -> dict[str, Any]:
    return {
        "base_url": served.http.base_url,
        "nats_url": served.nats_url,
        "nats_monitor_url": served.nats_monitor_url,
        "tenants": [
            {"id": str(one.id), "base_path": one.base_path, "headers": dict(one.headers)}
            for one in served.http.tenants
        ],
    }


def _as_text(served: Served, play: bool, page: str | None) -> str:
    http = served.http
    lines = [f"serving {http.base_url}", f"  OpenAPI   {http.base_url}/openapi.json"]
    if served.nats_url is not None:
        lines.append(f"  NATS      {served.nats_url}")
    if page is not None:
        lines.append(f"  page      {page}")
    for one in http.tenants:
        lines.append(f"  tenant    {one.id}  {one.base_path}")
        lines += [f"            {name}: {value}" for name, value in one.headers.items()]
    lines += ["", "Try:", f"  {_curl(http.base_url, http.tenants[0])}", ""]
    if not play:
        lines.append("Nothing happens by itself; --play runs workflows.")
    lines.append("Ctrl-C ends it.")
    return "\n".join(lines)


def _curl(base_url: str, tenant: Tenant) -> str:
    headers = " ".join(f"-H '{name}: {value}'" for name, value in tenant.headers.items())
    return f"curl -N {headers} {base_url}{tenant.base_path}/events/stream"
