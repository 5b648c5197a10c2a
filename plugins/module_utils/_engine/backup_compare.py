# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""Which files changed since the parent snapshot: what is on disk beside what the parent's manifest says, in one pass."""
from __future__ import annotations

import os
from typing import Iterator

from .capture import sqlite
from .capture.walk import Row, Scan, order_key, row_of
from .repository.manifest import DIRECTORY, FILE, HARD_LINK, LINK, Entry, Manifest


def pair(scan: Scan, parent: Manifest | None) -> Iterator[tuple[Row | None, Entry | None]]:
    """Every row with the parent's entry of the same path; None where one side has nothing. Both sides are in walk order."""
    entries = parent.entries() if parent else iter(())
    entry = next(entries, None)
    entry_key = order_key(entry.path) if entry else ""
    for row in scan.rows():
        key = order_key(row.path)
        while entry is not None and entry_key < key:
            yield None, entry
            entry = next(entries, None)
            entry_key = order_key(entry.path) if entry else ""
        if entry is not None and entry_key == key:
            yield row, entry
            entry = next(entries, None)
            entry_key = order_key(entry.path) if entry else ""
        else:
            yield row, None
    while entry is not None:
        yield None, entry
        entry = next(entries, None)


def same(row: Row, entry: Entry) -> bool:
    """Whether the file need not be read: size, times, inode, ownership and mode are those of the parent's entry.

    A database's WAL belongs to it: what changed only there changed the database.
    """
    if row.mode & 0o7777 != entry.mode or row.uid != entry.uid or row.gid != entry.gid:
        return False
    if row.is_directory:
        return entry.type == DIRECTORY and row.modified == entry.modified and row.changed == entry.changed
    if not row.is_file:
        return entry.type == LINK and row.modified == entry.modified and row.changed == entry.changed
    if entry.type == HARD_LINK:
        return row.links > 1 and row.modified == entry.modified
    if entry.type != FILE or entry.unstable or row.modified != entry.modified or row.changed != entry.changed or row.inode != entry.inode:
        return False
    if entry.database is None:
        return row.size == entry.size
    return row.size == entry.database.get("disk_size") and _same_sidecars(row.path, entry)


def _same_sidecars(path: str, entry: Entry) -> bool:
    """A journal counts where it was stored with the database: it was not rolled back then."""
    if sqlite.sidecar_signature(path + "-wal") != entry.database.get("wal"):
        return False
    return "journal" not in entry.database or sqlite.sidecar_signature(path + "-journal") == entry.database["journal"]


def still_same(path: str, entry: Entry) -> bool:
    """Whether a database that was the same when the walk found it is so now."""
    try:
        return same(row_of(path, os.lstat(path)), entry)
    except OSError:
        return False


def same_but_for_the_clock(old: Entry, new: Entry) -> bool:
    """Whether a file that was read again is what it was: everything but inode and ctime is equal."""
    return (
        old.type == new.type and old.mode == new.mode and old.uid == new.uid and old.gid == new.gid and old.size == new.size
        and old.modified == new.modified and old.digest == new.digest and old.target == new.target and old.xattrs == new.xattrs
        and all((old.database or {}).get(fact) == (new.database or {}).get(fact) for fact in ("quick_check", "sidecars")))
