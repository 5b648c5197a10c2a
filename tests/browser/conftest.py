# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real browser for tests. It is installed where it is missing; a test without one fails: a page that nobody rendered proves nothing."""
from __future__ import annotations

import functools
import http.server
import runpy
import threading
from pathlib import Path

import pytest

runpy.run_path(str(Path(__file__).resolve().parents[1] / "unit" / "conftest.py"))  # makes the collection importable

from support import axe  # noqa: E402
from support import browser as browsers  # noqa: E402


@pytest.fixture(scope="session")
def browser():
    """A browser that all tests use one after the other."""
    try:
        browsers.install()
    except RuntimeError as error:
        pytest.fail(str(error), pytrace=False)
    with browsers.Browser() as running:
        yield running


@pytest.fixture(scope="session")
def checker() -> str:
    """The accessibility checker."""
    return axe.source()


class Site:
    """A web server on loopback that remembers what it was asked for."""

    def __init__(self, directory: Path) -> None:
        self.directory, self.asked = directory, []
        site = self

        class Handler(http.server.SimpleHTTPRequestHandler):
            """Notes each path."""

            def log_request(self, *_arguments, **_more):
                site.asked.append(self.path)

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(directory)))
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def site(tmp_path):
    """A web server; what lies in its directory is its content."""
    serving = Site(tmp_path)
    yield serving
    serving.close()
