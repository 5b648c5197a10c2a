# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""Writes the content of files from frames as these arrive in any order, and checks every file against its digest."""
from __future__ import annotations

import os
import threading
from array import array
from dataclasses import dataclass, field

from . import dependencies
from .capture import content
from .errors import EngineError
from .packed_lines import PackedLines
from .repository.manifest import Entry, entry_of_line
from .repository.tables import Tables, numbers
from .restore_tree import Tree, set_metadata, target_error

_OPEN_FILES = 200


@dataclass
class Outcome:
    """What came of the files. failed: path to reason. refused: path to the attributes that the target did not take."""

    files: int = 0
    bytes: int = 0
    failed: dict[str, str] = field(default_factory=dict)
    refused: dict[str, list[str]] = field(default_factory=dict)


class FileWriter:
    """Register files with add(), then hand it as consumer to a FrameReader. consume() is thread-safe.

    owner_of: gives (uid, gid) for an entry, or None where ownership cannot be kept. outcome: where to note what came of the files.
    """

    def __init__(self, tree: Tree, tables: Tables, owner_of, advance, outcome: Outcome | None = None) -> None:
        self.outcome = outcome or Outcome()
        self._tree, self._tables, self._owner_of, self._advance = tree, tables, owner_of, advance
        self._lines = PackedLines()
        self._size, self._left, self._sparse = array("q"), array("q"), bytearray()
        self._created, self._database = bytearray(), bytearray()
        self._head = array("i", b"\xff\xff\xff\xff" * tables.chunk_count)
        self._next, self._file, self._offset = array("i"), array("I"), array("Q")
        self._open: dict[int, int] = {}
        self._users: dict[int, int] = {}  # how many threads write to an open one just now
        self._lock = threading.Lock()
        self._blake3 = dependencies.blake3()
        self._chunks_of: dict[int, list[int]] = {}

    def add(self, entry: Entry, line: bytes, missing: frozenset[int] | None = None) -> None:
        """Register a file. An empty one is written at once. EngineError "repository-damaged", "target-…".

        missing: of a file that is in the tree already, which of its chunks, by position, are still to be written.
        """
        number, position, left, tables = len(self._lines), 0, 0, self._tables
        for place, chunk in enumerate(numbers(entry.runs)):
            if missing is None or place in missing:
                self._next.append(self._head[chunk])
                self._head[chunk] = len(self._next) - 1
                self._file.append(number)
                self._offset.append(position)
                left += tables.chunk_length[chunk]
            position += tables.chunk_length[chunk]
        if position != entry.size:
            self.outcome.failed[entry.path] = "its chunks do not add up to its size"
            return
        self._lines.append(line)
        self._size.append(entry.size)
        self._left.append(left)
        self._sparse.append(entry.sparse)
        self._database.append(entry.database is not None)
        self._created.append(missing is not None)
        if not entry.size:
            self._whole(number, b"")
        elif missing is not None:
            self._take_over(number, entry, left)

    def _take_over(self, number: int, entry: Entry, left: int) -> None:
        """A file that is there already, from an earlier restore that has checked it: whole, or to be completed."""
        descriptor = self._tree.open_file(entry.path, os.O_RDWR)
        try:
            os.ftruncate(descriptor, entry.size)
            if not left:
                self._complete(descriptor, entry)
        finally:
            os.close(descriptor)
        self._advance(entry.size - left, 0 if left else 1)

    def frames(self) -> tuple[list[int], list[int]]:
        """The frames that hold what the registered files need: (those with content of databases, the others).

        Call once, after the last add().
        """
        early: dict[int, None] = {}
        for chunk, place in enumerate(self._head):
            if place >= 0:
                frame = self._tables.chunk_frame[chunk]
                self._chunks_of.setdefault(frame, []).append(chunk)
                while place >= 0 and frame not in early:
                    if self._database[self._file[place]]:
                        early[frame] = None
                    place = self._next[place]
        return list(early), [frame for frame in self._chunks_of if frame not in early]

    def consume(self, frame: int, plain: bytes | None, error: EngineError | None) -> None:
        """Write what a frame holds to wherever it belongs: neighbours in frame and file with one call."""
        tables, view = self._tables, memoryview(plain) if plain is not None else None
        number = offset = start = length = -1
        for chunk in self._chunks_of.pop(frame, ()):
            chunk_start, chunk_length, place = tables.chunk_offset[chunk], tables.chunk_length[chunk], self._head[chunk]
            while place >= 0:
                if self._file[place] == number and self._offset[place] == offset + length and chunk_start == start + length:
                    length += chunk_length
                else:
                    if number >= 0:
                        self._put(number, offset, view, start, length, error)
                    number, offset, start, length = self._file[place], self._offset[place], chunk_start, chunk_length
                place = self._next[place]
        if number >= 0:
            self._put(number, offset, view, start, length, error)

    def _put(self, number: int, offset: int, view, start: int, length: int, error: EngineError | None) -> None:
        if view is None:
            self._fail(number, error.message)
        elif self._size[number] == length:
            self._whole(number, view[start:start + length])
        else:
            self._part(number, offset, view[start:start + length])

    def _entry(self, number: int) -> Entry:
        return entry_of_line(self._lines[number])

    def _fail(self, number: int, reason: str) -> None:
        entry = self._entry(number)
        with self._lock:
            if entry.path in self.outcome.failed:
                return
            self.outcome.failed[entry.path] = reason
            self._left[number] = -1
            descriptor = self._open.pop(number, -1)
            in_use = self._users.get(number)
        if descriptor >= 0 and not in_use:
            os.close(descriptor)
        # What is not whole must not look as if it were.
        self._tree.remove(entry.path)

    def _whole(self, number: int, piece) -> None:
        """A file that came in one piece: written, checked and closed at once."""
        entry = self._entry(number)
        if self._blake3(piece).hexdigest() != entry.digest:
            self._fail(number, "its content does not match its digest")
            return
        try:
            descriptor = self._tree.open_file(entry.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
            try:
                _write_all(descriptor, piece, 0)
                self._complete(descriptor, entry)
            finally:
                os.close(descriptor)
        except OSError as exc:
            raise target_error(exc, self._tree.outside_path(entry.path)) from exc
        self._left[number] = 0
        self._advance(entry.size, 1)

    def _part(self, number: int, offset: int, piece) -> None:
        try:
            descriptor, keep = self._descriptor(number)
            if descriptor < 0:
                return
            last, done = False, 0
            try:
                if not (self._sparse[number] and _is_zero(piece)):
                    _write_all(descriptor, piece, offset)
                done = len(piece)
            finally:
                last = self._let_go(number, descriptor, keep, done)
            self._advance(len(piece), 0)
            if last:
                self._finish(number)
        except OSError as exc:
            raise target_error(exc, self._tree.outside_path(self._entry(number).path)) from exc

    def _let_go(self, number: int, descriptor: int, keep: bool, done: int) -> bool:
        """Note that so many bytes of a file are written; whether they were the last.

        A descriptor is closed when its last user is done: its number may be another file's at once, and must not be written to.
        """
        with self._lock:
            self._left[number] -= done
            if keep:
                self._users[number] -= 1
                keep = self._users[number] > 0 or number in self._open
                if not self._users[number]:
                    del self._users[number]
            last = self._left[number] == 0
        if not keep:
            os.close(descriptor)
        return last

    def _descriptor(self, number: int) -> tuple[int, bool]:
        """(descriptor, whether it stays open) of a file in the making; -1 where it has failed before."""
        with self._lock:
            if self._left[number] < 0:
                return -1, True
            if number in self._open:
                self._users[number] = self._users.get(number, 0) + 1
                return self._open[number], True
            entry = self._entry(number)
            descriptor = self._tree.open_file(entry.path, os.O_RDWR | (0 if self._created[number] else os.O_CREAT | os.O_EXCL))
            if not self._created[number]:
                self._created[number] = 1
                os.ftruncate(descriptor, entry.size)
            if len(self._open) >= _OPEN_FILES:
                return descriptor, False
            self._open[number] = descriptor
            self._users[number] = 1
            return descriptor, True

    def _finish(self, number: int) -> None:
        """All pieces are there: read the file again as it now is, and compare."""
        entry = self._entry(number)
        with self._lock:
            descriptor = self._open.pop(number, -1)
        if descriptor < 0:
            descriptor = self._tree.open_file(entry.path, os.O_RDWR)
        digest = self._blake3()
        for block in content.blocks(descriptor, entry.size):
            digest.update(block)
        whole = digest.hexdigest() == entry.digest
        if whole:
            self._complete(descriptor, entry)
        os.close(descriptor)
        if not whole:
            self._fail(number, "its content does not match its digest")
        else:
            self._advance(0, 1)

    def _complete(self, descriptor: int, entry: Entry) -> None:
        refused: list[str] = []
        set_metadata(descriptor, entry, self._owner_of(entry), refused)
        with self._lock:
            self.outcome.files += 1
            self.outcome.bytes += entry.size
            if refused:
                self.outcome.refused[entry.path] = refused


def _is_zero(piece) -> bool:
    """Whether a piece of a sparse file is a hole: what is not written stays one."""
    return not any(piece[:64]) and bytes(piece).count(0) == len(piece)


def _write_all(descriptor: int, piece, offset: int) -> None:
    view = memoryview(piece)
    while view:
        written = os.pwrite(descriptor, view, offset)
        view, offset = view[written:], offset + written
