# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A small restored state with those tables of OpenClaw 2026.9.6 that edits touch, their definitions as the real gateway makes them."""
from __future__ import annotations

import json
import sqlite3
from pathlib import Path

from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.capture.accounts import Account
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.capture.locate import Location
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.edits.staged import Staged
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.placement import place
from support.fake_host import write

HOME = "/home/claw"
STATE = f"{HOME}/.openclaw"
STATE_TABLES = """
CREATE TABLE cron_jobs (store_key TEXT NOT NULL, job_id TEXT NOT NULL, name TEXT, enabled INTEGER NOT NULL, job_json TEXT NOT NULL,
    grant_definition_revision TEXT, grant_definition_generation INTEGER, grant_definition_updated_at INTEGER, state_json TEXT NOT NULL,
    schedule_identity TEXT, PRIMARY KEY (store_key, job_id)) STRICT;
CREATE TABLE cron_run_receipts (receipt_id TEXT PRIMARY KEY, store_key TEXT NOT NULL, job_id TEXT NOT NULL, status TEXT NOT NULL,
    finished_at_ms INTEGER, error_text TEXT,
    CHECK ((status = 'running' AND finished_at_ms IS NULL) OR (status != 'running' AND finished_at_ms IS NOT NULL)));
CREATE TABLE delivery_queue_entries (queue_name TEXT NOT NULL, id TEXT NOT NULL, status TEXT NOT NULL, channel TEXT, target TEXT,
    recovery_state TEXT, entry_json TEXT NOT NULL, PRIMARY KEY (queue_name, id)) STRICT;
CREATE TABLE channel_ingress_events (queue_name TEXT NOT NULL, event_id TEXT NOT NULL, channel_id TEXT NOT NULL, status TEXT NOT NULL,
    updated_at INTEGER NOT NULL, claim_token TEXT, claim_owner TEXT, claimed_at INTEGER, failed_reason TEXT, failed_at INTEGER,
    PRIMARY KEY (queue_name, event_id)) STRICT;
CREATE TABLE gateway_restart_sentinel (sentinel_key TEXT NOT NULL PRIMARY KEY, message TEXT) STRICT;
CREATE TABLE state_leases (scope TEXT NOT NULL, lease_key TEXT NOT NULL, owner TEXT NOT NULL, PRIMARY KEY (scope, lease_key)) STRICT;
CREATE TABLE agent_database_leases (lease_id TEXT PRIMARY KEY, path TEXT NOT NULL) STRICT;
CREATE TABLE task_runs (task_id TEXT PRIMARY KEY, status TEXT NOT NULL, delivery_status TEXT NOT NULL, ended_at INTEGER, error TEXT) STRICT;
CREATE TABLE subagent_runs (run_id TEXT NOT NULL PRIMARY KEY, requester_store_path TEXT, payload_json TEXT NOT NULL) STRICT;
CREATE TABLE config_health_entries (config_path TEXT PRIMARY KEY, last_known_good_json TEXT) STRICT;
CREATE TABLE config_machine_state (state_key TEXT PRIMARY KEY, value_json TEXT NOT NULL) STRICT;
CREATE TABLE audit_events (sequence INTEGER PRIMARY KEY, target_ref TEXT) STRICT;
CREATE TABLE worktrees (id TEXT PRIMARY KEY, path TEXT NOT NULL) STRICT;
CREATE TABLE workspace_setup_state (workspace_key TEXT NOT NULL PRIMARY KEY, workspace_path TEXT) STRICT;
CREATE TABLE workspace_path_aliases (alias_key TEXT NOT NULL PRIMARY KEY, alias_path TEXT NOT NULL, workspace_key TEXT NOT NULL,
    workspace_path TEXT NOT NULL) STRICT;
CREATE TABLE workspace_generated_bootstrap_hashes (workspace_key TEXT NOT NULL, filename TEXT NOT NULL, sha256 TEXT NOT NULL,
    PRIMARY KEY (workspace_key, filename),
    FOREIGN KEY (workspace_key) REFERENCES workspace_setup_state(workspace_key) ON DELETE CASCADE) STRICT;
"""
AGENT_TABLES = """
CREATE TABLE session_nodes (session_key TEXT NOT NULL PRIMARY KEY, entry_json TEXT NOT NULL, status TEXT,
    entry_valid INTEGER NOT NULL DEFAULT 1, CHECK (octet_length(entry_json) > 0)) STRICT;
CREATE TRIGGER session_nodes_entry_valid_after_entry_update AFTER UPDATE OF entry_json ON session_nodes
    BEGIN UPDATE session_nodes SET entry_valid = 0 WHERE session_key = NEW.session_key; END;
CREATE TABLE session_windows (session_id TEXT NOT NULL PRIMARY KEY, status TEXT) STRICT;
CREATE TABLE session_pending_inputs (seq INTEGER PRIMARY KEY, state TEXT NOT NULL CHECK (state IN ('queued', 'interrupted', 'cancelled')));
CREATE TABLE conversation_deliveries (operation_id TEXT PRIMARY KEY, status TEXT NOT NULL, updated_at INTEGER NOT NULL);
CREATE TABLE transcript_events (session_id TEXT NOT NULL, seq INTEGER NOT NULL, event_json TEXT) STRICT;
"""


class StagedState:
    """A state captured at /home/claw, or where captured_home says, that lies below a directory. What is at a path of the target is at stage + that path."""

    def __init__(self, stage: Path, home: str = "/home/crab", profile: str | None = None, captured_home: str = HOME,
                 captured_profile: str | None = None) -> None:
        self.stage, self.home = stage, home
        state = f"{home}/.openclaw-{profile}" if profile else f"{home}/.openclaw"
        self.state = state
        self.location = Location(Account("crab", 1007, 1007, home), home, profile, state, f"{state}/openclaw.json")
        before = f"{captured_home}/.openclaw-{captured_profile}" if captured_profile else f"{captured_home}/.openclaw"
        self.captured_home, self.captured_profile, self.captured_state = captured_home, captured_profile, before
        self.roots = [(before, "state"), (f"{before}/openclaw.json", "config"), (f"{before}/workspace", "workspace")]
        self.database = self.disk(f"{state}/state/openclaw.sqlite")
        self.agent_database = self.disk(f"{state}/agents/main/agent/openclaw-agent.sqlite")

    def disk(self, path: str) -> Path:
        """Where a path of this host lies now."""
        return Path(f"{self.stage}{path}")

    def add(self, path: str, content: str, role: str | None = None) -> Path:
        """A file, by its path at capture, and a root of its own if it has a role."""
        if role:
            self.roots.append((path, role))
        return write(self.disk(self.staged().placement.path(path)), content)

    def make_databases(self) -> None:
        """Both, empty, with a write-ahead log as OpenClaw's have."""
        for path, tables in ((self.database, STATE_TABLES), (self.agent_database, AGENT_TABLES)):
            path.parent.mkdir(parents=True, exist_ok=True)
            connection = connect(path)
            connection.execute("PRAGMA journal_mode=WAL")
            connection.executescript(tables)
            connection.close()
            path.chmod(0o600)

    def insert(self, table: str, agent: bool = False, **values) -> None:
        """A row; values that are no text, number or None are written as JSON."""
        plain = [value if isinstance(value, (str, int, type(None))) else json.dumps(value) for value in values.values()]
        connection = connect(self.agent_database if agent else self.database)
        connection.execute(f"INSERT INTO {table} ({', '.join(values)}) VALUES ({', '.join('?' * len(plain))})", plain)
        connection.close()

    def rows(self, query: str, agent: bool = False) -> list[tuple]:
        """What a query gives."""
        connection = connect(self.agent_database if agent else self.database)
        try:
            return connection.execute(query).fetchall()
        finally:
            connection.close()

    def job(self, name: str, schedule: dict, state: dict, enabled: bool = True, payload: dict | None = None) -> None:
        """A cron job as it was stored before."""
        job = {"id": name, "enabled": enabled, "schedule": schedule, "payload": payload or {"kind": "agentTurn", "message": "go"}}
        self.insert("cron_jobs", store_key=f"{STATE}/cron/jobs.json", job_id=name, enabled=int(enabled), job_json=job, state_json=state,
                    grant_definition_revision="sha256:x", grant_definition_generation=1, grant_definition_updated_at=1)

    def job_state(self, name: str) -> tuple[int, dict, dict]:
        """(enabled, job, state)"""
        enabled, job, state = self.rows(f"SELECT enabled, job_json, state_json FROM cron_jobs WHERE job_id = '{name}'")[0]
        return enabled, json.loads(job), json.loads(state)

    def staged(self) -> Staged:
        """What the edits take."""
        meta = {"roots": [{"path": path, "role": role, "agent": None} for path, role in self.roots], "instance": {
            "user": "claw", "uid": 1000, "gid": 1000, "home": self.captured_home, "profile": self.captured_profile,
            "state_dir": self.captured_state, "config_path": f"{self.captured_state}/openclaw.json"}}
        return Staged(meta, place(meta, self.location), lambda path: str(self.disk(path)))


def connect(path: Path) -> sqlite3.Connection:
    """A connection that knows what SQLite before 3.43 lacks."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.create_function("octet_length", 1, lambda text: None if text is None else len(str(text).encode()), deterministic=True)
    return connection
