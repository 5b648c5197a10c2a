# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""Restores a snapshot into a scratch directory and judges what comes back: files, databases, JSON, what an agent needs."""
from __future__ import annotations

import json
import os
import sqlite3
from dataclasses import dataclass, field

from . import dependencies, restore, restore_selection
from .capture import components, sqlite
from .capture.layout import STATE_DATABASE, registered_databases
from .errors import EngineError
from .ports import Context
from .repository.manifest import FILE, Entry, Manifest
from .repository.repository import Repository, SnapshotRef

CHECKS = ("files", "databases", "content", "components")
_JSON_LIMIT = 64 << 20  # bytes: larger files are not parsed


@dataclass
class Found:
    """problems: (check, path, what is wrong). seconds: how long each check took; that of files is the restore itself."""

    problems: list[tuple[str, str, str]] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(CHECKS, 0.0))
    files: int = 0
    databases: int = 0


def check(repository: Repository, ref: SnapshotRef, manifest: Manifest, scratch: str, context: Context) -> Found:
    """Restore and check. EngineError for what prevents the check itself, such as a full disk."""
    found, clock = Found(), context.clock
    started = clock.elapsed()
    options = restore.RestoreOptions(snapshot=ref.id, target=scratch)
    try:
        result = restore.execute(restore.plan(repository, options, context), context)
        found.files = result.outcome.files
    except EngineError as exc:
        if exc.code != "restore-incomplete":
            raise
        found.problems += [("files", item["path"], item["reason"]) for item in exc.details["failed"]]
    found.seconds["files"] = clock.elapsed() - started
    failed = {path for _check, path, _reason in found.problems}
    classifier = components.Classifier(manifest.meta.get("roots", ()))
    paths = []
    for entry, _line in restore_selection.entries_of(manifest, ref.id):
        paths.append(entry.path)
        if entry.type == FILE and entry.path not in failed:
            started = clock.elapsed()
            _check_file(entry, scratch.rstrip("/") + entry.path, classifier, found)
            found.seconds["content" if entry.database is None else "databases"] += clock.elapsed() - started
    started = clock.elapsed()
    _check_critical(manifest, paths, found)
    _check_registered(manifest, paths, scratch, found)
    found.seconds["components"] = clock.elapsed() - started
    return found


def _check_file(entry: Entry, path: str, classifier: components.Classifier, found: Found) -> None:
    if entry.database is not None:
        if "part_of" not in entry.database:
            found.databases += 1
            _check_database(entry, path, found)
        return
    place = classifier.place(entry.path)
    if place.component in ("workspace", "extra", "skills") or entry.size > _JSON_LIMIT:
        return  # what people keep there may call itself JSON and be anything
    if place.component == "config" and entry.path.endswith((".json", ".json5")):
        _parse(entry, path, found, _json5)
    elif entry.path.endswith(".json"):
        _parse(entry, path, found, _json)
    elif entry.path.endswith(".jsonl"):
        _parse(entry, path, found, _json_lines)


def _parse(entry: Entry, path: str, found: Found, parse) -> None:
    try:
        with open(path, "rb") as stream:
            parse(stream.read())
    except (ValueError, RecursionError) as exc:
        found.problems.append(("content", entry.path, f"it does not parse: {str(exc)[:200]}"))
    except OSError as exc:
        found.problems.append(("content", entry.path, f"it cannot be read: {os.strerror(exc.errno or 0)}"))


def _json5(data: bytes) -> None:
    try:
        json.loads(data)
    except ValueError:
        dependencies.json5().loads(data.decode())


def _json(data: bytes) -> None:
    if data.strip():
        json.loads(data)


def _json_lines(data: bytes) -> None:
    lines = data.split(b"\n")
    for line in lines[:-1]:  # a writer may have been in the middle of the last one
        _json(line)


def _check_database(entry: Entry, path: str, found: Found) -> None:
    """integrity_check and foreign keys; a database that was damaged when it was captured is reported as that."""
    before = entry.database.get("quick_check", "ok")
    try:
        connection = sqlite.connect(path, "immutable=1")
        try:
            verdict = [row[0] for row in connection.execute("PRAGMA integrity_check(5)")]
            broken = connection.execute("SELECT count(*) FROM pragma_foreign_key_check").fetchone()[0] if verdict == ["ok"] else 0
            rows = _row_counts(connection, entry.database.get("rows") or {})
        finally:
            connection.close()
    except sqlite3.Error as exc:
        verdict, broken, rows = [str(exc)], 0, []
    if verdict != ["ok"]:
        since = "" if before == "ok" else "it was so when it was captured: "
        found.problems.append(("databases", entry.path, f"{since}{verdict[0]}"))
    if broken:
        found.problems.append(("databases", entry.path, f"{broken} rows name a row of another table that is not there"))
    found.problems += [("databases", entry.path, message) for message in rows]


def _row_counts(connection: sqlite3.Connection, expected: dict) -> list[str]:
    wrong = []
    for table, count in expected.items():
        now = connection.execute('SELECT count(*) FROM "%s"' % str(table).replace('"', '""')).fetchone()[0]
        if now != count:
            wrong.append(f"table {table} has {now:,} rows and had {count:,} when it was captured")
    return wrong


def _check_critical(manifest: Manifest, paths: list[str], found: Found) -> None:
    """The components that an agent cannot do without. Only a snapshot of everything must hold them all."""
    if manifest.meta.get("scope") != "everything":
        return
    agents = manifest.meta.get("instance", {}).get("agents", ())
    # A root that was not there at capture is missed only where no agent can do without it.
    roots = [root for root in manifest.meta.get("roots", ()) if root.get("present", True) or root["role"] in ("config", "state")]
    for item in components.critical_components(paths, roots, agents):
        if not item.present:
            whose = f" of agent {item.agent}" if item.agent else ""
            found.problems.append(("components", item.what, f"the snapshot has no {item.component}{whose}"))


def _check_registered(manifest: Manifest, paths: list[str], scratch: str, found: Found) -> None:
    """The databases of agents that the state's own list names: an agent whose directory is gone is missed by nothing else.

    By the ends of their paths, since directories above may be links, and the list may be of another host.
    """
    if manifest.meta.get("scope") != "everything":
        return
    known = {_end(path) for path in paths}
    for root in manifest.meta.get("roots", ()):
        if root["role"] == "state":
            for agent, path in registered_databases(f"{scratch.rstrip('/')}{root['path']}/{STATE_DATABASE}")[0]:
                if _end(path) not in known:
                    found.problems.append(("components", path, f"the snapshot has no database of agent {agent}"))


def _end(path: str) -> tuple[str, ...]:
    return tuple(path.split("/")[-3:])
