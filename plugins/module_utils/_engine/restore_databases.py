# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""What restored databases still need: their WAL folded in, and a check that they are what was captured."""
from __future__ import annotations

import os
import sqlite3
from concurrent.futures import ThreadPoolExecutor

from .capture import sqlite
from .repository.manifest import Entry
from .restore_tree import Tree
from .restore_write import Outcome


def settle(entries: list[Entry], tree: Tree, outcome: Outcome) -> tuple[dict, int]:
    """Fold in and check the databases among these entries. Adds to outcome.failed.

    Returns ({path: [size, modified] of files that are no longer as the manifest has them}, how many were checked).
    """
    wals = {entry.database["part_of"]: entry.path for entry in entries if "part_of" in entry.database}
    mains = [entry for entry in entries if entry.database.get("mode") in (sqlite.WAL, sqlite.IDLE, sqlite.ROLLBACK)]
    folded: dict = {}

    def one(entry: Entry) -> None:
        wal = wals.get(entry.path)
        reason = _settle_one(tree.outside_path(entry.path), entry, wal is not None)
        if reason:
            outcome.failed[entry.path] = reason
        if wal is not None:
            found = tree.lstat(entry.path)
            folded[entry.path] = [found.st_size, found.st_mtime_ns]
            folded[wal] = None
    with ThreadPoolExecutor(2, "databases") as pool:
        list(pool.map(one, mains))
    return folded, len(mains)


def _settle_one(path: str, entry: Entry, has_wal: bool) -> str:
    """Why a database is not what was captured, or nothing."""
    try:
        connection = sqlite.connect(path, "mode=rw" if has_wal else "immutable=1")
        try:
            if has_wal:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            found = [row[0] for row in connection.execute("PRAGMA quick_check(3)")]
        finally:
            connection.close()
        if has_wal:
            for suffix in ("-wal", "-shm"):
                if os.path.lexists(path + suffix):
                    os.unlink(path + suffix)
            os.utime(path, ns=(entry.modified, entry.modified))
    except (sqlite3.Error, OSError) as exc:
        found = [str(exc)]
    if found != ["ok"] and entry.database.get("quick_check") == "ok":
        return f"SQLite found it damaged: {found[0]}"
    return ""
