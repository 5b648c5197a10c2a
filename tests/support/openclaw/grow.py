# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Make a large state with a real OpenClaw: the gateway makes the databases, SQL grows them to months of use.

    grow.py HOME [--size 1.5G]

A new home directory: set up, two agents, cron jobs and a few turns by the real gateway, then stopped and grown. A gateway
opens the result and lists its sessions. Content comes from tests/benchmark/corpus.py, in the proportions of the research
state: most of it in one agent's database, some 8,000 workspace files, pictures, WhatsApp keys.
"""
from __future__ import annotations

import argparse
import json
import os
import sqlite3
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[2]), str(Path(__file__).resolve().parents[2] / "benchmark")]
import databases  # noqa: E402
import state as generator  # noqa: E402
from corpus import Corpus  # noqa: E402
from support.openclaw import installation  # noqa: E402
from support.openclaw.gateway import OpenClaw, cron_far_from_now  # noqa: E402
from support.openclaw.model_server import ModelServer  # noqa: E402

DATABASE_SHARE, MEDIA_SHARE = 0.80, 0.12
TEXT_FILES, PICTURES = 8_000, 400


def main() -> int:
    """Make it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("home")
    parser.add_argument("--size", default="1.5G")
    given = parser.parse_args()
    make_small(given.home, installation.default_cache())
    grow(os.path.join(os.path.abspath(given.home), ".openclaw"), generator.parse_size(given.size))
    files, size = generator.measure(given.home)
    print(f"{given.home}: {files:,} files, {size / 1e6:,.0f} MB")
    return 0


def make_small(home: str, cache: str) -> None:
    """A stopped instance with two agents, cron jobs and some turns, made by the real gateway."""
    with ModelServer() as models:
        instance = OpenClaw(home, cache)
        instance.onboard(models.url)
        instance.add_agent("work", os.path.join(instance.state_dir, "workspace-work"))
        instance.start()
        try:
            for number in range(3):
                instance.say("main", f"question {number}")
            instance.say("work", "what is to be done?")
            instance.add_cron_job("nightly", "main", cron_far_from_now(), "write the nightly note")
            instance.add_cron_job("weekly", "work", cron_far_from_now("1"), "write the weekly report")
        finally:
            instance.stop()


def grow(state_dir: str, size: int) -> None:
    """Add sessions, memory and files to a stopped state until it has about that size."""
    corpus = Corpus(2026)
    grow_database(os.path.join(state_dir, "agents", "main", "agent", "openclaw-agent.sqlite"), corpus, int(size * DATABASE_SHARE))
    for _unused in range(PICTURES):
        generator.write_picture(state_dir, corpus, int(size * MEDIA_SHARE / PICTURES))
    for number in range(generator.KEYS):
        generator.write_key(state_dir, corpus, number)
    for number in range(180):
        generator.write(os.path.join(state_dir, "workspace"), generator.daily_note(number), corpus.paragraphs(4_000))
    generator.make_texts(state_dir, corpus, TEXT_FILES, int(size * (1 - DATABASE_SHARE - MEDIA_SHARE)))


def grow_database(path: str, corpus: Corpus, size: int) -> None:
    """Fill an agent's database through its own tables, indexes and triggers."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.create_function("octet_length", 1, octet_length, deterministic=True)
    for setting in ("synchronous = off", "cache_size = -400000", "foreign_keys = on"):
        connection.execute(f"PRAGMA {setting}")
    has_index = connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'memory_index_chunks_fts'").fetchone()[0]
    template = json.loads(connection.execute("SELECT entry_json FROM session_nodes LIMIT 1").fetchone()[0])
    for large in ("skillsSnapshot", "systemPromptReport"):
        template.pop(large, None)
    now = databases.EPOCH_MS
    while databases.size(connection) < size:
        connection.execute("BEGIN")
        for _unused in range(10 if has_index else 0):
            databases.add_memory(connection, corpus, generator.BATCH, now)
        add_session(connection, corpus, template, now)
        connection.execute("COMMIT")
        now += 3_600_000
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    broken = connection.execute("PRAGMA foreign_key_check").fetchall()
    connection.close()
    if broken:
        raise RuntimeError(f"the grown database breaks foreign keys: {broken[:3]}")


def add_session(connection: sqlite3.Connection, corpus: Corpus, template: dict, now: int) -> None:
    """One conversation of 10 to 40 turns in the real schema."""
    session = RealSession(connection, corpus, template, now)
    for count in range(corpus.random.randint(10, 40)):
        session.turn(now + count * 60_000)


class RealSession(databases.Session):
    """As in a generated state, but with all columns that the real schema demands."""

    def __init__(self, connection: sqlite3.Connection, corpus: Corpus, template: dict, now: int) -> None:
        self.connection, self.corpus = connection, corpus
        self.id, self.parent, self.seq, self.trace = corpus.uuid(), None, 0, 0
        self.key = f"agent:main:telegram:direct:{corpus.random.randrange(10**9)}"
        entry = {**template, "sessionId": self.id, "updatedAt": now, "sessionStartedAt": now, "lifecycleRevision": corpus.uuid()}
        connection.execute(
            "INSERT INTO session_nodes (session_key, current_session_id, entry_json, updated_at, status, created_at, created_via) "
            "VALUES (?, ?, ?, ?, 'done', ?, 'channel')", (self.key, self.id, json.dumps(entry), now, now))
        connection.execute(
            "INSERT INTO session_windows (session_id, session_key, session_scope, created_at, updated_at, session_entry_provenance, "
            "started_at, ended_at, status, chat_type) VALUES (?, ?, 'conversation', ?, ?, 1, ?, ?, 'done', 'direct')",
            (self.id, self.key, now, now, now, now))
        self._event({"type": "session", "version": 4, "id": self.id, "timestamp": "2026-09-01T00:00:00.000Z", "cwd": "/"}, now)

    def _event(self, event: dict, now: int) -> None:
        self.connection.execute("INSERT INTO transcript_events (session_id, seq, event_json, created_at) VALUES (?, ?, ?, ?)",
                                (self.id, self.seq, json.dumps(event), now))
        self.seq += 1

    def _message(self, role: str, text: str, now: int) -> None:
        event_id = self.corpus.uuid()
        content = text if role == "user" else [{"type": "text", "text": text}]
        seq = self.seq
        self._event({"type": "message", "id": event_id, "parentId": self.parent, "timestamp": "2026-09-01T00:00:00.000Z",
                     "message": {"role": role, "content": content, "timestamp": now}}, now)
        self.connection.execute(
            "INSERT INTO transcript_event_identities (session_id, event_id, seq, event_type, parent_id, created_at) "
            "VALUES (?, ?, ?, 'message', ?, ?)", (self.id, event_id, seq, self.parent, now))
        self.parent = event_id


def octet_length(value) -> int | None:
    """A function of newer SQLite versions that the schema's constraints call."""
    if value is None:
        return None
    return len(value.encode() if isinstance(value, str) else value)


if __name__ == "__main__":
    sys.exit(main())
