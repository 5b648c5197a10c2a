# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the benchmark rests on: its data is the same every time and lives as an agent's does, and its proxy counts right."""
from __future__ import annotations

import hashlib
import http.client
import http.server
import os
import sqlite3
import threading
from pathlib import Path

import pytest

from benchmark import state  # first: it makes its neighbours importable
from benchmark import report
from benchmark.places import Contents, Proxy
from support.openclaw.relocation import move_paths

AGENT = ".openclaw/agents/main/agent/openclaw-agent.sqlite"


def contents(home: Path) -> dict[str, str]:
    """Every file's digest; a database's rows instead of its bytes, of which a WAL's salt is random."""
    found = {}
    for path in sorted(home.rglob("*")):
        if path.is_dir() or path.name.endswith(("-wal", "-shm")):
            continue
        if path.suffix in (".sqlite", ".db"):
            connection = sqlite3.connect(path)
            content = "\n".join(connection.iterdump()).encode()
            connection.close()
        else:
            content = path.read_bytes().replace(os.fsencode(home), b"")
        found[str(path.relative_to(home))] = hashlib.sha256(content).hexdigest()
    return found


@pytest.fixture(scope="module")
def homes(tmp_path_factory):
    """Two states made with the same arguments."""
    pair = [tmp_path_factory.mktemp(name) / "home" for name in "ab"]
    for home in pair:
        state.make(str(home), 20_000_000, 400, seed=3)
    return pair


def test_a_generated_state_is_of_the_size_that_was_asked_for(homes):
    files, size = state.measure(str(homes[0]))
    assert 360 <= files <= 440 and 18_000_000 <= size <= 24_000_000  # databases grow in steps of 2 MB


def test_the_same_arguments_give_the_same_state_also_after_an_hour(homes):
    for home in homes:
        state.edit(str(home), 1)
    one, other = map(contents, homes)
    for found in (one, other):
        del found[".openclaw/state/openclaw.sqlite"]  # cron jobs are keyed by an absolute path
    assert one == other


def test_an_hour_indexes_400_pieces_of_memory_and_leaves_sound_databases_with_a_wal(homes, tmp_path):
    path = homes[0] / AGENT

    def ask(question):
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        try:
            return connection.execute(question).fetchone()[0]
        finally:
            connection.close()
    before = ask("SELECT count(*) FROM memory_index_chunks")
    state.edit(str(homes[0]), 1)
    assert Path(f"{path}-wal").stat().st_size > 0
    assert ask("SELECT count(*) FROM memory_index_chunks") == before + 400
    assert ask("SELECT count(*) FROM memory_index_chunks_fts") == before + 400
    assert ask("PRAGMA integrity_check") == "ok"


def test_moved_paths_are_moved_in_config_and_cron_jobs(homes, tmp_path):
    home = homes[1]
    move_paths(str(home / ".openclaw"), {str(home): "/elsewhere"})
    connection = sqlite3.connect(home / ".openclaw/state/openclaw.sqlite")
    assert connection.execute("SELECT DISTINCT store_key FROM cron_jobs").fetchall() == [("/elsewhere/.openclaw/cron/jobs.json",)]
    connection.close()
    config = (home / ".openclaw/openclaw.json").read_text()
    assert "/elsewhere/.openclaw/workspace" in config and str(home) not in config


class _Server(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_arguments):
        pass

    def do_PUT(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_PUT


@pytest.fixture
def proxied():
    """A proxy before a server that sends back what it is sent."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    proxy = Proxy(f"127.0.0.1:{server.server_address[1]}")
    yield proxy
    proxy.stop()
    server.shutdown()
    server.server_close()


def test_the_proxy_counts_requests_by_verb_and_bytes_both_ways(proxied):
    connection = http.client.HTTPConnection(proxied.endpoint.removeprefix("http://"))
    body = os.urandom(700_000)
    for verb, sent in (("PUT", body), ("PUT", b""), ("GET", b"x")):
        connection.request(verb, "/name", sent, {"content-length": str(len(sent))})
        assert connection.getresponse().read() == sent
    connection.close()
    counted = proxied.take()
    assert counted["requests"] == {"PUT": 2, "GET": 1}
    assert counted["sent"] == len(body) + 1 and counted["received"] > len(body)
    assert proxied.take() == {"requests": {}, "sent": 0, "received": 0}


def test_what_was_rewritten_is_what_is_new_or_has_another_tag():
    before = Contents({"a": (10, 1), "b": (20, 1), "c": (30, 1)})
    after = Contents({"a": (10, 1), "b": (20, 2), "d": (5, 1)})
    assert after.written_since(before) == 25 and after.size - before.size == -25


def test_figures_replace_their_own_section_only():
    text = "# Title\n\n<!-- figures: a -->\nold\n<!-- end of figures: a -->\n\nwords\n"
    replaced = report.replace_section(text, "a", "new")
    assert "old" not in replaced and "new" in replaced and replaced.startswith("# Title") and replaced.endswith("words\n")
    assert report.replace_section(replaced, "b", "more").count("<!-- figures") == 2
