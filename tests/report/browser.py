"""A headless chromium, spoken to over a pair of pipes: no port, no other library."""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from selectors import EVENT_READ, DefaultSelector
from time import monotonic
from typing import Any, Literal

PROGRAM = (
    shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
)

_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
)


class Page:
    """One tab; everything that it asks the network for is written down and refused."""

    def __init__(self, read: int, write: int, limit_s: float = 60.0) -> None:
        self._read = read
        self._write = write
        self._limit_s = limit_s
        self._rest = b""
        self._number = 0
        self._session: str | None = None
        self.requests: list[str] = []
        self.errors: list[str] = []
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        attached = self.send("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")
        self.send("Network.emulateNetworkConditions", offline=True, latency=0, **_NO_LIMITS)

    def send(self, method: str, **params: Any) -> dict[str, Any]:
        """Sends one command; returns its answer."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": params}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        answer = self._until(lambda one: one.get("id") == self._number)
        assert "error" not in answer, answer
        result: dict[str, Any] = answer["result"]
        return result

    def open(self, path: Path) -> None:
        """Loads a file, and waits for it to be there."""
        self.send("Page.navigate", url=path.resolve().as_uri())
        self._until(lambda one: one.get("method") == "Page.loadEventFired")

    def look(
        self, width: int, scheme: Literal["light", "dark"] = "light", height: int = 900
    ) -> None:
        """Makes the window so wide, in CSS pixels, and asks for a colour scheme."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.send("Emulation.setDeviceMetricsOverride", **metrics)
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self.send("Emulation.setEmulatedMedia", features=[feature])

    def evaluate(self, expression: str) -> Any:
        """Returns the value of an expression in the page."""
        answer = self.send(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def screenshot(self, path: Path, *, whole: bool = False) -> None:
        """Writes a PNG of the visible part, or of the whole page."""
        shot = self.send("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(shot["data"]))

    def _until(self, wanted: Any) -> dict[str, Any]:
        deadline = monotonic() + self._limit_s
        while True:
            message = self._next(deadline)
            self._note(message)
            if wanted(message):
                return message

    def _note(self, message: dict[str, Any]) -> None:
        params = message.get("params", {})
        match message.get("method"):
            case "Network.requestWillBeSent":
                self.requests.append(params["request"]["url"])
            case "Runtime.exceptionThrown":
                self.errors.append(str(params["exceptionDetails"]))
            case "Log.entryAdded":
                self.errors.append(params["entry"]["text"])

    def _next(self, deadline: float) -> dict[str, Any]:
        with DefaultSelector() as selector:
            selector.register(self._read, EVENT_READ)
            while b"\0" not in self._rest:
                if not selector.select(max(0.0, deadline - monotonic())):
                    raise TimeoutError("the browser does not answer")
                chunk = os.read(self._read, 1 << 20)
                if not chunk:
                    raise ConnectionError("the browser is gone")
                self._rest += chunk
        line, _, self._rest = self._rest.partition(b"\0")
        message: dict[str, Any] = json.loads(line)
        return message


_NO_LIMITS = {"downloadThroughput": -1, "uploadThroughput": -1}


@contextmanager
def browser(profile: Path) -> Iterator[Page]:
    """Yields a fresh browser with a profile of its own; it and all its processes end with the context."""
    assert PROGRAM is not None
    to_read, from_us = os.pipe()
    from_it, to_write = os.pipe()
    command = [PROGRAM, *_FLAGS, f"--user-data-dir={profile}", "about:blank"]
    # The browser reads its commands from descriptor 3 and answers on 4.
    shell = f'exec "$@" 3<&{to_read} 4>&{to_write}'
    process = subprocess.Popen(
        ["/bin/bash", "-c", shell, "browser", *command],
        pass_fds=(to_read, to_write),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    os.close(to_read)
    os.close(to_write)
    try:
        yield Page(from_it, from_us)
    finally:
        os.close(from_us)
        os.close(from_it)
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(timeout=10)
