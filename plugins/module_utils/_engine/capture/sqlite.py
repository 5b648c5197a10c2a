# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""Live SQLite databases: read whole and sound while others write, without stopping, blocking or changing anything.

WAL databases: a read transaction pins the database. While it is open, a checkpoint copies no frame beyond it into the
main file, and the WAL is not started anew unless all of it is in the main file already. So the main file as it is, with
the pages of the WAL up to the last commit of the pinned moment laid over it, is the database of that moment. The number of
frames is read from the WAL index (-shm) once the transaction is open; https://sqlite.org/walformat.html describes both.

Rollback-journal databases: read in slices, each under a shared lock of a few milliseconds; the change counter shows
whether a writer came in between, and then reading starts again, a small one in a single slice.

What SQLite cannot open without writing (a WAL without its index, a journal that has to be rolled back) and what a process
holds locked is read raw, main file and sidecars: if none of them changed meanwhile, they are what a crash would leave,
and the next one who opens them gets a sound database.

Closing any descriptor of a file drops this process's POSIX locks on it, SQLite's too. So every descriptor stays open
until the connection is closed, and nothing else may open these files meanwhile.
"""
from __future__ import annotations

import errno
import os
import sqlite3
import struct
import threading
import urllib.parse
from typing import Iterator

from . import content
from .content import MAGIC
from .sqlite_check import NOT_RUN, Facts, check
from .wal_overlay import HEADER_BYTES, MOST_FRAMES, SALTS, Overlay, Restarted

WAL, IDLE, ROLLBACK, RAW = "wal", "idle", "rollback", "raw"
SIDECARS = ("-wal", "-shm", "-journal")  # what SQLite keeps beside a database: belongs to it wherever it goes
_INDEX_HEADER = struct.Struct("=IIIBBHIIII8s8s")  # WalIndexHdr
_SLICE = 4 << 20  # bytes read under one lock
_WHOLE = 64 << 20  # bytes: a database of this size is read within a tenth of a second from the page cache
_CHECK_AT_MOST = 16 << 20  # bytes of a rollback database that is checked while its writers wait
_CHECK_WHILE_LOCKED = 0.03  # seconds that such a check may take
_WAIT = 2.0  # seconds that another process may hold a database locked before it is read raw


class Restart(Exception):
    """A writer changed the database while it was read: read it again from the start."""


def database_of(path: str) -> str | None:
    """The database, there or not, that SQLite would take a file of this name to belong to; None for other names."""
    base, dash, suffix = path.rpartition("-")
    return base if dash + suffix in SIDECARS else None


def signature(path: str) -> list[int] | None:
    """[size, mtime, ctime, inode] of a file, times in nanoseconds, or None where there is none."""
    try:
        found = os.stat(path, follow_symlinks=False)
    except OSError:
        return None
    return [found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino]


def sidecar_signature(path: str) -> list[int] | None:
    """[size, mtime, inode] of a WAL or journal, or None. Not its ctime: where root opens it, SQLite sets its owner each time."""
    found = signature(path)
    return found and [found[0], found[1], found[3]]


def page_size(header: bytes) -> int:
    """The page size that the first 100 bytes of a database tell, in bytes."""
    size = int.from_bytes(header[16:18], "big")
    return 65536 if size == 1 else size


def connect(path: str, option: str, wait: float = 5.0) -> sqlite3.Connection:
    """A connection that other threads may use one after the other. option: "mode=ro" or "immutable=1". wait: for locks, seconds."""
    name = urllib.parse.quote(os.fsencode(path))
    connection = sqlite3.connect(f"file:{name}?{option}", uri=True, isolation_level=None, timeout=wait, check_same_thread=False)
    # SQLite before 3.43 lacks it, and OpenClaw's schemas use it in constraints, which a check evaluates.
    connection.create_function("octet_length", 1, _octet_length, deterministic=True)
    return connection


def _octet_length(value):
    return None if value is None else len(value if isinstance(value, bytes) else str(value).encode())


def fold_log(connection: sqlite3.Connection) -> None:
    """Write a WAL into the main file, and leave it empty. sqlite3.Error, also where not all of it could be."""
    if connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
        raise sqlite3.OperationalError("its write-ahead log could not be folded in")


def remove_sidecars(path: str) -> None:
    """Remove what is beside a database that is closed and whose log is folded in. OSError."""
    for sidecar in (path + suffix for suffix in SIDECARS):
        if os.path.lexists(sidecar):
            os.unlink(sidecar)


class Database:
    """One database, pinned from construction until release(). Thread-safe only as documented. OSError: it cannot be read.

    blocks(), then wal_blocks() and journal_blocks(), give the content. facts() waits for the checks, which run on a thread
    of their own. firm: pin it even though nobody has it open, since somebody will before it is read: that leaves an index
    (-shm) beside it, as every program does that opens it.
    """

    def __init__(self, path: str, firm: bool = False) -> None:
        self.path, self._firm = path, firm
        self._lock = threading.Lock()
        self._descriptors: list[int] = []
        self._connection: sqlite3.Connection | None = None
        self._restarts, self._renewed = 0, False
        self._start()

    def _start(self) -> None:
        self._thread: threading.Thread | None = None
        self._uses = 1
        self._wal_length, self._wal_salt, self._checked_moment, self._laid_over = 0, b"", True, False
        for _attempt in range(3):
            self.before = signature(self.path)
            self.wal_before, self.journal_before = sidecar_signature(self.path + "-wal"), sidecar_signature(self.path + "-journal")
            try:
                self._main = self._open(self.path)
                header = os.pread(self._main, 100, 0)
                genuine = len(header) == 100 and header[:16] == MAGIC
                self._facts = Facts(self._mode(header) if genuine else RAW, page_size(header) if genuine else 0)
                self._try_to_pin()
                if self.before and os.fstat(self._main).st_ino == self.before[3] == (signature(self.path) or self.before)[3]:
                    return
            except BaseException:
                self._close()
                raise
            self._close()
        raise FileNotFoundError(errno.ENOENT, "it is replaced again and again")

    def renew(self) -> None:
        """Begin anew: what is read from now on is of a later moment than what else was pinned."""
        checked = self._thread is not None
        self.release()
        self._renewed = True
        self._start()
        if checked:
            self.start_checks()

    @property
    def mode(self) -> str:
        return self._facts.mode

    def _open(self, path: str) -> int:
        descriptor = content.open_file(path)
        self._descriptors.append(descriptor)
        return descriptor

    def _mode(self, header: bytes) -> str:
        if header[18] != 2 and header[19] != 2:
            return RAW if self.wal_before and self.wal_before[0] else ROLLBACK
        if self._firm or signature(self.path + "-shm") is not None:
            return WAL
        # Whoever has it open has an index beside it. To make one would leave it behind.
        return RAW if self.wal_before and self.wal_before[0] else IDLE

    def _try_to_pin(self) -> None:
        if self.mode == RAW:
            self._read_raw(f"{NOT_RUN}: it has to be recovered first" if self._facts.page_size else "its header is damaged")
            return
        try:
            self._pin()
        except (sqlite3.Error, OSError) as exc:
            # The bytes are still worth having. A lock, a journal to be rolled back or a missing right is no damage.
            harmless = isinstance(exc, (sqlite3.OperationalError, OSError))
            self._read_raw(f"{NOT_RUN if harmless else 'not opened'}: {exc}")

    def _read_raw(self, reason: str) -> None:
        self._facts.mode, self._facts.quick_check = RAW, reason
        self._wal_length = self.wal_before[0] if self.wal_before else 0
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _pin(self) -> None:
        self._connection = connect(self.path, "immutable=1" if self.mode == IDLE else "mode=ro", _WAIT)
        self._facts.user_version = self._connection.execute("PRAGMA user_version").fetchone()[0]
        self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if self.mode == WAL:
            self._index, self._wal = self._open(self.path + "-shm"), self._open(self.path + "-wal")
            self.pin_again()
            if self._index_is_stale():
                self._wal_length, self._wal_salt = os.fstat(self._wal).st_size, os.pread(self._wal, 8, SALTS)

    def pin_again(self) -> None:
        """Take a WAL database as of now. sqlite3.Error."""
        for _attempt in range(20):
            if self._connection.in_transaction:
                self._connection.execute("COMMIT")
            before = self.committed()
            self._connection.execute("BEGIN")
            self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            frames, self._wal_salt = self.committed()
            # What is checked inside the transaction is what is stored, unless a commit came between the two.
            self._checked_moment = before == (frames, self._wal_salt)
            if self._checked_moment:
                break
        self._wal_length = HEADER_BYTES + frames * (24 + self._facts.page_size) if frames else 0

    def _index_is_stale(self) -> bool:
        """Whether the index tells of another WAL than the one that is there: nobody could write the index after a crash.

        A writer who starts the WAL anew changes the index first.
        """
        return bool(self._wal_length) and os.pread(self._wal, 8, SALTS) != self._wal_salt and self.committed() == self.pinned()

    def pinned(self) -> tuple[int, bytes]:
        """(frames, salts) of the pinned moment, as committed() gives them."""
        frames = (self._wal_length - HEADER_BYTES) // (24 + self._facts.page_size) if self._wal_length else 0
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
        try:
            if self.mode != ROLLBACK:
                check(self._connection, self._facts)
            elif os.fstat(self._main).st_size > _CHECK_AT_MOST:
                self._facts.quick_check = f"{NOT_RUN}: it would have held up writers"
            else:
                for _block in content.blocks(self._main, _CHECK_AT_MOST):
                    pass  # from the disk into the cache, before writers have to wait for it
                check(self._connection, self._facts, _CHECK_WHILE_LOCKED)
        except OSError as exc:
            self._facts.quick_check = f"failed: {exc}"
        finally:
            self._let_go()

    def facts(self) -> Facts:
        """What was found out, once the checks are done."""
        if self._thread is not None:
            self._thread.join()
        if self.moved() or not self._checked_moment:
            self._facts.rows = {}  # they were counted at another moment
        return self._facts

    def blocks(self) -> Iterator[memoryview]:
        """The main file, block by block. Restart: renew(), then begin again (rollback-journal databases under a busy writer)."""
        if self.mode == ROLLBACK:
            yield from self._locked_slices()
            return
        overlay = self._overlay()
        self._laid_over = overlay is not None
        yield from overlay.blocks(self._main) if overlay else content.blocks(self._main, os.fstat(self._main).st_size)

    def _overlay(self) -> Overlay | None:
        """The WAL's pages where they can be laid over the main file; else the WAL has to be stored beside it, if it is needed."""
        frames, salts = self.pinned()
        if self.mode != WAL or not 0 < frames <= MOST_FRAMES or self.committed()[1] != salts:
            return None
        try:
            return Overlay(self._wal, frames, salts, self._facts.page_size)
        except (Restarted, ValueError):
            return None

    def _locked_slices(self) -> Iterator[memoryview]:
        size = os.fstat(self._main).st_size + _SLICE
        whole = self._restarts and size <= _WHOLE
        buffer, position, state = memoryview(bytearray(size if whole else _SLICE)), 0, None
        if self._thread is not None:
            self._thread.join()
        while True:
            try:
                with _SharedLock(self._connection):
                    now = os.pread(self._main, 28, 8), os.fstat(self._main).st_size
                    length = content.fill(self._main, buffer, position)
            except sqlite3.Error as exc:
                raise Restart() from exc
            if now[0][10:12] != b"\x01\x01" or state is not None and now != state:
                self._restarts += 1
                raise Restart()
            if not length:
                return
            state, position = now, position + length
            for start in range(0, length, content.BLOCK_BYTES):
                yield buffer[start:min(start + content.BLOCK_BYTES, length)]
            if whole and length < len(buffer):
                return

    def wal_blocks(self) -> Iterator[memoryview]:
        """The WAL up to the pinned commit; nothing where blocks() gave the whole database.

        Whoever uses it must discard what came if wal_is_whole() is false afterwards.
        """
        if not self._wal_length or self._laid_over:
            return
        if self.mode == RAW:
            self._wal = self._open(self.path + "-wal")
        yield from content.blocks(self._wal, self._wal_length)

    def wal_is_whole(self) -> bool:
        """Whether the WAL is still the pinned one. If it was started anew, all of it had been in the main file before."""
        return self.mode == RAW or os.pread(self._wal, 8, SALTS) == self._wal_salt

    def journal_blocks(self) -> Iterator[memoryview]:
        """The rollback journal, where it may have to be rolled back."""
        if self.mode == RAW and self.journal_before:
            yield from content.blocks(self._open(self.path + "-journal"), self.journal_before[0])

    def disturbed(self) -> bool:
        """Whether somebody changed a database that was read without a lock (idle or raw) while it was read."""
        if self.mode == IDLE:
            return signature(self.path) != self.before
        return self.mode == RAW and (
            signature(self.path) != self.before or sidecar_signature(self.path + "-wal") != self.wal_before
            or sidecar_signature(self.path + "-journal") != self.journal_before)

    def moved(self) -> bool:
        """Whether what was read may be of a later moment than the pins. To be asked when it has been read."""
        return self._renewed or self.mode != WAL and signature(self.path) != self.before

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


def pin_all(databases: list[Database], attempts: int = 50) -> bool:
    """Make all pins of one moment: True if no database was written between the first pin and the last.

    Gives up after so many attempts; each database is sound all the same.
    """
    for _attempt in range(attempts):
        # Had one been written after an earlier pin, its index would show a later commit now that all are pinned.
        late = [database for database in databases if database.mode == WAL and database.committed() != database.pinned()]
        if not late:
            return True
        for database in late:
            database.pin_again()
    return False
