# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""What is already stored, as a new snapshot may use it: the parent's chunks, and those of runs that did not finish."""
from __future__ import annotations

import threading
from array import array
from dataclasses import dataclass, field
from typing import Iterable, Mapping

from ..errors import EngineError
from ..storage.base import ObjectInfo, Storage
from . import names, pack
from .tables import ChunkIndex, Pack, Run, Tables, append_run, numbers

ADOPT_WITHIN = 24 * 3600.0  # seconds; a prune spares unnamed packs for twice as long (retention of packs in prune.py)


@dataclass
class Known:
    """Tables of what is stored. unusable: for each chunk, 1 where it must be stored anew (its pack is lost or is retired)."""

    tables: Tables = field(default_factory=Tables)
    unusable: bytearray = field(default_factory=bytearray)
    lost: list[str] = field(default_factory=list)
    retired: list[str] = field(default_factory=list)
    adopted: list[str] = field(default_factory=list)
    _index: ChunkIndex | None = None

    def usable(self, runs: Iterable[Run]) -> bool:
        """Whether all chunks of these runs can be used as they are."""
        if not (self.lost or self.retired):
            return True
        unusable = self.unusable
        return not any(any(unusable[first:first + count]) if step else unusable[first] for first, count, step in runs)

    def find(self, chunk_id: bytes) -> int | None:
        """The number of a usable chunk with this id."""
        if not self.tables.chunk_count:
            return None
        if self._index is None:
            tables, unusable = self.tables, self.unusable
            self._index = ChunkIndex(tables, tables.chunk_count)
            for number in range(tables.chunk_count):
                if not unusable[number]:
                    self._index.add(tables.chunk_id(number), number)
        return self._index.find(chunk_id)


def from_parent(tables: Tables, packs: Mapping[str, ObjectInfo]) -> Known:
    """The parent's chunks; those of packs that are gone or have another size count as not stored."""
    known = Known(tables, bytearray(tables.chunk_count))
    gone = [number for number, row in enumerate(tables.packs) if row.pack not in packs or packs[row.pack].size != row.size]
    known.lost = [tables.packs[number].pack for number in gone]
    _mark(known, set(gone))
    return known


def _mark(known: Known, pack_numbers: set[int]) -> None:
    if not pack_numbers:
        return
    tables = known.tables
    frames = {frame for frame, number in enumerate(tables.frame_pack) if number in pack_numbers}
    for chunk, frame in enumerate(tables.chunk_frame):
        if frame in frames:
            known.unusable[chunk] = 1


def used_share(tables: Tables) -> list[float]:
    """For each pack, the share of its bytes that the chunks of these tables still use, 0 to 1."""
    used = array("Q", bytes(8 * len(tables.frame_pack)))
    for frame, length in zip(tables.chunk_frame, tables.chunk_length):
        used[frame] += length
    stored = [0.0] * len(tables.packs)
    for frame, number in enumerate(tables.frame_pack):
        if tables.frame_length[frame]:
            stored[number] += tables.frame_stored[frame] * min(1.0, used[frame] / tables.frame_length[frame])
    return [share / row.size if row.size else 1.0 for share, row in zip(stored, tables.packs)]


def retire(known: Known, budget: int) -> None:
    """Self-compaction: count the chunks of packs less than half used as not stored, emptiest first.

    budget: at most this many stored bytes are given up, and so stored anew, in one run.
    """
    shares = used_share(known.tables)
    order = sorted((share, number) for number, share in enumerate(shares) if share < 0.5)
    chosen = set()
    for share, number in order:
        row = known.tables.packs[number]
        budget -= int(share * row.size)
        if budget < 0:
            break
        if row.pack not in known.lost:
            chosen.add(number)
            known.retired.append(row.pack)
    _mark(known, chosen)


def adopt_unfinished(known: Known, storage: Storage, catalog_key: bytes, repository: str, packs: Mapping[str, ObjectInfo]) -> None:
    """Add the chunks of packs that no snapshot names yet: an unfinished run of this writer left them.

    Only young ones, by the storage's clock: a prune may delete older ones at any moment. One that cannot be read is
    left alone: storing its chunks again is always right.
    """
    named = {row.pack for row in known.tables.packs}
    now = storage.now()
    for pack_id, item in packs.items():
        if pack_id in named or now - item.modified > ADOPT_WITHIN or item.size <= pack.FOOTER_BYTES:
            continue
        try:
            trailer = read_trailer(storage, catalog_key, repository, pack_id, item.size)
        except ValueError:
            continue
        except EngineError as exc:
            if exc.code in ("object-missing", "storage-no-permission"):
                continue
            raise
        _append(known, Pack(pack_id, item.size, 0), trailer)
        known.adopted.append(pack_id)


def read_trailer(storage: Storage, catalog_key: bytes, repository: str, pack_id: str, size: int) -> pack.Trailer:
    """The trailer of a stored pack of this size. ValueError for one that is none; EngineError of the storage."""
    name, guess = names.pack_object(pack_id), min(size, 1 << 16)
    tail = storage.get(name, size - guess, guess)
    length = pack.trailer_length(tail[-pack.FOOTER_BYTES:])
    if length + pack.FOOTER_BYTES > size:
        raise ValueError("its trailer is longer than the pack")
    if length + pack.FOOTER_BYTES > guess:
        tail = storage.get(name, size - length - pack.FOOTER_BYTES, length + pack.FOOTER_BYTES)
    trailer = pack.read_trailer(tail[-length - pack.FOOTER_BYTES:-pack.FOOTER_BYTES], catalog_key, repository, pack_id)
    if sum(frame.stored for frame in trailer.frames) + length + pack.FOOTER_BYTES != size:
        raise ValueError("its frames do not fill the pack")
    return trailer


def _append(known: Known, row: Pack, trailer: pack.Trailer) -> None:
    tables = known.tables
    if trailer.sealed_key not in tables.keys:
        tables.keys.append(trailer.sealed_key)
    tables.packs.append(row._replace(key=tables.keys.index(trailer.sealed_key)))
    offset = 0
    for ordinal, frame in enumerate(trailer.frames):
        number = tables.add_frame(len(tables.packs) - 1, ordinal, offset, frame.stored, frame.length)
        offset += frame.stored
        position = 0
        for index, length in enumerate(frame.rows.lengths):
            tables.add_chunk(frame.rows.ids[index * 16:index * 16 + 16], number, position, length)
            known.unusable.append(0)
            position += length


class NewTables:
    """The tables of a snapshot in the making: rows of known chunks are copied when first used, new ones are added.

    Chunks are numbered in the order of first use, so that a file's runs stay few. Chunks and frames are added by one
    thread; packs also by those that compress, hence the lock.
    """

    def __init__(self, known: Known) -> None:
        self.known = known
        self.tables = Tables()
        self.new_chunks = 0
        self._chunk_map = array("I", b"\xff\xff\xff\xff" * known.tables.chunk_count)
        self._frame_map: dict[int, int] = {}
        self._pack_map: dict[int, int] = {}
        self._key_map: dict[bytes, int] = {}
        self._lock = threading.Lock()

    def add_pack(self, pack_id: str, size: int, sealed: bytes) -> int:
        """Append a pack whose key comes from this sealed data key, and give its number."""
        with self._lock:
            if sealed not in self._key_map:
                self._key_map[sealed] = len(self.tables.keys)
                self.tables.keys.append(sealed)
            self.tables.packs.append(Pack(pack_id, size, self._key_map[sealed]))
            return len(self.tables.packs) - 1

    def _frame(self, old: int) -> int:
        if old not in self._frame_map:
            source = self.known.tables
            pack_number = source.frame_pack[old]
            if pack_number not in self._pack_map:
                row = source.packs[pack_number]
                self._pack_map[pack_number] = self.add_pack(row.pack, row.size, source.keys[row.key])
            self._frame_map[old] = self.tables.add_frame(
                self._pack_map[pack_number], source.frame_ordinal[old], source.frame_offset[old], source.frame_stored[old],
                source.frame_length[old])
        return self._frame_map[old]

    def use(self, old: int) -> int:
        """The new number of one known chunk."""
        number = self._chunk_map[old]
        if number == 0xFFFFFFFF:
            source = self.known.tables
            number = self._chunk_map[old] = self.tables.add_chunk(
                source.chunk_id(old), self._frame(source.chunk_frame[old]), source.chunk_offset[old], source.chunk_length[old])
        return number

    def use_runs(self, runs: Iterable[Run]) -> list[Run]:
        """The same content in new numbers."""
        renumbered: list[Run] = []
        for run in runs:
            first, count, step = run
            if step and count > 8 and self._chunk_map[first:first + count].count(0xFFFFFFFF) == count:
                renumbered.append(Run(self._use_all(first, count), count))
                continue
            if not step:
                renumbered.append(Run(self.use(first), count, 0))
                continue
            for old in numbers([run]):
                append_run(renumbered, self.use(old))
        return renumbered

    def _use_all(self, first: int, count: int) -> int:
        source, end, target = self.known.tables, first + count, self.tables
        start = target.chunk_count
        frames = source.chunk_frame[first:end]
        mapped = {old: self._frame(old) for old in dict.fromkeys(frames)}
        target.chunk_ids += source.chunk_ids[first * 16:end * 16]
        target.chunk_frame.extend([mapped[old] for old in frames])
        target.chunk_offset.extend(source.chunk_offset[first:end])
        target.chunk_length.extend(source.chunk_length[first:end])
        self._chunk_map[first:end] = array("I", range(start, start + count))
        return start
