# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""Where chunks are: tables of chunks, frames and packs, held in columns because there may be a million rows.

A chunk has a number: its row. A file's content is a list of runs of chunk numbers (Run).
"""
from __future__ import annotations

import sys
from array import array
from dataclasses import dataclass, field
from typing import Iterable, Iterator, NamedTuple

ID_BYTES = 16
NONE = 0xFFFFFFFF
MAXIMUM_CHUNK = 1 << 20
MAXIMUM_FRAME = 16 << 20
MAXIMUM_STORED_FRAME = MAXIMUM_FRAME + (1 << 17)  # what does not compress grows a little, and has a tag
MAXIMUM_PACK = 1 << 32  # offsets have 32 bits


class Run(NamedTuple):
    """count chunk numbers from first on, each step more than the one before: step 0 repeats one chunk."""

    first: int
    count: int
    step: int = 1


def numbers(runs: Iterable[Run]) -> Iterator[int]:
    """The chunk numbers of runs, in order."""
    for first, count, step in runs:
        if step:
            yield from range(first, first + count)
        else:
            for _repeat in range(count):
                yield first


def append_run(runs: list[Run], first: int, count: int = 1) -> None:
    """Add count consecutive chunk numbers to runs, joining them to the last run where that is possible."""
    if runs:
        last = runs[-1]
        if last.step and first == last.first + last.count:
            runs[-1] = Run(last.first, last.count + count)
            return
        if count == 1 and first == last.first and (last.count == 1 or not last.step):
            runs[-1] = Run(first, last.count + 1, 0)
            return
    runs.append(Run(first, count))


class Pack(NamedTuple):
    """A stored pack: its id, its size in bytes, and the number of the sealed data key that its own key comes from."""

    pack: str
    size: int
    key: int


def _column() -> array:
    return array("I")


@dataclass
class Tables:
    """Rows of chunks, frames, packs and sealed data keys. Offsets and lengths in bytes; stored: as in the pack."""

    chunk_ids: bytearray = field(default_factory=bytearray)
    chunk_frame: array = field(default_factory=_column)
    chunk_offset: array = field(default_factory=_column)
    chunk_length: array = field(default_factory=_column)
    frame_pack: array = field(default_factory=_column)
    frame_ordinal: array = field(default_factory=_column)
    frame_offset: array = field(default_factory=_column)
    frame_stored: array = field(default_factory=_column)
    frame_length: array = field(default_factory=_column)
    packs: list[Pack] = field(default_factory=list)
    keys: list[bytes] = field(default_factory=list)

    @property
    def chunk_count(self) -> int:
        return len(self.chunk_frame)

    def chunk_id(self, number: int) -> bytes:
        """The id of a chunk."""
        return bytes(self.chunk_ids[number * ID_BYTES:(number + 1) * ID_BYTES])

    def add_chunk(self, chunk_id: bytes, frame: int, offset: int, length: int) -> int:
        """Append a chunk and give its number."""
        self.chunk_ids += chunk_id
        self.chunk_frame.append(frame)
        self.chunk_offset.append(offset)
        self.chunk_length.append(length)
        return len(self.chunk_frame) - 1

    def add_frame(self, pack: int = NONE, ordinal: int = 0, offset: int = 0, stored: int = 0, length: int = 0) -> int:
        """Append a frame, of which only the number may be known yet."""
        self.frame_pack.append(pack)
        self.frame_ordinal.append(ordinal)
        self.frame_offset.append(offset)
        self.frame_stored.append(stored)
        self.frame_length.append(length)
        return len(self.frame_pack) - 1

    def place_frame(self, frame: int, pack: int, ordinal: int, offset: int, stored: int, length: int) -> None:
        """Say where a frame has come to lie."""
        self.frame_pack[frame] = pack
        self.frame_ordinal[frame] = ordinal
        self.frame_offset[frame] = offset
        self.frame_stored[frame] = stored
        self.frame_length[frame] = length


COLUMNS = ("chunk_frame", "chunk_offset", "chunk_length", "frame_pack", "frame_ordinal", "frame_offset", "frame_stored", "frame_length")


def to_bytes(column: array) -> bytes:
    """A column as little-endian 32-bit numbers."""
    if sys.byteorder == "big":
        column = array("I", column)
        column.byteswap()
    return column.tobytes()


def from_bytes(data: bytes) -> array:
    """The column of to_bytes(). ValueError for a broken length."""
    column = array("I")
    column.frombytes(data)
    if sys.byteorder == "big":
        column.byteswap()
    return column


def check(tables: Tables) -> None:
    """ValueError unless every row points at an existing row and lies inside what it points at.

    What a manifest says is distrusted: a wrong row here would make a reader allocate or seek without bound.
    """
    chunks, frames, packs = tables.chunk_count, len(tables.frame_pack), len(tables.packs)
    if len(tables.chunk_ids) != chunks * ID_BYTES or len({chunks, len(tables.chunk_offset), len(tables.chunk_length)}) != 1:
        raise ValueError("chunk columns differ in length")
    if len({frames, *(len(getattr(tables, name)) for name in COLUMNS[3:])}) != 1:
        raise ValueError("frame columns differ in length")
    if not chunks >= frames >= packs >= len(tables.keys):
        raise ValueError("a frame holds no chunk, a pack no frame, or a key opens no pack")
    if any(not 0 <= pack.key < len(tables.keys) or not 0 < pack.size < MAXIMUM_PACK for pack in tables.packs):
        raise ValueError("a pack names a key that is not there, or has a size that cannot be")
    if chunks and max(tables.chunk_frame) >= frames or frames and max(tables.frame_pack) >= packs:
        raise ValueError("a row points past the end of its table")
    if chunks and not 0 < min(tables.chunk_length) <= max(tables.chunk_length) <= MAXIMUM_CHUNK:
        raise ValueError("a chunk has a length that cannot be")
    if frames and (max(tables.frame_length) > MAXIMUM_FRAME or max(tables.frame_stored) > MAXIMUM_STORED_FRAME):
        raise ValueError("a frame is too large")
    ends = map(int.__add__, tables.chunk_offset, tables.chunk_length)
    if any(end > tables.frame_length[frame] for end, frame in zip(ends, tables.chunk_frame)):
        raise ValueError("a chunk reaches past the end of its frame")
    for row in range(frames):
        if tables.frame_offset[row] + tables.frame_stored[row] > tables.packs[tables.frame_pack[row]].size:
            raise ValueError("a frame reaches past the end of its pack")


class ChunkIndex:
    """Finds a chunk's number by its id: open addressing over one column, since a dict of 350,000 ids takes 50 MB."""

    def __init__(self, tables: Tables, expected: int = 0) -> None:
        self._tables = tables
        self._used = 0
        self._resize(max(1024, expected * 2))

    def _resize(self, minimum: int) -> None:
        self._mask = (1 << minimum.bit_length()) - 1
        old = [number for number in getattr(self, "_slots", ()) if number]
        self._slots = array("I", bytes(4 * (self._mask + 1)))
        ids = self._tables.chunk_ids
        for number in old:
            self._place(bytes(ids[(number - 1) * ID_BYTES:number * ID_BYTES]), number)

    def _place(self, chunk_id: bytes, number: int) -> None:
        slots, mask = self._slots, self._mask
        slot = hash(chunk_id) & mask  # seeded anew in each process, so nobody can choose ids that collide
        while slots[slot]:
            slot = (slot + 1) & mask
        slots[slot] = number

    def add(self, chunk_id: bytes, number: int) -> None:
        """Remember that a chunk of this id has this number."""
        self._used += 1
        if self._used * 2 > self._mask:
            self._resize(self._mask * 2)
        self._place(chunk_id, number + 1)

    def find(self, chunk_id: bytes) -> int | None:
        """A number of the chunk with this id, or None."""
        slots, mask, ids = self._slots, self._mask, self._tables.chunk_ids
        slot = hash(chunk_id) & mask
        while True:
            number = slots[slot]
            if not number:
                return None
            if ids[(number - 1) * ID_BYTES:number * ID_BYTES] == chunk_id:
                return number - 1
            slot = (slot + 1) & mask
