# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""Writes the content of files from frames as these arrive in any order, and checks every file against its digest."""
from __future__ import annotations

import os
import threading
from array import array
from dataclasses import dataclass, field
from typing import Callable

from . import dependencies
from .capture import content
from .errors import EngineError
from .packed_rows import PackedRows
from .repository.manifest import FILE, Entry
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
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def came(self, entry: Entry, refused: list[str]) -> None:
        """Note that a file is whole. Thread-safe, as fail() is."""
        with self.lock:
            self.files += 1
            self.bytes += entry.size
            if refused:
                self.refused[entry.path] = refused

    def fail(self, path: str, reason: str) -> bool:
        """Note why a file is not; whether that is news."""
        with self.lock:
            if path in self.failed:
                return False
            self.failed[path] = reason
            return True


@dataclass(frozen=True)
class Listener:
    """Whom a FileWriter tells: advance(bytes, files) of what is written, whole(path) of each file that is there, checked and closed."""

    advance: Callable[[int, int], None]
    whole: Callable[[str], None] = lambda path: None


class FileWriter:
    """Register files with add(), then hand it as consumer to a FrameReader. consume() is thread-safe.

    owner_of: gives (uid, gid) for an entry, or None where ownership cannot be kept.
    """

    def __init__(self, tree: Tree, tables: Tables, owner_of, outcome: Outcome, listener: Listener) -> None:
        self._outcome, self._listener = outcome, listener
        self._tree, self._tables, self._owner_of = tree, tables, owner_of
        self._rows = PackedRows()
        self._size, self._left, self._sparse, self._created = array("q"), array("q"), bytearray(), bytearray()
        # Pieces: what is neighbours in a frame and in a file. Those of one frame are chained, the last one first.
        self._last = array("i", b"\xff\xff\xff\xff" * len(tables.frame_pack))
        self._before, self._file, self._start, self._length = array("i"), array("I"), array("I"), array("I")
        self._offset = array("Q")
        self._open: dict[int, int] = {}
        self._users: dict[int, int] = {}  # how many threads write to an open one just now
        self._lock = threading.Lock()
        self._blake3 = dependencies.blake3()

    def add(self, entry: Entry, missing: frozenset[int] | None = None) -> None:
        """Register a file. An empty one is written at once. EngineError "target-…".

        missing: of a file that is in the tree already, which of its chunks, by position, are still to be written.
        """
        number = len(self._rows)
        size, left = self._add_pieces(number, entry, missing)
        if size != entry.size:
            self._outcome.fail(entry.path, "its chunks do not add up to its size")
            return
        xattrs = {name: value.decode("latin-1") for name, value in entry.xattrs.items()}
        self._rows.append([entry.path, entry.mode, entry.uid, entry.gid, entry.modified, entry.size, entry.digest, xattrs])
        self._size.append(entry.size)
        self._left.append(left)
        self._sparse.append(entry.sparse)
        self._created.append(missing is not None)
        if not entry.size:
            self._whole(number, b"")
        elif missing is not None:
            self._take_over(entry, left)

    def _take_over(self, entry: Entry, left: int) -> None:
        """A file that is there already, from an earlier restore that has checked it: whole, or to be completed."""
        descriptor = self._tree.open_file(entry.path, os.O_RDWR)
        try:
            os.ftruncate(descriptor, entry.size)
            if not left:
                self._complete(descriptor, entry)
        finally:
            os.close(descriptor)
        self._listener.advance(entry.size - left, 0 if left else 1)
        if not left:
            self._listener.whole(entry.path)

    def _add_pieces(self, number: int, entry: Entry, missing: frozenset[int] | None) -> tuple[int, int]:
        """Note where the content of a file comes from: (how long it is, how much of that is still to be written)."""
        frames, offsets, lengths = self._tables.chunk_frame, self._tables.chunk_offset, self._tables.chunk_length
        position, left, frame, start, end = 0, 0, -1, 0, 0
        for place, chunk in enumerate(numbers(entry.runs)):
            if missing is not None and place not in missing:
                wanted, begins = -1, 0
            else:
                wanted, begins = frames[chunk], offsets[chunk]
                left += lengths[chunk]
            if wanted != frame or begins != end or wanted < 0:
                self._add_piece(frame, number, start, end, position)
                frame, start, end = wanted, begins, begins
            end += lengths[chunk]
            position += lengths[chunk]
        self._add_piece(frame, number, start, end, position)
        return position, left

    def _add_piece(self, frame: int, number: int, start: int, end: int, position: int) -> None:
        """These bytes of a frame are what the file has before a position. A negative frame: it has that already."""
        if frame < 0:
            return
        self._before.append(self._last[frame])
        self._last[frame] = len(self._file)
        self._file.append(number)
        self._start.append(start)
        self._length.append(end - start)
        self._offset.append(position - (end - start))

    def frames(self) -> list[int]:
        """The frames that hold what the registered files need."""
        return [frame for frame, piece in enumerate(self._last) if piece >= 0]

    def consume(self, frame: int, plain: bytes | None, error: EngineError | None) -> None:
        """Write what a frame holds to wherever it belongs."""
        view = memoryview(plain) if plain is not None else None
        pieces, piece = [], self._last[frame]
        while piece >= 0:
            pieces.append(piece)
            piece = self._before[piece]
        for piece in reversed(pieces):
            number, start, length = self._file[piece], self._start[piece], self._length[piece]
            if view is None:
                self._fail(number, self._rows[number][0], error.message)
            elif self._size[number] == length:
                self._whole(number, view[start:start + length])
            else:
                self._part(number, self._offset[piece], view[start:start + length])

    def _entry(self, number: int) -> Entry:
        path, mode, uid, gid, modified, size, digest, xattrs = self._rows[number]
        values = {name: value.encode("latin-1") for name, value in xattrs.items()}
        return Entry(path, FILE, mode, uid, gid, modified, size=size, digest=digest, xattrs=values)

    def _fail(self, number: int, path: str, reason: str) -> None:
        if not self._outcome.fail(path, reason):
            return
        with self._lock:
            self._left[number] = -1
            descriptor = self._open.pop(number, -1)
            in_use = self._users.get(number)
        if descriptor >= 0 and not in_use:
            os.close(descriptor)
        # What is not whole must not look as if it were.
        self._tree.remove(path)

    def _whole(self, number: int, piece) -> None:
        """A file that came in one piece: written, checked and closed at once."""
        entry = self._entry(number)
        if self._blake3(piece).hexdigest() != entry.digest:
            self._fail(number, entry.path, "its content does not match its digest")
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
        self._listener.advance(entry.size, 1)
        self._listener.whole(entry.path)

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
            self._listener.advance(len(piece), 0)
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
            self._fail(number, entry.path, "its content does not match its digest")
        else:
            self._listener.advance(0, 1)
            self._listener.whole(entry.path)

    def _complete(self, descriptor: int, entry: Entry) -> None:
        refused: list[str] = []
        set_metadata(descriptor, entry, self._owner_of(entry), refused)
        self._outcome.came(entry, refused)


def _is_zero(piece) -> bool:
    """Whether a piece of a sparse file is a hole: what is not written stays one."""
    return not any(piece[:64]) and bytes(piece).count(0) == len(piece)


def _write_all(descriptor: int, piece, offset: int) -> None:
    view = memoryview(piece)
    while view:
        written = os.pwrite(descriptor, view, offset)
        view, offset = view[written:], offset + written
