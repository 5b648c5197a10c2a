# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""What restored databases still need: their WAL folded in, and a check that they are what was captured."""
from __future__ import annotations

import os
import sqlite3
from concurrent.futures import ThreadPoolExecutor

from .capture import sqlite, sqlite_check
from .repository.manifest import Entry
from .restore_tree import Tree
from .restore_write import Outcome

_JOURNAL_MAGIC = bytes.fromhex("d9d505f920a163d7")


def settle(entries: list[Entry], tree: Tree, outcome: Outcome) -> tuple[dict, int]:
    """Fold in and check the databases among these entries. Adds to outcome.failed.

    Returns ({path: [size, modified] of files that are no longer as the manifest has them}, how many were checked).
    """
    sidecars: dict[str, list[str]] = {}
    for entry in entries:
        if "part_of" in entry.database:
            sidecars.setdefault(entry.database["part_of"], []).append(entry.path)
    mains = [entry for entry in entries if _can_be_opened(entry.database)]
    folded: dict = {}

    def one(entry: Entry) -> None:
        reason = _settle_one(tree.outside_path(entry.path), entry, entry.path in sidecars)
        if reason:
            outcome.failed[entry.path] = reason
        if entry.path in sidecars:
            found = tree.lstat(entry.path)
            folded[entry.path] = [found.st_size, found.st_mtime_ns]
            folded.update(dict.fromkeys(sidecars[entry.path]))
    with ThreadPoolExecutor(2, "databases") as pool:
        list(pool.map(one, mains))
    return folded, len(mains)


def _can_be_opened(facts: dict) -> bool:
    """Not what was damaged when it was captured: that stays as it is. What a crash left is made sound by opening it."""
    if facts.get("mode") == sqlite.RAW:
        return not sqlite_check.is_damaged(facts["quick_check"])
    return facts.get("mode") in (sqlite.WAL, sqlite.IDLE, sqlite.ROLLBACK)


def _settle_one(path: str, entry: Entry, has_sidecars: bool) -> str:
    """Why a database is not what was captured, or nothing."""
    if has_sidecars and _names_another_file(path + "-journal"):
        return "its journal names another file, which SQLite would delete; it is left unopened"
    try:
        connection = sqlite.connect(path, "mode=rw" if has_sidecars else "immutable=1")
        try:
            if has_sidecars:
                _fold(connection)
            found = [row[0] for row in connection.execute("PRAGMA quick_check(3)")]
        finally:
            connection.close()
        if has_sidecars:
            for suffix in ("-wal", "-shm", "-journal"):
                if os.path.lexists(path + suffix):
                    os.unlink(path + suffix)
            os.utime(path, ns=(entry.modified, entry.modified))
    except (sqlite3.Error, OSError) as exc:
        found = [str(exc)]
    if found != ["ok"] and entry.database.get("quick_check") == "ok":
        return f"SQLite found it damaged: {found[0]}"
    return ""


def _names_another_file(journal: str) -> bool:
    """Whether a journal ends with the name of a super-journal (https://sqlite.org/fileformat2.html, 3; pager.c, readSuperJournal).

    When it rolls such a journal back, SQLite deletes the file of that name, wherever it is: a hostile state could have anything
    deleted where it is restored.
    """
    try:
        descriptor = os.open(journal, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    try:
        size = os.fstat(descriptor).st_size
        return size >= 16 and os.pread(descriptor, len(_JOURNAL_MAGIC), size - len(_JOURNAL_MAGIC)) == _JOURNAL_MAGIC
    finally:
        os.close(descriptor)


def _fold(connection: sqlite3.Connection) -> None:
    """Roll back what a journal undoes, and write a WAL into the main file. sqlite3.Error, also where not all of it could be."""
    connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
        raise sqlite3.OperationalError("its WAL could not be folded in")
