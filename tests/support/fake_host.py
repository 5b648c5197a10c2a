# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Builds the files of a made-up host below a directory: users, OpenClaw states of both layouts, units.

What is written follows what real releases leave on disk; database files are real SQLite.
"""
from __future__ import annotations

import json
import os
import sqlite3
from dataclasses import dataclass
from pathlib import Path

CORE_FILES = ("AGENTS.md", "SOUL.md", "IDENTITY.md", "USER.md", "TOOLS.md", "HEARTBEAT.md")


def write(path: Path, content: str | bytes = "", mode: int = 0o600) -> Path:
    """A file with its directories."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    path.chmod(mode)
    return path


def database(path: Path, *statements: str) -> Path:
    """A SQLite database."""
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path, isolation_level=None)
    for statement in statements or ("CREATE TABLE t (x)",):
        connection.execute(statement)
    connection.close()
    return path


def leave_log(path: Path, *statements: str, with_shm: bool) -> None:
    """Write to a database in such a way that the rows are only in its write-ahead log, as after a kill."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA wal_autocheckpoint=0")
    for statement in statements:
        connection.execute(statement)
    ends = ("", "-wal", "-shm") if with_shm else ("", "-wal")
    kept = {end: Path(f"{path}{end}").read_bytes() for end in ends}
    connection.close()
    for end, content in kept.items():
        write(Path(f"{path}{end}"), content)


REGISTRY = """CREATE TABLE agent_databases (
    agent_id TEXT NOT NULL, path TEXT NOT NULL, schema_version INTEGER NOT NULL, last_seen_at INTEGER NOT NULL, size_bytes INTEGER,
    PRIMARY KEY (agent_id, path))"""


def register(agent: str, path: str) -> str:
    """The statement that registers an agent's database."""
    return f"INSERT INTO agent_databases VALUES ('{agent}', '{path}', 23, 0, NULL)"


@dataclass
class State:
    """One state directory."""

    path: Path

    def config(self, value: dict | str, name: str = "openclaw.json") -> Path:
        """Write the config: a value, or text as it stands."""
        return write(self.path / name, value if isinstance(value, str) else json.dumps(value, indent=2))

    def workspace(self, path: Path | None = None) -> Path:
        """A workspace with its core files, by default the one inside the state directory."""
        path = path or self.path / "workspace"
        for name in CORE_FILES:
            write(path / name, f"# {name}\n", 0o644)
        write(path / "memory/2026-11-20.md", "- a day\n", 0o644)
        write(path / "skills/weather/SKILL.md", "---\nname: weather\n---\n", 0o644)
        return path

    def database_first(self, *agents: str) -> State:
        """What 2026.9 leaves on disk for these agents."""
        agents = agents or ("main",)
        rows = [register(agent, f"agents/{agent}/agent/openclaw-agent.sqlite") for agent in agents]
        database(self.path / "state/openclaw.sqlite", REGISTRY, *rows)
        database(self.path / "state/openclaw-quarantine.sqlite")
        for agent in agents:
            directory = self.path / "agents" / agent / "agent"
            database(directory / "openclaw-agent.sqlite", "CREATE TABLE session_nodes (session_key TEXT)")
            for lock in ("generation-lock", "generation-writer", "reindex-lock"):
                database(directory / f"openclaw-agent.sqlite.{lock}.sqlite")
            write(directory / "tmp/run.txt", "x")
        write(self.path / "credentials/whatsapp/default/creds.json", "{}")
        self._surroundings()
        return self

    def file_backed(self, *agents: str) -> State:
        """What 2026.6 leaves on disk."""
        for agent in agents or ("main",):
            base = self.path / "agents" / agent
            write(base / "sessions/sessions.json", "{}")
            write(base / "sessions/732a9f24.jsonl", '{"type":"session"}\n')
            write(base / "sessions/732a9f24.jsonl.lock", "{}")
            write(base / "agent/auth-profiles.json", "{}")
        write(self.path / "identity/device.json", "{}")
        write(self.path / "devices/paired.json", "{}")
        write(self.path / "cron/jobs.json", '{"version":1,"jobs":[]}')
        database(self.path / "memory/main.sqlite")
        if not (self.path / "state/openclaw.sqlite").exists():
            database(self.path / "state/openclaw.sqlite", REGISTRY)
        self._surroundings()
        return self

    def _surroundings(self) -> None:
        """Regenerable things that every state has."""
        write(self.path / "logs/gateway.log", "noise\n" * 10)
        write(self.path / "logs/config-audit.jsonl", "{}\n")
        write(self.path / "cache/control-ui-assets/abc/index.js", "x")
        write(self.path / "tmp/openclaw-1000/gateway.state.lock", "{}")
        write(self.path / "npm/projects/discord-1a2b/package.json", "{}")
        write(self.path / "npm/projects/discord-1a2b/package-lock.json", "{}")
        write(self.path / "npm/projects/discord-1a2b/node_modules/discord.js/index.js", "x")
        write(self.path / "media/inbound/photo.jpg", "x")
        write(self.path / ".env", "OPENAI_API_KEY=sk-made-up\n")


class FakeHost:
    """A host's file system below a directory."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._passwd: list[str] = []
        write(root / "etc/hostname", "crab\n", 0o644)
        self.user("root", 0, "/root")

    def user(self, name: str, uid: int, home: str | None = None) -> Path:
        """Add a user; gives the home on this machine."""
        home = home or f"/home/{name}"
        self._passwd.append(f"{name}:x:{uid}:{uid}:{name}:{home}:/bin/bash\n")
        write(self.root / "etc/passwd", "".join(self._passwd), 0o644)
        path = self.root / home.lstrip("/")
        path.mkdir(parents=True, exist_ok=True)
        return path

    def place(self, path: str) -> Path:
        """Where a path of the host is on this machine."""
        return self.root / path.lstrip("/")

    def state(self, path: str) -> State:
        """A new state directory at a path of the host."""
        place = self.place(path)
        place.mkdir(parents=True, mode=0o700)
        return State(place)

    def give(self, path: str, uid: int) -> None:
        """Make a user the owner of a path, where this process may do that."""
        if os.geteuid() == 0:
            os.chown(self.place(path), uid, uid)

    def user_unit(self, home: str, name: str, *lines: str) -> Path:
        """A systemd unit of a user."""
        return write(self.place(home) / ".config/systemd/user" / name, unit(*lines), 0o644)

    def system_unit(self, name: str, *lines: str) -> Path:
        """A systemd unit of the system."""
        return write(self.place("/etc/systemd/system") / name, unit(*lines), 0o644)


START = "ExecStart=/usr/bin/node /usr/lib/node_modules/openclaw/dist/index.js gateway --port 18789"


def unit(*lines: str) -> str:
    """A service unit with these lines in its [Service] section; it starts a gateway unless a line says what to start."""
    start = [] if any(line.startswith("ExecStart=") for line in lines) else [START]
    head = ["[Unit]", "Description=OpenClaw Gateway", "", "[Service]"]
    return "\n".join([*head, *start, *lines, "", "[Install]", "WantedBy=default.target", ""])


def tree(path: Path) -> set[str]:
    """All names below a directory, relative."""
    return {os.path.relpath(os.path.join(base, name), path) for base, dirs, files in os.walk(path) for name in dirs + files}
