"""Takes a picture of the browser's case: `python tests/sse/picture.py docs/images/eventsource.png`.

The case is run as ever; before its browser is closed, the tools for developers are asked for a picture.
"""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import aiohttp

from eventhook_conformance.cases import catalog, sse_client
from eventhook_conformance.engine.runner import judge
from eventhook_conformance.results import RunResult
from eventhook_conformance.settings import Settings
from eventhook_conformance.sse.browser import BrowserReading, browser_reading
from eventhook_reference.servers import memory_server

CASE = "sse_client::browser_reads_it_alike[workflow]"
SIZE = {"width": 1080, "height": 780, "deviceScaleFactor": 2, "mobile": False}


class Picture:
    """Of the page, and the text that stands on it."""

    png = b""
    text = ""


def take() -> tuple[RunResult, Picture]:
    """Runs the case; returns its result, and the picture."""
    picture = Picture()

    @asynccontextmanager
    async def watched(
        url: str, headers: Mapping[str, str], names: Sequence[str]
    ) -> AsyncIterator[BrowserReading]:
        async with browser_reading(url, headers, names) as reading:
            yield reading
            await _look(reading.folder, picture)

    with patch.object(sse_client, "browser_reading", watched):
        result = judge(memory_server, Settings(browser=True), [catalog()[CASE]])
    return result, picture


async def _look(folder: Path, picture: Picture) -> None:
    port = (folder / "DevToolsActivePort").read_text(encoding="utf-8").splitlines()[0]
    async with aiohttp.ClientSession() as session:
        async with session.get(f"http://127.0.0.1:{port}/json/list") as answer:
            (page,) = [one for one in await answer.json() if one["type"] == "page"]
        async with session.ws_connect(page["webSocketDebuggerUrl"], max_msg_size=0) as socket:
            await _tell(socket, "Emulation.setDeviceMetricsOverride", **SIZE)
            await _tell(socket, "Emulation.setScrollbarsHidden", hidden=True)
            found = await _tell(socket, "Runtime.evaluate", expression="document.body.innerText")
            picture.text = found["result"]["value"]
            shot = await _tell(socket, "Page.captureScreenshot", format="png")
            picture.png = base64.b64decode(shot["data"])


async def _tell(
    socket: aiohttp.ClientWebSocketResponse, method: str, **params: Any
) -> dict[str, Any]:
    await socket.send_json({"id": 1, "method": method, "params": params})
    while True:
        answer = json.loads(await socket.receive_str(timeout=20))
        if answer.get("id") == 1:
            result: dict[str, Any] = answer["result"]
            return result


if __name__ == "__main__":
    done, taken = take()
    if done.summary["passed"] != 1:
        sys.exit(f"the case did not pass: {done.cases[0].message}")
    Path(sys.argv[1]).write_bytes(taken.png)
