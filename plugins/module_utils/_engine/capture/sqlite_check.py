# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""What a backup finds out about a database while it is pinned: SQLite's quick_check, and how many rows tables have."""
from __future__ import annotations

import sqlite3
import time
from dataclasses import dataclass, field

_COUNT_BUDGET = 0.3  # seconds for row counts of one database
_SHADOWS = ("_data", "_idx", "_content", "_docsize", "_config", "_chunks", "_rowids")
NOT_RUN = "not run"


@dataclass
class Facts:
    """What was found out about a database. quick_check: "ok", or what is wrong, or NOT_RUN and why.

    mode: "wal", "idle", "rollback" or "raw"; the second is a WAL database that nobody had open, the last what SQLite could
    not open without writing, or not at all.
    """

    mode: str
    page_size: int = 0
    user_version: int = 0
    quick_check: str = ""
    rows: dict[str, int] = field(default_factory=dict)


def is_damaged(quick_check: str) -> bool:
    """Whether SQLite found the database damaged."""
    return quick_check != "ok" and not quick_check.startswith(NOT_RUN)


def check(connection: sqlite3.Connection, facts: Facts, budget: float | None = None) -> None:
    """Fill in the facts. budget: seconds after which it gives up, where checking holds up writers."""
    started = time.monotonic()
    if budget:
        connection.set_progress_handler(lambda: time.monotonic() - started > budget, 1000)
    try:
        found = [row[0] for row in connection.execute("PRAGMA quick_check(10)")]
        facts.quick_check = "ok" if found == ["ok"] else "; ".join(found)[:2000]
        _count_rows(connection, facts, started if budget else time.monotonic(), budget or _COUNT_BUDGET)
    except sqlite3.OperationalError as exc:
        facts.quick_check = facts.quick_check or (f"{NOT_RUN}: it would have held up writers" if budget else f"failed: {exc}")
    except sqlite3.Error as exc:
        facts.quick_check = f"failed: {exc}"
    finally:
        connection.set_progress_handler(None, 0)


def _count_rows(connection: sqlite3.Connection, facts: Facts, started: float, budget: float) -> None:
    """Rows of ordinary tables, in order of names, as far as the budget goes; virtual tables may lack their module."""
    connection.set_progress_handler(lambda: time.monotonic() - started > budget, 1000)
    query = "SELECT name FROM sqlite_master WHERE type='table' AND sql NOT LIKE 'CREATE VIRTUAL%' ORDER BY name"
    for table in [row[0] for row in connection.execute(query)]:
        if table.startswith("sqlite_") or "fts" in table or table.endswith(_SHADOWS):
            continue
        try:
            facts.rows[table] = connection.execute('SELECT count(*) FROM "%s"' % table.replace('"', '""')).fetchone()[0]
        except sqlite3.OperationalError:
            return
