# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""Staged databases: opened for writing, and left without sidecars."""
from __future__ import annotations

import json
import os
import shutil
import sqlite3
from contextlib import contextmanager
from typing import Iterator

from ..capture import sqlite
from ..errors import EngineError


@contextmanager
def open_staged(place: str, path: str) -> Iterator[sqlite3.Connection]:
    """A connection in one transaction, committed at the end of the block, after which there is the database file alone.

    place: where it lies. path: what it is called for people. EngineError "edit-failed" where SQLite cannot; nothing is
    changed then.
    """
    try:
        for suffix in sqlite.SIDECARS:
            if os.path.islink(place + suffix):
                os.unlink(place + suffix)  # SQLite would write its log to whatever the link leads to
        connection = sqlite.connect(place, "mode=rw")
        try:
            connection.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
            connection.execute("PRAGMA foreign_keys = OFF")  # keys and what refers to them are rewritten together
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")
            sqlite.fold_log(connection)
        finally:
            connection.close()
        sqlite.remove_sidecars(place)
    except (sqlite3.Error, OSError) as exc:
        raise EngineError(
            "edit-failed", f"The restored database {path} could not be edited: {exc}",
            "Nothing live was changed. Restore another snapshot, or this one to a directory of its own (target) to look into it.",
            {"path": path}) from exc


def copy_database(path: str, to: str) -> None:
    """Copy a database with its log, as nobody writes to it: opening a live one would leave files beside it. OSError."""
    for suffix in ("", "-wal"):
        if os.path.isfile(path + suffix):
            shutil.copyfile(path + suffix, to + suffix)


def tables_of(connection: sqlite3.Connection) -> set[str]:
    """The names of the ordinary tables, those of virtual tables' inner workings and SQLite's own left out."""
    rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'").fetchall()
    virtual = [name for name, sql in rows if (sql or "").upper().startswith("CREATE VIRTUAL")]
    return {name for name, _sql in rows if name not in virtual and not name.startswith("sqlite_")
            and not any(name.startswith(f"{one}_") for one in virtual)}


def columns_of(connection: sqlite3.Connection, table: str) -> list[str]:
    """The names of a table's columns, generated ones left out."""
    return [row[1] for row in connection.execute(f"PRAGMA table_info({quoted(table)})")]


def valid_sessions(connection: sqlite3.Connection) -> list[str]:
    """The sessions whose entry OpenClaw has found valid. It notes that in a column, and forgets it when the entry changes."""
    if "session_nodes" not in tables_of(connection) or "entry_valid" not in columns_of(connection, "session_nodes"):
        return []
    return [key for (key,) in connection.execute("SELECT session_key FROM session_nodes WHERE entry_valid = 1").fetchall()]


def mark_valid(connection: sqlite3.Connection, sessions: list[str]) -> None:
    """Say so again after an edit that leaves them valid: until its first start, OpenClaw's commands refuse to list them else."""
    if sessions and "entry_valid" in columns_of(connection, "session_nodes"):
        connection.executemany(
            "UPDATE session_nodes SET entry_valid = 1 WHERE session_key = ? AND entry_valid = 0", [(key,) for key in sessions])


def quoted(name: str) -> str:
    """A name as SQL takes it."""
    return '"' + name.replace('"', '""') + '"'


def json_object(text) -> dict | None:
    """The object of a JSON text; None where it is none."""
    try:
        value = json.loads(text)
    except (TypeError, ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def json_text(value) -> str:
    """JSON as OpenClaw writes it into its databases; halves of characters, which no text can hold, as escapes."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text if text.isascii() or _is_encodable(text) else json.dumps(value, separators=(",", ":"))


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
