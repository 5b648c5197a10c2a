# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The SQLite databases of a benchmark state: the large tables of OpenClaw 2026.9.6, filled and then lived in.

Table and index definitions are those that weigh in the real schema (agent schema 23, global schema 18), reduced to what
decides which pages are written: random text keys with a unique index, full-text indexes kept by triggers, embeddings as
float32 blobs, transcripts and trajectories in order of time. All are in WAL mode with 4 KiB pages.
"""
from __future__ import annotations

import json
import os
import sqlite3

from corpus import DIMENSIONS, Corpus

EPOCH_MS = 1_788_220_800_000  # 2026-09-01: when the state's first session began
MODEL = "text-embedding-3-small"

AGENT_SCHEMA = """
CREATE TABLE schema_meta (meta_key TEXT NOT NULL PRIMARY KEY, role TEXT NOT NULL, schema_version INTEGER NOT NULL,
  agent_id TEXT, app_version TEXT, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL) STRICT;
CREATE TABLE session_nodes (session_key TEXT NOT NULL PRIMARY KEY, current_session_id TEXT NOT NULL, entry_json TEXT NOT NULL,
  updated_at INTEGER NOT NULL, status TEXT, created_at INTEGER) STRICT;
CREATE INDEX idx_agent_session_nodes_updated_at ON session_nodes(updated_at DESC, session_key);
CREATE TABLE transcript_events (session_id TEXT NOT NULL, seq INTEGER NOT NULL, event_json TEXT, created_at INTEGER NOT NULL,
  PRIMARY KEY (session_id, seq)) STRICT;
CREATE TABLE transcript_event_identities (session_id TEXT NOT NULL, event_id TEXT NOT NULL, seq INTEGER NOT NULL,
  event_type TEXT, parent_id TEXT, created_at INTEGER NOT NULL, PRIMARY KEY (session_id, event_id)) STRICT;
CREATE INDEX idx_agent_transcript_event_identity_sequence ON transcript_event_identities(session_id, seq);
CREATE TABLE trajectory_runtime_events (session_id TEXT NOT NULL, seq INTEGER NOT NULL, run_id TEXT, event_json TEXT NOT NULL,
  created_at INTEGER NOT NULL, PRIMARY KEY (session_id, seq)) STRICT;
CREATE INDEX idx_agent_trajectory_runtime_run ON trajectory_runtime_events(session_id, run_id, seq) WHERE run_id IS NOT NULL;
CREATE VIRTUAL TABLE session_transcript_fts USING fts5(text, session_id UNINDEXED, message_id UNINDEXED, role UNINDEXED,
  timestamp UNINDEXED, tokenize = 'unicode61 remove_diacritics 2');
CREATE TABLE memory_index_chunks (chunk_rowid INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, path TEXT NOT NULL,
  source TEXT NOT NULL DEFAULT 'memory', start_line INTEGER NOT NULL, end_line INTEGER NOT NULL, hash TEXT NOT NULL,
  model TEXT NOT NULL, text TEXT NOT NULL, embedding BLOB NOT NULL, updated_at INTEGER NOT NULL) STRICT;
CREATE INDEX idx_memory_index_chunks_path_source ON memory_index_chunks(path, source);
CREATE INDEX idx_memory_index_chunks_path ON memory_index_chunks(path);
CREATE TABLE memory_embedding_cache (provider TEXT NOT NULL, model TEXT NOT NULL, provider_key TEXT NOT NULL,
  hash TEXT NOT NULL, embedding BLOB NOT NULL, dims INTEGER, updated_at INTEGER NOT NULL,
  PRIMARY KEY (provider, model, provider_key, hash)) STRICT;
CREATE INDEX idx_memory_embedding_cache_updated_at ON memory_embedding_cache(updated_at);
CREATE VIRTUAL TABLE memory_index_chunks_fts USING fts5(text, id UNINDEXED, path UNINDEXED, source UNINDEXED,
  model UNINDEXED, start_line UNINDEXED, end_line UNINDEXED);
CREATE TRIGGER memory_index_chunks_fts_after_insert AFTER INSERT ON memory_index_chunks BEGIN
  INSERT INTO memory_index_chunks_fts (rowid, text, id, path, source, model, start_line, end_line)
  VALUES (NEW.chunk_rowid, NEW.text, NEW.id, NEW.path, NEW.source, NEW.model, NEW.start_line, NEW.end_line); END;
CREATE TRIGGER memory_index_chunks_fts_after_update AFTER UPDATE OF text ON memory_index_chunks BEGIN
  DELETE FROM memory_index_chunks_fts WHERE rowid = OLD.chunk_rowid;
  INSERT INTO memory_index_chunks_fts (rowid, text, id, path, source, model, start_line, end_line)
  VALUES (NEW.chunk_rowid, NEW.text, NEW.id, NEW.path, NEW.source, NEW.model, NEW.start_line, NEW.end_line); END;
PRAGMA user_version = 23;
"""

GLOBAL_SCHEMA = """
CREATE TABLE schema_meta (meta_key TEXT NOT NULL PRIMARY KEY, role TEXT NOT NULL, schema_version INTEGER NOT NULL,
  agent_id TEXT, app_version TEXT, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL) STRICT;
CREATE TABLE agent_databases (agent_id TEXT NOT NULL, path TEXT NOT NULL, schema_version INTEGER NOT NULL,
  last_seen_at INTEGER NOT NULL, size_bytes INTEGER, PRIMARY KEY (agent_id, path)) STRICT;
CREATE TABLE config_machine_state (state_key TEXT NOT NULL PRIMARY KEY, value_json TEXT NOT NULL, updated_at_ms INTEGER NOT NULL) STRICT;
CREATE TABLE cron_jobs (store_key TEXT NOT NULL, job_id TEXT NOT NULL, name TEXT NOT NULL, enabled INTEGER NOT NULL, agent_id TEXT,
  payload_kind TEXT NOT NULL, job_json TEXT NOT NULL, state_json TEXT NOT NULL DEFAULT '{}', updated_at INTEGER NOT NULL,
  PRIMARY KEY (store_key, job_id)) STRICT;
CREATE TABLE cron_run_receipts (receipt_id TEXT PRIMARY KEY, store_key TEXT NOT NULL, job_id TEXT NOT NULL, status TEXT NOT NULL,
  started_at_ms INTEGER NOT NULL, finished_at_ms INTEGER) STRICT;
CREATE TABLE task_runs (task_id TEXT NOT NULL PRIMARY KEY, runtime TEXT NOT NULL, task TEXT NOT NULL, status TEXT NOT NULL,
  created_at INTEGER NOT NULL, detail_json TEXT) STRICT;
PRAGMA user_version = 18;
"""

TASK_SCHEMA = """
CREATE TABLE tasks (id TEXT PRIMARY KEY, title TEXT NOT NULL, body TEXT NOT NULL, state TEXT NOT NULL, due INTEGER, changed INTEGER);
CREATE INDEX tasks_by_state ON tasks(state, due);
"""


def create(path: str, schema: str) -> sqlite3.Connection:
    """A new database, tuned for filling; finish() makes it like one that a gateway uses."""
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    connection = sqlite3.connect(path, isolation_level=None)
    os.chmod(path, 0o600)
    for setting in ("page_size = 4096", "auto_vacuum = 2", "journal_mode = off", "synchronous = off", "cache_size = -400000"):
        connection.execute(f"PRAGMA {setting}")
    connection.executescript(schema)
    return connection


def finish(connection: sqlite3.Connection) -> None:
    """Switch to WAL mode and close."""
    connection.execute("PRAGMA journal_mode = wal")
    connection.close()


def reopen(path: str) -> sqlite3.Connection:
    """Open for edits as the gateway does: WAL mode, checkpoint every 1,000 pages."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA synchronous = off")
    return connection


def close_keeping_wal(connection: sqlite3.Connection, path: str) -> None:
    """Close, and leave the WAL as it was, as a running gateway does (its frames are already in the database)."""
    wal, kept = path + "-wal", path + "-wal.kept"
    if os.path.exists(wal):
        os.link(wal, kept)
    connection.close()
    if os.path.exists(kept):
        os.rename(kept, wal)


def size(connection: sqlite3.Connection) -> int:
    """Bytes of the database."""
    return connection.execute("PRAGMA page_count").fetchone()[0] * 4096


def agent_meta(connection: sqlite3.Connection, agent: str) -> None:
    """The row by which OpenClaw knows its database."""
    connection.execute("INSERT INTO schema_meta VALUES ('agent', 'agent', 23, ?, '2026.9.6', ?, ?)", (agent, EPOCH_MS, EPOCH_MS))


def add_memory(connection: sqlite3.Connection, corpus: Corpus, rows: int, now: int) -> None:
    """Index that many pieces of memory: a chunk, its full-text entry (by trigger) and its cached embedding."""
    chunks, cached = [], []
    for _unused in range(rows):
        content_hash, vector = corpus.key(), corpus.vector()
        day = corpus.random.randrange(180)
        start = corpus.random.randrange(400)
        chunks.append((corpus.key(), f"memory/2026-{1 + day // 30:02d}-{1 + day % 30:02d}.md", start, start + 20, content_hash, MODEL,
                       corpus.text(corpus.random.randint(60, 260)), vector, now))
        cached.append(("openai", MODEL, "default", content_hash, vector, DIMENSIONS, now))
    connection.executemany(
        "INSERT INTO memory_index_chunks (id, path, start_line, end_line, hash, model, text, embedding, updated_at) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", chunks)
    connection.executemany("INSERT INTO memory_embedding_cache VALUES (?, ?, ?, ?, ?, ?, ?)", cached)


def update_memory(connection: sqlite3.Connection, corpus: Corpus, rows: int, now: int) -> None:
    """Rewrite that many pieces of memory anywhere in the database, with their full-text entries and embeddings."""
    last = connection.execute("SELECT max(chunk_rowid) FROM memory_index_chunks").fetchone()[0]
    for _unused in range(rows):
        connection.execute(
            "UPDATE memory_index_chunks SET text = ?, hash = ?, embedding = ?, updated_at = ? WHERE chunk_rowid = ?",
            (corpus.text(corpus.random.randint(60, 260)), corpus.key(), corpus.vector(), now, corpus.random.randint(1, last)))


class Session:
    """One conversation of an agent; turns append to its transcript and trajectory."""

    def __init__(self, connection: sqlite3.Connection, corpus: Corpus, agent: str, now: int) -> None:
        self.connection, self.corpus = connection, corpus
        self.id, self.parent, self.seq, self.trace = corpus.uuid(), None, 0, 0
        self.key = f"agent:{agent}:telegram:direct:{corpus.random.randrange(10**9)}"
        entry = {"sessionId": self.id, "updatedAt": now, "channel": "telegram", "model": "mock-1", "note": corpus.text(60)}
        connection.execute("INSERT INTO session_nodes VALUES (?, ?, ?, ?, 'done', ?)", (self.key, self.id, json.dumps(entry), now, now))

    def turn(self, now: int) -> None:
        """A question and its answer: about 2 KB of transcript and 28 KB of trajectory, as measured on 2026.9.6."""
        corpus, run = self.corpus, self.corpus.uuid()
        for role, words in (("user", corpus.random.randint(5, 60)), ("assistant", corpus.random.randint(40, 400))):
            self._message(role, corpus.text(words), now)
        for kind, words in (("session.started", 60), ("trace.metadata", 600), ("context.compiled", 1300), ("prompt.submitted", 500),
                            ("model.completed", 700), ("trace.artifacts", 500), ("session.ended", 60)):
            event = {"traceSchema": "openclaw-trajectory", "schemaVersion": 1, "traceId": self.id, "source": "runtime", "type": kind,
                     "seq": self.trace, "sessionId": self.id, "sessionKey": self.key, "runId": run, "provider": "lab", "modelId": "mock-1",
                     "data": {"text": corpus.text(words)}}
            self.connection.execute("INSERT INTO trajectory_runtime_events VALUES (?, ?, ?, ?, ?)",
                                    (self.id, self.trace, run, json.dumps(event), now))
            self.trace += 1
        self.connection.execute("UPDATE session_nodes SET updated_at = ? WHERE session_key = ?", (now, self.key))

    def _message(self, role: str, text: str, now: int) -> None:
        event_id = self.corpus.uuid()
        event = {"type": "message", "id": event_id, "parentId": self.parent, "message": {"role": role, "content": text, "timestamp": now}}
        self.connection.execute("INSERT INTO transcript_events VALUES (?, ?, ?, ?)", (self.id, self.seq, json.dumps(event), now))
        self.connection.execute("INSERT INTO transcript_event_identities VALUES (?, ?, ?, 'message', ?, ?)",
                                (self.id, event_id, self.seq, self.parent, now))
        self.connection.execute("INSERT INTO session_transcript_fts (text, session_id, message_id, role, timestamp) VALUES (?, ?, ?, ?, ?)",
                                (text, self.id, event_id, role, now))
        self.parent, self.seq = event_id, self.seq + 1


def add_sessions(connection: sqlite3.Connection, corpus: Corpus, agent: str, turns: int, now: int) -> None:
    """That many turns, in new conversations of up to 40 turns."""
    while turns > 0:
        session = Session(connection, corpus, agent, now)
        for count in range(min(turns, corpus.random.randint(5, 40))):
            session.turn(now + count * 60_000)
            turns -= 1
