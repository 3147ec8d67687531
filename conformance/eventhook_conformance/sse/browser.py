"""A real browser reads a stream: a headless Chromium with a page that uses `EventSource`.

`EventSource` cannot send a token. So the page comes from a small proxy of the suite's, on the same
origin as the streams that it passes on, byte for byte, with the tenant's headers added.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final

from eventhook_conformance.probe import Undecided
from eventhook_conformance.sse.forwarding import pass_on, respond
from eventhook_conformance.sse.independent_readers import Seen

NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_CHUNK: Final = 65536
_LAST_ID: Final = "last-event-id"
_GONE_LOOKS: Final = 100
_GONE_S: Final = 0.02

_PAGE: Final = """<!doctype html><meta charset="utf-8"><title>EventSource</title>
<style>
  body { font: 15px/1.5 ui-monospace, "DejaVu Sans Mono", monospace; margin: 24px; color: #1f2328 }
  h1 { font-size: 17px; margin: 0 0 4px } p { margin: 0 0 16px; color: #59636e }
  table { border-collapse: collapse; width: 100%%; table-layout: fixed }
  th, td { padding: 5px 12px 5px 0; text-align: left; border-bottom: 1px solid #d1d9e0;
           overflow: hidden; text-overflow: ellipsis; white-space: pre }
  th { color: #59636e } th:nth-child(1) { width: 9em } th:nth-child(2) { width: 24em }
</style>
<h1>new EventSource("/stream")</h1><p>connecting</p>
<table><tr><th>event<th>lastEventId<th>data</table><script>
const names = %(names)s, source = new EventSource("/stream"), seen = [];
const say = text => document.querySelector("p").textContent = text;
const tell = (path, value) => fetch(path, {method: "POST", body: JSON.stringify(value)});
const take = event => {
  if (event.data === undefined) return;  // the connection's own "error", not a stream's
  seen.push([event.type, event.data, event.lastEventId]);
  const row = document.querySelector("table").insertRow();
  for (const text of [event.type, event.lastEventId, JSON.stringify(event.data)])
    row.insertCell().textContent = text;
  say("open, " + seen.length + " events");
  tell("/seen", seen.at(-1));
};
for (const name of names) source.addEventListener(name, take);
source.onopen = () => { say("open"); tell("/opened", true); };
source.addEventListener("error", event => {
  if (event.data === undefined) { say("failed"); tell("/failed", source.readyState); }
});
</script>"""


def find_browser() -> str:
    """Returns the path of a Chromium.

    Raises:
        Undecided: there is none, and `--browser` asked for one.
    """
    for name in (os.environ.get("EVENTHOOK_BROWSER", ""), *NAMES):
        if name and (path := shutil.which(name)) is not None:
            return path
    raise Undecided(
        "--browser needs a Chromium: install one (Debian: apt-get install chromium), "
        "or name it in EVENTHOOK_BROWSER"
    )


class BrowserReading:
    """The events that the browser saw on one stream."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        """The browser's profile; it holds the port of its developer tools."""
        self.seen: list[Seen] = []
        self.opened = False
        self.failures = 0
        self.streams: set[asyncio.StreamWriter] = set()
        """The connections on which the browser reads the stream."""
        self._news = asyncio.Event()

    def note(self, path: str, value: Any) -> None:
        """Takes a message of the page."""
        if path == "/seen":
            self.seen.append((value[0], value[1], value[2]))
        elif path == "/opened":
            self.opened = True
        else:
            self.failures += 1
        self._news.set()

    def cut(self) -> None:
        """Breaks the connections on which the browser reads; it comes again by itself."""
        for writer in self.streams:
            writer.transport.abort()

    async def until_opened(self) -> None:
        """Waits until the stream is open."""
        while not self.opened:
            await self._wait()

    async def until_seen(self, count: int) -> None:
        """Waits for that many events."""
        while len(self.seen) < count:
            await self._wait()

    async def _wait(self) -> None:
        self._news.clear()
        await self._news.wait()


class _Proxy:
    """Serves the page, takes its news, and passes one stream on."""

    def __init__(
        self, url: str, headers: Mapping[str, str], names: Sequence[str], reading: BrowserReading
    ) -> None:
        self._url = url
        self._headers = headers
        self._page = (_PAGE % {"names": json.dumps(sorted(set(names)))}).encode()
        self._reading = reading

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answers one request of one connection."""
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            method, path, _ = head.split(" ", 2)
            if path == "/stream":
                await self._stream(head, writer)
            elif method == "POST":
                self._reading.note(path, json.loads(await reader.readexactly(_length(head))))
                respond(writer, "204 No Content", "text/plain", b"")
            elif path == "/":
                respond(writer, "200 OK", "text/html; charset=utf-8", self._page)
            else:
                respond(writer, "404 Not Found", "text/plain", b"")
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass  # the browser went away
        finally:
            writer.close()

    async def _stream(self, head: str, writer: asyncio.StreamWriter) -> None:
        """Forwards the stream, from the browser's position."""
        last = _header(head, _LAST_ID)
        headers = {**self._headers, **({_LAST_ID: last} if last else {})}
        self._reading.streams.add(writer)
        try:
            await pass_on(self._url, headers, writer)
        finally:
            self._reading.streams.discard(writer)


@asynccontextmanager
async def browser_reading(
    url: str, headers: Mapping[str, str], names: Sequence[str]
) -> AsyncIterator[BrowserReading]:
    """Reads the stream by a browser as long as the context is open.

    Args:
        url: of the stream.
        headers: that the proxy adds.
        names: of the events that the page listens to.

    Raises:
        Undecided: there is no browser.
    """
    browser = find_browser()
    async with AsyncExitStack() as stack:
        folder = stack.enter_context(
            tempfile.TemporaryDirectory(prefix="eventhook-browser-", ignore_cleanup_errors=True)
        )
        reading = BrowserReading(Path(folder))
        proxy = _Proxy(url, headers, names, reading)
        server = await asyncio.start_server(proxy.answer, "127.0.0.1", 0, limit=_CHUNK)
        stack.push_async_callback(server.wait_closed)
        stack.callback(server.close)
        port = server.sockets[0].getsockname()[1]
        await stack.enter_async_context(_running(browser, folder, f"http://127.0.0.1:{port}/"))
        yield reading


@asynccontextmanager
async def _running(browser: str, folder: str, page: str) -> AsyncIterator[None]:
    # A cancellation in the middle of starting would leave it to itself.
    starting = asyncio.get_running_loop().create_task(_start(browser, folder, page))
    try:
        await asyncio.shield(starting)
        yield
    finally:
        process = await starting
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        await _until_gone(process.pid)


async def _start(browser: str, folder: str, page: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        browser,
        "--headless=new",
        "--no-sandbox",  # because: CI runs as root, and the page is our own
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--no-proxy-server",
        "--remote-debugging-port=0",
        f"--user-data-dir={folder}",
        page,
        env={
            **os.environ,
            "TMPDIR": folder,
        },  # it leaves folders of its own there when it is killed
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )


async def _until_gone(group: int) -> None:
    """Waits for the browser's helper processes, which would write into the folder while it is removed."""
    for _ in range(_GONE_LOOKS):
        try:
            os.killpg(group, 0)
        except (ProcessLookupError, PermissionError):
            return
        await asyncio.sleep(_GONE_S)


def _length(head: str) -> int:
    return int(_header(head, "content-length") or 0)


def _header(head: str, wanted: str) -> str:
    """Returns the value of a header of a request; empty if there is none."""
    for line in head.split("\r\n"):
        name, _, value = line.partition(":")
        if name.lower() == wanted:
            return value.strip()
    return ""
