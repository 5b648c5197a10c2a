# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""Live SQLite databases: read whole and sound while others write, without stopping, blocking or changing anything.

WAL databases: a read transaction pins the database. While it is open, a checkpoint copies no frame beyond it into the
main file, and the WAL is not started anew unless all of it is in the main file already. So the main file as it is, with
the WAL up to the last commit of the pinned moment, is the database of that moment. The number of frames is read from
the WAL index (-shm) once the transaction is open; https://sqlite.org/walformat.html describes both.

Rollback-journal databases: read in slices, each under a shared lock of a few milliseconds; the change counter shows
whether a writer came in between, and then reading starts again.

Closing any descriptor of a file drops this process's POSIX locks on it, SQLite's too. So every descriptor stays open
until the connection is closed, and nothing else may open these files meanwhile.
"""
from __future__ import annotations

import os
import sqlite3
import struct
import threading
import time
import urllib.parse
from dataclasses import dataclass, field
from typing import Iterator

from . import content
from .content import MAGIC

WAL, IDLE, ROLLBACK, RAW = "wal", "idle", "rollback", "raw"
_INDEX_HEADER = struct.Struct("=IIIBBHIIII8s8s")  # WalIndexHdr
_SLICE = 4 << 20  # bytes read under one lock
_CHECK_WHILE_LOCKED = 0.05  # seconds that a check may hold a rollback database's shared lock
_COUNT_BUDGET = 0.3  # seconds for row counts of one database


class Restart(Exception):
    """A writer changed a rollback-journal database between two slices: read it again from the start."""


def signature(path: str) -> list[int] | None:
    """[size, mtime, ctime, inode] of a file, times in nanoseconds, or None where there is none."""
    try:
        found = os.stat(path, follow_symlinks=False)
    except OSError:
        return None
    return [found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino]


def page_size(header: bytes) -> int:
    """The page size that the first 100 bytes of a database tell, in bytes."""
    size = int.from_bytes(header[16:18], "big")
    return 65536 if size == 1 else size


def connect(path: str, option: str) -> sqlite3.Connection:
    """A read-only connection that other threads may use one after the other. option: "mode=ro" or "immutable=1"."""
    name = urllib.parse.quote(os.fsencode(path))
    connection = sqlite3.connect(f"file:{name}?{option}", uri=True, isolation_level=None, timeout=5.0, check_same_thread=False)
    # SQLite before 3.43 lacks it, and OpenClaw's schemas use it in constraints, which a check evaluates.
    connection.create_function("octet_length", 1, _octet_length, deterministic=True)
    return connection


def _octet_length(value):
    return None if value is None else len(value if isinstance(value, bytes) else str(value).encode())


@dataclass
class Facts:
    """What was found out about a database. quick_check: "ok", or what is wrong, or why it was not run."""

    mode: str
    page_size: int = 0
    user_version: int = 0
    quick_check: str = ""
    rows: dict[str, int] = field(default_factory=dict)


class Database:
    """One database, pinned from construction until release(). Thread-safe only as documented.

    blocks() and wal_blocks() give the content. facts() waits for the checks, which run on a thread of their own.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.before = signature(path)
        self.wal_before = signature(path + "-wal")
        self._descriptors: list[int] = []
        self._connection: sqlite3.Connection | None = None
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._uses = 1
        self._wal_length = 0
        self._wal_salt = b""
        self._main = self._open(path)
        header = os.pread(self._main, 100, 0)
        self._facts = Facts(self._mode(header), page_size(header) if len(header) >= 100 else 0)
        try:
            self._pin()
        except (sqlite3.Error, OSError) as exc:
            # Damaged, a hot journal, or no permission for the WAL index: the bytes are still worth having.
            self._fall_back(f"not opened: {exc}")

    @property
    def mode(self) -> str:
        return self._facts.mode

    def _open(self, path: str) -> int:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._descriptors.append(descriptor)
        return descriptor

    def _mode(self, header: bytes) -> str:
        if len(header) < 100 or header[:16] != MAGIC:
            return RAW
        if header[18] != 2 and header[19] != 2:
            return ROLLBACK
        if self.wal_before is None and signature(self.path + "-shm") is None:
            return IDLE
        return WAL

    def _fall_back(self, reason: str) -> None:
        self._facts.mode, self._facts.quick_check = RAW, reason
        if self.wal_before and self.wal_before[0]:
            self._wal_length = self.wal_before[0]

    def _pin(self) -> None:
        if self.mode == RAW:
            self._fall_back("its header is damaged")
            return
        self._connection = connect(self.path, "immutable=1" if self.mode == IDLE else "mode=ro")
        self._facts.user_version = self._connection.execute("PRAGMA user_version").fetchone()[0]
        if self.mode == WAL:
            self._index = self._open(self.path + "-shm")
            self.pin_again()

    def pin_again(self) -> None:
        """Take a WAL database as of now. sqlite3.Error."""
        if self.mode != WAL:
            return
        if self._connection.in_transaction:
            self._connection.execute("COMMIT")
        self._connection.execute("BEGIN")
        self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        frames, self._wal_salt = self.committed()
        self._wal_length = 32 + frames * (24 + self._facts.page_size) if frames else 0

    def pinned(self) -> tuple[int, bytes]:
        """(frames, salts) of the pinned moment, as committed() gives them."""
        frames = (self._wal_length - 32) // (24 + self._facts.page_size) if self._wal_length else 0
        return frames, self._wal_salt

    def committed(self) -> tuple[int, bytes]:
        """(frames in the WAL up to the last commit, the WAL's salts), as of now."""
        while True:
            both = os.pread(self._index, 2 * _INDEX_HEADER.size, 0)
            if len(both) < 2 * _INDEX_HEADER.size:
                return 0, b""
            first, second = both[:_INDEX_HEADER.size], both[_INDEX_HEADER.size:]
            if first == second:
                fields = _INDEX_HEADER.unpack(first)
                return fields[6], fields[10]

    def start_checks(self) -> None:
        """Begin quick_check and row counts on a thread, inside the pinned transaction."""
        if self._connection is not None and self._thread is None:
            self._uses += 1
            self._thread = threading.Thread(target=self._check, name="quick_check", daemon=True)
            self._thread.start()

    def _check(self) -> None:
        connection, started = self._connection, time.monotonic()
        budget = _CHECK_WHILE_LOCKED if self.mode == ROLLBACK else None
        if budget:
            connection.set_progress_handler(lambda: time.monotonic() - started > budget, 1000)
        try:
            found = [row[0] for row in connection.execute("PRAGMA quick_check(10)")]
            self._facts.quick_check = "ok" if found == ["ok"] else "; ".join(found)[:2000]
            self._count_rows(started if budget else time.monotonic(), budget or _COUNT_BUDGET)
        except sqlite3.OperationalError as exc:
            self._facts.quick_check = self._facts.quick_check or ("not run: it would have held up writers" if budget else f"failed: {exc}")
        except sqlite3.Error as exc:
            self._facts.quick_check = f"failed: {exc}"
        finally:
            connection.set_progress_handler(None, 0)
            self._let_go()

    def _count_rows(self, started: float, budget: float) -> None:
        """Rows of ordinary tables, smallest names first, as far as the budget goes; virtual tables may lack their module."""
        connection = self._connection
        connection.set_progress_handler(lambda: time.monotonic() - started > budget, 1000)
        tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type='table' AND sql NOT LIKE 'CREATE VIRTUAL%' ORDER BY name")]
        shadows = ("_data", "_idx", "_content", "_docsize", "_config", "_chunks", "_rowids")
        for table in tables:
            if table.startswith("sqlite_") or "fts" in table or table.endswith(shadows):
                continue
            try:
                self._facts.rows[table] = connection.execute('SELECT count(*) FROM "%s"' % table.replace('"', '""')).fetchone()[0]
            except sqlite3.OperationalError:
                return

    def facts(self) -> Facts:
        """What was found out, once the checks are done."""
        if self._thread is not None:
            self._thread.join()
        return self._facts

    def blocks(self) -> Iterator[memoryview]:
        """The main file, block by block. Restart: begin again (rollback-journal databases under a busy writer)."""
        if self.mode == ROLLBACK:
            yield from self._locked_slices()
            return
        yield from content.blocks(self._main, os.fstat(self._main).st_size)

    def _locked_slices(self) -> Iterator[memoryview]:
        buffer, position, counter = memoryview(bytearray(_SLICE)), 0, None
        while True:
            with self._shared_lock():
                now = os.pread(self._main, 12, 24), os.fstat(self._main).st_size
                length = content.fill(self._main, buffer, position)
            if counter is not None and now != counter:
                raise Restart()
            if not length:
                return
            counter, position = now, position + length
            for start in range(0, length, content.BLOCK_BYTES):
                yield buffer[start:min(start + content.BLOCK_BYTES, length)]

    def _shared_lock(self):
        if self._thread is not None:
            self._thread.join()
        return _SharedLock(self._connection)

    def wal_blocks(self) -> Iterator[memoryview]:
        """The WAL up to the pinned commit; nothing where the main file is the whole database.

        Whoever uses it must discard what came if wal_is_whole() is false afterwards.
        """
        if not self._wal_length:
            return
        self._wal = self._open(self.path + "-wal")
        yield from content.blocks(self._wal, self._wal_length)

    def wal_is_whole(self) -> bool:
        """Whether the WAL is still the pinned one. If it was started anew, all of it had been in the main file before."""
        return self.mode == RAW or os.pread(self._wal, 8, 16) == self._wal_salt

    def disturbed(self) -> bool:
        """Whether somebody changed a database that was read without a lock (idle or raw) while it was read."""
        if self.mode not in (IDLE, RAW):
            return False
        return signature(self.path) != self.before or signature(self.path + "-wal") != self.wal_before

    def done_reading(self) -> None:
        """The content has been read: end the transaction as soon as the checks are done too."""
        self._let_go()

    def _let_go(self) -> None:
        with self._lock:
            self._uses -= 1
            if self._uses == 0:
                self._close()

    def release(self) -> None:
        """End the transaction now, whatever is still under way."""
        with self._lock:
            if self._thread is not None and self._connection is not None:
                self._connection.interrupt()
        if self._thread is not None:
            self._thread.join()
        with self._lock:
            self._close()

    def _close(self) -> None:
        """The connection first: closing a descriptor before would drop its locks."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        while self._descriptors:
            os.close(self._descriptors.pop())


class _SharedLock:
    """SQLite's SHARED lock on a rollback-journal database, held for the length of a with block."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __enter__(self) -> None:
        self._connection.execute("BEGIN")
        self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone()

    def __exit__(self, *_exc) -> None:
        self._connection.execute("COMMIT")


def pin_all(databases: list[Database], attempts: int = 20) -> bool:
    """Make all pins of one moment: True if no database was written between the first pin and the last.

    Gives up after so many attempts; each database is sound all the same.
    """
    live = [database for database in databases if database.mode == WAL]
    for _attempt in range(attempts):
        for database in live:
            database.pin_again()
        # Had one been written after an earlier pin, its index would show a later commit now that all are pinned.
        if all(database.committed() == database.pinned() for database in live):
            return True
    return not live
