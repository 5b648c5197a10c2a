# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes the state directory of a made-up OpenClaw agent, about 1 MB, so that a backup can be tried without OpenClaw.

    sample_state.py DIRECTORY

The layout is that of OpenClaw 2026.9: two agents, their databases in write-ahead mode with sessions and a full-text index,
configuration in JSON5, credentials, a workspace with notes and a skill, media, and things that a backup leaves out. All of
it is invented. Standard library only. Prints "made" or, where the directory holds something already, "there".
"""
from __future__ import annotations

import json
import os
import random
import sqlite3
import sys

WORDS = (
    "the agent reads mail every morning and writes a note about what changed since yesterday then asks whether to answer "
    "invoices go to the ledger receipts to the folder of the month and the garden wants water when no rain is expected"
).split()
AGENTS = {"main": "workspace", "research": "workspace-research"}
START_MS = 1_790_000_000_000  # 2026-09-21, so that two samples are equal

CONFIG = """\
// The configuration of a made-up agent.
{
  gateway: { port: 18789, bind: "loopback", auth: { mode: "token", token: "sample-%(token)s" } },
  agents: {
    defaults: { model: "sample/model-1" },
    entries: {
      main: { workspace: "%(state)s/workspace" },
      research: { workspace: "%(state)s/workspace-research" },
    },
  },
  channels: { telegram: { enabled: false, botToken: "${TELEGRAM_BOT_TOKEN}" } },
}
"""

GLOBAL_SCHEMA = """
CREATE TABLE schema_meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE agent_databases (agent_id TEXT PRIMARY KEY, path TEXT NOT NULL);
CREATE TABLE cron_jobs (job_id TEXT PRIMARY KEY, store_key TEXT NOT NULL, schedule TEXT NOT NULL, payload TEXT NOT NULL);
CREATE TABLE device_identities (device_id TEXT PRIMARY KEY, private_key BLOB NOT NULL);
CREATE TABLE delivery_queue_entries (id INTEGER PRIMARY KEY, channel TEXT, body TEXT);
"""

AGENT_SCHEMA = """
CREATE TABLE session_nodes (session_id TEXT PRIMARY KEY, title TEXT, created_ms INTEGER NOT NULL);
CREATE TABLE transcript_events (id INTEGER PRIMARY KEY, session_id TEXT NOT NULL, created_ms INTEGER NOT NULL, role TEXT, body TEXT);
CREATE INDEX transcript_by_session ON transcript_events (session_id, created_ms);
CREATE VIRTUAL TABLE memory_index_fts USING fts5(path, body);
CREATE TABLE memory_embedding_cache (hash TEXT PRIMARY KEY, embedding BLOB NOT NULL);
CREATE TABLE auth_profile_store (profile TEXT PRIMARY KEY, value TEXT NOT NULL);
"""


class Sample:
    """A state directory in the making. Everything random comes from one seeded source."""

    def __init__(self, state: str) -> None:
        self.state = state
        self.random = random.Random(20260921)

    def text(self, words: int) -> str:
        """Sentences of made-up prose."""
        return " ".join(self.random.choice(WORDS) for _word in range(words)).capitalize() + "."

    def write(self, relative: str, content: str | bytes, mode: int = 0o600) -> None:
        """A file of the state directory."""
        path = os.path.join(self.state, relative)
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        with open(path, "wb") as stream:
            stream.write(content.encode() if isinstance(content, str) else content)
        os.chmod(path, mode)

    def database(self, relative: str, schema: str) -> sqlite3.Connection:
        """A new database as OpenClaw has them."""
        path = os.path.join(self.state, relative)
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        connection = sqlite3.connect(path)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(schema)
        return connection

    def make(self) -> None:
        """Everything."""
        token = self.random.randbytes(12).hex()
        self.write("openclaw.json", CONFIG % {"state": self.state, "token": token})
        self.write(".env", f"TELEGRAM_BOT_TOKEN=sample:{self.random.randbytes(16).hex()}\n")
        self.write("credentials/whatsapp/default/creds.json", json.dumps({"noiseKey": self.random.randbytes(32).hex(), "sample": True}))
        self._global_database()
        for agent, workspace in AGENTS.items():
            self._agent_database(agent)
            self._workspace(workspace)
        for number in range(3):
            self.write(f"media/inbound/picture-{number}.jpg", b"\xff\xd8\xff\xe0" + self.random.randbytes(60_000))
        self.write("cache/control-ui-assets/index.js", "// regenerated at every start\n" * 200)
        self.write("logs/gateway.log", "".join(f"2026-09-21T06:{n % 60:02d}:00Z gateway tick {n}\n" for n in range(400)))

    def _global_database(self) -> None:
        connection = self.database("state/openclaw.sqlite", GLOBAL_SCHEMA)
        connection.execute("PRAGMA user_version = 18")
        connection.execute("INSERT INTO schema_meta VALUES ('app_version', '2026.9.6')")
        connection.executemany(
            "INSERT INTO agent_databases VALUES (?, ?)", [(agent, f"agents/{agent}/agent/openclaw-agent.sqlite") for agent in AGENTS])
        store = os.path.join(self.state, "cron", "jobs.json")
        jobs = [(f"job-{n}", store, f"{n} 7 * * *", json.dumps({"message": self.text(12)})) for n in range(5)]
        connection.executemany("INSERT INTO cron_jobs VALUES (?, ?, ?, ?)", jobs)
        connection.execute("INSERT INTO device_identities VALUES ('gateway', ?)", (self.random.randbytes(32),))
        connection.commit()
        connection.close()

    def _agent_database(self, agent: str) -> None:
        connection = self.database(f"agents/{agent}/agent/openclaw-agent.sqlite", AGENT_SCHEMA)
        connection.execute("PRAGMA user_version = 23")
        for session in range(8):
            name, began = f"agent:{agent}:session-{session}", START_MS + session * 3_600_000
            connection.execute("INSERT INTO session_nodes VALUES (?, ?, ?)", (name, self.text(5), began))
            events = [(name, began + turn * 20_000, ("user", "assistant")[turn % 2], self.text(60)) for turn in range(40)]
            connection.executemany("INSERT INTO transcript_events (session_id, created_ms, role, body) VALUES (?, ?, ?, ?)", events)
        for piece in range(60):
            connection.execute("INSERT INTO memory_index_fts VALUES (?, ?)", (f"memory/2026-09-{piece % 28 + 1:02d}.md", self.text(80)))
            connection.execute("INSERT INTO memory_embedding_cache VALUES (?, ?)", (f"{piece:064x}", self.random.randbytes(1536)))
        connection.execute("INSERT INTO auth_profile_store VALUES ('sample', ?)", (json.dumps({"key": self.random.randbytes(20).hex()}),))
        connection.commit()
        connection.close()

    def _workspace(self, name: str) -> None:
        for title in ("AGENTS", "SOUL", "IDENTITY", "USER", "MEMORY"):
            self.write(f"{name}/{title}.md", f"# {title.capitalize()}\n\n{self.text(120)}\n", 0o644)
        for day in range(1, 15):
            self.write(f"{name}/memory/2026-09-{day:02d}.md", f"# {day} September\n\n" + "".join(f"- {self.text(20)}\n" for _line in range(15)), 0o644)
        self.write(f"{name}/skills/ledger/SKILL.md", f"---\nname: ledger\n---\n\n{self.text(200)}\n", 0o644)


def main(arguments: list[str]) -> int:
    """Make the state directory that is named, unless it holds something already."""
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    state = os.path.abspath(arguments[0])
    if os.path.isdir(state) and os.listdir(state):
        print("there")
        return 0
    os.makedirs(state, mode=0o700, exist_ok=True)
    Sample(state).make()
    print("made")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
