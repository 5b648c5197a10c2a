# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""What restored databases still need: their WAL folded in, and a check that they are what was captured."""
from __future__ import annotations

import os
import sqlite3
import threading
from concurrent.futures import Future, ThreadPoolExecutor

from .capture import sqlite, sqlite_check
from .repository.manifest import Entry
from .restore_tree import Tree
from .restore_write import Outcome

_JOURNAL_MAGIC = bytes.fromhex("d9d505f920a163d7")


class Settler:
    """Checks each database as soon as it is there, and folds in its log. A context manager.

    One that has a log is opened for writing, and SQLite then heeds whatever lies beside it. So it waits for its log, and until
    the whole manifest was seen; where that has another file of such a name, not called a journal, it waits for the last file.

    entries: of the databases, their logs and journals among them. Adds to outcome.failed.
    changed: {path: [size, modified], or None where it is gone} of files that are no longer as the manifest has them.
    """

    def __init__(self, entries: list[Entry], tree: Tree, outcome: Outcome) -> None:
        self._tree, self._outcome = tree, outcome
        self._waiting: dict[str, Entry] = {}
        self._missing: dict[str, set[str]] = {}
        self._sidecars: dict[str, list[str]] = {}
        for entry in entries:
            owner = entry.database.get("part_of", entry.path)
            self._missing.setdefault(owner, set()).add(entry.path)
            if owner != entry.path:
                self._sidecars.setdefault(owner, []).append(entry.path)
            elif _can_be_opened(entry.database):
                self._waiting[owner] = entry
        self._owners = {path: owner for owner, paths in self._missing.items() for path in paths}
        self._crowded: set[str] = set()
        self._all_named = False
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(2, "databases")
        self._futures: list[Future] = []
        self.changed: dict[str, list[int] | None] = {}

    def __enter__(self) -> Settler:
        return self

    def __exit__(self, *_exc) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def named(self, path: str) -> None:
        """The manifest has this file. Any path will do, those of databases too."""
        base = sqlite.database_of(path)
        if base is not None and self._owners.get(path) != base:
            self._crowded.add(base)

    def all_named(self) -> None:
        """It has no others."""
        with self._lock:
            self._all_named = True
            for owner in [path for path in self._waiting if self._is_ready(path)]:
                self._submit(owner)

    def _is_ready(self, owner: str) -> bool:
        if self._missing[owner]:
            return False
        return owner not in self._sidecars or self._all_named and owner not in self._crowded

    def arrived(self, path: str) -> None:
        """This file is there. Thread-safe; any path will do."""
        owner = self._owners.get(path)
        if owner is None:
            return
        with self._lock:
            self._missing[owner].discard(path)
            if self._is_ready(owner):
                self._submit(owner)

    def _submit(self, owner: str) -> None:
        """Settle it, with those of its sidecars that are there."""
        entry = self._waiting.pop(owner, None)
        if entry is not None:
            sidecars = [path for path in self._sidecars.get(owner, []) if path not in self._missing[owner]]
            self._futures.append(self._pool.submit(self._settle, entry, sidecars))

    def finish(self) -> int:
        """Once no more will arrive: wait for what is under way; how many were checked. One whose log failed is checked without."""
        with self._lock:
            for owner in [path for path in self._waiting if path not in self._outcome.failed]:
                self._submit(owner)
        for future in self._futures:
            future.result()
        return len(self._futures)

    def _settle(self, entry: Entry, sidecars: list[str]) -> None:
        reason = _settle_one(self._tree.outside_path(entry.path), entry, bool(sidecars))
        if reason:
            self._outcome.fail(entry.path, reason)
        if sidecars:
            found = self._tree.lstat(entry.path)
            with self._lock:
                self.changed[entry.path] = [found.st_size, found.st_mtime_ns]
                self.changed.update(dict.fromkeys(sidecars))


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
                connection.execute("PRAGMA synchronous=OFF")  # nothing here is on the disk yet, nor needs to be
                connection.execute("SELECT count(*) FROM sqlite_master").fetchone()  # rolls back what a journal undoes
                sqlite.fold_log(connection)
            found = [row[0] for row in connection.execute("PRAGMA quick_check(3)")]
        finally:
            connection.close()
        if has_sidecars:
            sqlite.remove_sidecars(path)
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
