# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""Turns one file on disk into an entry of a manifest, its content into chunks."""
from __future__ import annotations

import errno
import os
from typing import Callable, Iterable, Iterator

from . import dependencies
from .capture import content, sqlite
from .capture.walk import Row, omission_reason, row_of
from .repository.manifest import DIRECTORY, FILE, LINK, Entry
from .repository.tables import ID_BYTES, append_run, numbers
from .repository.writer import ChunkWriter

ATTEMPTS = 3
_TICK = 20_000_000  # nanoseconds: the coarsest clock that Linux stamps files with
_COARSE_TICK = 2_000_000_000  # of file systems that keep whole seconds
_CLOCKS_DIFFER = 3600 * 10**9  # nanoseconds that a file server's clock may be ahead


class Vanished(Exception):
    """The object cannot be in the snapshot. reason: the word for the list of omissions."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class FileStore:
    """Reads files and stores their chunks.

    chunk_key: keys the chunk ids. advance: told of every block's length, for progress. now: the wall clock, in seconds.
    """

    def __init__(self, writer: ChunkWriter, chunk_key: bytes, advance: Callable[[int], None], now: Callable[[], float]) -> None:
        self._writer, self._chunk_key, self._advance, self._now = writer, chunk_key, advance, now
        self._began = now()
        self._coarse = not content.stamps_are_fine()
        self._blake3 = dependencies.blake3()

    def plain(self, row: Row) -> Entry:
        """The entry of a directory or a symbolic link. Vanished."""
        try:
            if row.is_directory:
                return self._entry(row, DIRECTORY)
            entry = self._entry(row, LINK)
            entry.target = os.readlink(row.path)
            return entry
        except OSError as exc:
            raise Vanished(omission_reason(exc)) from exc

    def _entry(self, row: Row, kind: str) -> Entry:
        entry = Entry(row.path, kind, row.mode & 0o7777, row.uid, row.gid, row.modified, row.changed)
        entry.xattrs = content.extended_attributes(row.path)
        return entry

    def ordinary(self, row: Row, old: Entry | None) -> Entry:
        """The entry of an ordinary file, its content stored. unstable where it kept changing while it was read. Vanished."""
        try:
            descriptor = content.open_file(row.path)
        except OSError as exc:
            raise Vanished("became-a-link" if exc.errno == errno.ELOOP else omission_reason(exc)) from exc
        try:
            return self._read(row.path, descriptor, old)
        except OSError as exc:
            raise Vanished(omission_reason(exc)) from exc
        finally:
            os.close(descriptor)

    def _read(self, path: str, descriptor: int, old: Entry | None) -> Entry:
        for _attempt in range(ATTEMPTS):
            before = row_of(path, os.fstat(descriptor))
            if not before.is_file:
                raise Vanished("became-special")
            entry = self._entry(before, FILE)
            entry.changed, entry.inode = 0 if self._is_fresh(before.changed, self._now()) else before.changed, before.inode
            entry.sparse = before.blocks * 512 < before.size
            entry.chunk_size = content.chunk_size(before.size, False, old.chunk_size if old else 0)
            self.store(entry, content.blocks(descriptor, before.size, entry.sparse), old)
            if content.may_be_database(before.size) and content.begins_as_database(descriptor):
                break  # it became a database after the plan, and was not read as one must be
            after = row_of(path, os.fstat(descriptor))
            if after[5:8] == before[5:8] and entry.size == before.size:
                return entry
            if after.size > before.size and entry.size == before.size and self._stands(descriptor, entry):
                return entry  # a log that grows: its first part is whole, the rest comes next time
        entry.unstable = True
        return entry

    def _is_fresh(self, stamp: int, now: float) -> bool:
        """Whether a file is so fresh that one more change could leave it with the same time: the entry of such a file keeps
        no ctime, so that the next run reads it again. stamp in nanoseconds, now in seconds."""
        tick = _COARSE_TICK if stamp % 10**9 == 0 else _TICK if self._coarse else 0
        return bool(tick) and int(now * 10**9) - tick < stamp < int(now * 10**9) + _CLOCKS_DIFFER

    def _stands(self, descriptor: int, entry: Entry) -> bool:
        digest = self._blake3()
        for block in content.blocks(descriptor, entry.size, False):
            digest.update(block)
        return digest.hexdigest() == entry.digest

    def store(self, entry: Entry, blocks: Iterable[bytes], old: Entry | None) -> None:
        """Store content: fills in the entry's runs, size and digest. Where the parent has the same chunk at the same
        place, it is used without looking it up."""
        blake3, key, size, runs = self._blake3, self._chunk_key, entry.chunk_size, []
        before = self._numbers_before(entry, old)
        new, known = self._writer.new, self._writer.new.known
        ids, unusable = known.tables.chunk_ids, known.unusable
        digest, total = blake3(), 0
        for block in blocks:
            digest.update(block)
            total += len(block)
            view = memoryview(block)
            for start in range(0, len(block), size):
                piece = view[start:start + size]
                chunk_id = blake3(piece, key=key).digest(ID_BYTES)
                number = next(before, -1)
                if number >= 0 and ids[number * ID_BYTES:(number + 1) * ID_BYTES] == chunk_id and not unusable[number]:
                    append_run(runs, new.use(number))
                else:
                    append_run(runs, self._writer.add(chunk_id, piece))
            self._advance(len(block))
        entry.runs, entry.size, entry.digest = runs, total, digest.hexdigest()

    @staticmethod
    def _numbers_before(entry: Entry, old: Entry | None) -> Iterator[int]:
        if old is None or old.chunk_size != entry.chunk_size:
            return iter(())
        return numbers(old.runs)

    def database(self, row: Row, pinned: sqlite.Database, old: Entry | None) -> list[Entry]:
        """The entries of a database: its main file and what belongs to it, a WAL or a journal. Vanished."""
        try:
            for attempt in range(ATTEMPTS):
                if attempt:
                    pinned.renew()
                try:
                    entries = self._database(row, pinned, old)
                except sqlite.Restart:
                    continue
                entries[0].unstable = pinned.disturbed()
                if not entries[0].unstable or attempt == ATTEMPTS - 1:
                    return entries
        except OSError as exc:
            raise Vanished(omission_reason(exc)) from exc
        raise Vanished("changed-while-read")

    def _database(self, row: Row, pinned: sqlite.Database, old: Entry | None) -> list[Entry]:
        entry = self._entry(row, FILE)
        size, entry.modified, entry.changed, entry.inode = pinned.before or [row.size, row.modified, row.changed, row.inode]
        entry.chunk_size = content.chunk_size(size, True, old.chunk_size if old else 0)
        entry.database = {"disk_size": size, "wal": pinned.wal_before}
        if self._is_fresh(entry.changed, self._began) or pinned.wal_before and self._is_fresh(pinned.wal_before[1], self._began):
            entry.changed = 0
        self.store(entry, pinned.blocks(), old)
        wal = self._sidecar(entry, "-wal", pinned.wal_blocks())
        entries = [entry, wal] if wal.size and pinned.wal_is_whole() else [entry]
        journal = self._sidecar(entry, "-journal", pinned.journal_blocks())
        if journal.size:
            entry.database["journal"] = pinned.journal_before
            entries.append(journal)
        entry.database["sidecars"] = [sidecar.digest for sidecar in entries[1:]]
        return entries

    def _sidecar(self, entry: Entry, suffix: str, blocks: Iterable[bytes]) -> Entry:
        sidecar = Entry(entry.path + suffix, FILE, entry.mode, entry.uid, entry.gid, entry.modified, chunk_size=content.SMALL_CHUNK)
        sidecar.database = {"part_of": entry.path}
        self.store(sidecar, blocks, None)
        return sidecar
