# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""What lies in a state directory: agents, databases, and which of OpenClaw's two layouts it is.

Database-first (2026.7 and later): `state/openclaw.sqlite` and `agents/<id>/agent/openclaw-agent.sqlite`. File-backed
(older): sessions, devices, cron jobs and logins are JSON files; a `state/openclaw.sqlite` may be there already.
"""
from __future__ import annotations

import os
import re
import sqlite3
from dataclasses import dataclass, field
from urllib.parse import quote

from .model import Finding
from .paths import expand, is_file, list_names

AGENT_DATABASE = "openclaw-agent.sqlite"
STATE_DATABASE = "state/openclaw.sqlite"
DATABASE_NAME = re.compile(r".*\.(?:sqlite3?|db)", re.DOTALL)
# Short-lived databases beside the real ones: locks, half-built replacements (see default_exclusions.py).
TRANSIENT_DATABASE = re.compile(
    r".*\.(?:generation-lock|generation-writer|reindex-lock|lock)\.sqlite|.*\.sqlite\.(?:backup|memory-reindex|tmp)-.*", re.DOTALL)
# Places below the state directory, other than an agent's, where releases of OpenClaw keep databases.
DATABASE_DIRECTORIES = ("state", "memory", "tasks", "flows", "plugin-state", "logbook")
AGENT_DATABASE_DIRECTORIES = ("agent", "agent/codex-home", "sessions", "qmd")
LEGACY_FILES = (
    "cron/jobs.json", "devices/paired.json", "identity/device.json", "credentials/oauth.json", "agent/auth-profiles.json",
    "sessions/sessions.json",
)
ROW_LIMIT = 10_000  # registered agents
BUSY_SECONDS = 0.25  # reading a WAL database waits for nobody; only a crash recovery by another process is waited for


@dataclass
class Layout:
    """agents: ids by directory and by registration. databases: files that exist. layout: as in Instance."""

    agents: list[str] = field(default_factory=list)
    databases: list[str] = field(default_factory=list)
    layout: str = "unknown"
    findings: list[Finding] = field(default_factory=list)


def read_layout(state_dir: str, agent_dirs: dict[str, str], path_of) -> Layout:
    """Look into a state directory.

    agent_dirs: agent directories that the config names, by agent. path_of: maps an absolute path that the gateway
    recorded to a path of this host. Databases are the union of the registration table, the config and known places.
    """
    found = Layout()
    on_disk = [name for name in list_names(f"{state_dir}/agents") if os.path.isdir(f"{state_dir}/agents/{name}")]
    registered, found.findings = registered_databases(f"{state_dir}/{STATE_DATABASE}")
    databases: dict[str, None] = {}
    for name in DATABASE_DIRECTORIES:
        _add_databases(databases, f"{state_dir}/{name}")
    for agent in on_disk:
        for name in AGENT_DATABASE_DIRECTORIES:
            _add_databases(databases, f"{state_dir}/agents/{agent}/{name}")
    for directory in agent_dirs.values():
        _add_databases(databases, directory)
    for agent, text in registered:
        path = _registered_path(text, state_dir, path_of)
        if is_file(path):
            databases.setdefault(path)
        else:
            found.findings.append(Finding("database-missing", f"agent {agent} has a database registered that does not exist", path))
    found.agents = list(dict.fromkeys([*on_disk, *(agent for agent, dummy in registered)]))
    found.databases = _distinct(databases)
    found.layout = _layout(state_dir, on_disk, found.databases)
    return found


def _add_databases(databases: dict[str, None], directory: str) -> None:
    for name in list_names(directory):
        path = f"{directory}/{name}"
        if DATABASE_NAME.fullmatch(name) and not TRANSIENT_DATABASE.fullmatch(name) and os.path.isfile(path):
            databases.setdefault(path)


def _registered_path(text: str, state_dir: str, path_of) -> str:
    """A registered path is relative to the state directory, or absolute as the gateway sees it, or as another host saw it."""
    if not text.startswith("/"):
        return expand(text, state_dir, state_dir)
    path = path_of(text)
    marker = text.rfind("/agents/")
    if not os.path.exists(path) and marker >= 0:
        path = state_dir + text[marker:]
    return path


def _distinct(paths) -> list[str]:
    """The paths with links resolved, each file once, in order."""
    return list(dict.fromkeys(os.path.realpath(path) for path in paths))


def _layout(state_dir: str, agents: list[str], databases: list[str]) -> str:
    if any(os.path.basename(path) == AGENT_DATABASE for path in databases):
        return "database"
    for agent in agents:
        base = f"{state_dir}/agents/{agent}"
        if any(os.path.exists(f"{base}/{name}") for name in LEGACY_FILES):
            return "file"
        if any(name.endswith(".jsonl") for name in list_names(f"{base}/sessions")):
            return "file"
    if any(os.path.exists(f"{state_dir}/{name}") for name in LEGACY_FILES):
        return "file"
    return "database" if is_file(f"{state_dir}/{STATE_DATABASE}") else "unknown"


def registered_databases(path: str) -> tuple[list[tuple[str, str]], list[Finding]]:
    """(agent, path as recorded) from the table agent_databases; none, and a Finding, where that cannot be read.

    Strictly read-only and leaves no file behind. With a write-ahead log in use the database is opened mode=ro, so that
    the log counts; without one, or with a log that nobody has open, as immutable, since even a reader would create
    `-shm`: then rows that are only in the log are missed, and the known places have to do.
    """
    if not is_file(path):
        return [], []
    in_use = _size(f"{path}-wal") > 0 and os.path.exists(f"{path}-shm")
    try:
        return _query(path, "mode=ro" if in_use else "mode=ro&immutable=1"), []
    except (sqlite3.Error, ValueError, OverflowError) as exc:
        if "no such table" in str(exc):
            return [], []  # written by an older release, or everything is still in the log
        return [], [Finding("state-database-unreadable", f"the list of agent databases cannot be read: {exc}", path)]


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0


def _query(path: str, mode: str) -> list[tuple[str, str]]:
    connection = sqlite3.connect(f"file:{quote(os.fsencode(path))}?{mode}", uri=True, timeout=BUSY_SECONDS, isolation_level=None)
    try:
        connection.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
        rows = connection.execute("SELECT agent_id, path FROM agent_databases ORDER BY agent_id, path LIMIT ?", (ROW_LIMIT,)).fetchall()
    finally:
        connection.close()
    return [(agent, text) for agent, text in rows if isinstance(agent, str) and isinstance(text, str) and text and "\0" not in text]
