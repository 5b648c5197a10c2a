# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real Chromium without a window, driven over WebDriver: what a page looks like, what it holds, what it asks for.

Needs Debian's packages chromium and chromium-driver; install() gets them.
"""
from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
import tempfile
import threading
import urllib.error
import urllib.request
from pathlib import Path

from . import debian

PACKAGES = {"chromium": "chromium", "chromedriver": "chromium-driver", "fc-list": "fontconfig"}
_ARGUMENTS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--hide-scrollbars", "--no-proxy-server")
_TIMEOUT = 60  # seconds for one command; a shared machine may stall


def install() -> None:
    """Get what is missing. RuntimeError says what this machine lacks."""
    debian.install_missing(PACKAGES)


class Browser:
    """One browser with one window, and a profile of its own that ends with it."""

    def __init__(self) -> None:
        self._profile = tempfile.mkdtemp(prefix="browser-")
        self._driver = subprocess.Popen(
            ["chromedriver", "--port=0"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env={**os.environ, "HOME": self._profile})
        self._session = ""
        try:
            self._base = f"http://127.0.0.1:{self._port()}/session"
            options = {"binary": shutil.which("chromium"), "args": [*_ARGUMENTS, f"--user-data-dir={self._profile}/profile"]}
            wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": {"performance": "ALL"}}
            self._session = "/" + self._ask("", {"capabilities": {"alwaysMatch": wanted}})["sessionId"]
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, *_exception) -> None:
        self.close()

    def _port(self) -> int:
        said = []
        for line in self._driver.stdout:
            said.append(line)
            found = re.search(r"successfully on port (\d+)", line)
            if found:
                threading.Thread(target=self._driver.stdout.read, daemon=True).start()  # or it stands still when the pipe is full
                return int(found.group(1))
        raise RuntimeError(f"chromedriver did not start: {''.join(said)[-1000:]}")

    def _ask(self, path: str, body: dict | None = None, method: str = "POST"):
        data = None if method == "DELETE" else json.dumps(body or {}).encode()
        request = urllib.request.Request(self._base + self._session + path, data, {"Content-Type": "application/json"}, method=method)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=_TIMEOUT) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as exc:
            raise RuntimeError(f"the browser says: {json.load(exc)['value']['message'][:2000]}") from None

    def close(self) -> None:
        """End it, and remove its profile."""
        try:
            if self._session:
                self._ask("", method="DELETE")
        except (OSError, RuntimeError):
            pass
        finally:
            self._driver.terminate()
            self._driver.wait(_TIMEOUT)
            shutil.rmtree(self._profile, ignore_errors=True)

    def devtools(self, command: str, **parameters) -> dict:
        """A command of the DevTools protocol, and its result."""
        return self._ask("/goog/cdp/execute", {"cmd": command, "params": parameters})

    def open(self, address: str) -> None:
        """Show a page, and wait until it is loaded."""
        self._ask("/url", {"url": address})

    def view(self, width: int, height: int = 800, scheme: str = "light", media: str = "screen", forced_colours: bool = False) -> None:
        """How the page is looked at. scheme: light or dark. media: screen or print."""
        self.devtools("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600)
        features = {"prefers-color-scheme": scheme, "forced-colors": "active" if forced_colours else "none"}
        self.devtools("Emulation.setEmulatedMedia", media=media, features=[
            {"name": name, "value": value} for name, value in features.items()])

    def evaluate(self, expression: str):
        """The value of JavaScript in the page; of a promise, what it comes to. RuntimeError where it throws."""
        found = self.devtools("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in found:
            raise RuntimeError(f"the page threw: {json.dumps(found['exceptionDetails'])[:2000]}")
        return found["result"].get("value")

    def requests(self) -> list[str]:
        """The addresses that were asked for since the last time this was called."""
        entries = (json.loads(entry["message"])["message"] for entry in self._ask("/se/log", {"type": "performance"}))
        return [entry["params"]["request"]["url"] for entry in entries if entry["method"] == "Network.requestWillBeSent"]

    def picture(self, path: Path) -> None:
        """The whole page as a PNG, however long it is."""
        size = self.devtools("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
        found = self.devtools("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)
        path.write_bytes(base64.b64decode(found["data"]))

    def printed(self, path: Path) -> None:
        """The page as a printer gets it, a PDF."""
        path.write_bytes(base64.b64decode(self.devtools("Page.printToPDF", preferCSSPageSize=True, printBackground=False)["data"]))
