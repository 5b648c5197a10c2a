# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""Reads frames: in the order they lie in the packs, many with one request, decrypted and decompressed on threads."""
from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import Callable, Iterable

from ..errors import EngineError, damaged
from . import names
from .pack import FrameOpener
from .repository import Repository
from .tables import Tables

BATCH_BYTES = 8 << 20
GAP_BYTES = 256 << 10


@dataclass(frozen=True)
class Batch:
    """Frames of one pack that lie close together: one request reads them all. offset and length in bytes of the pack."""

    pack: int
    offset: int
    length: int
    frames: tuple[int, ...]


def batches(tables: Tables, frames: Iterable[int]) -> list[Batch]:
    """Group frames, given by number, to requests, in the order of packs and of places in them."""
    order = sorted(frames, key=lambda frame: (tables.frame_pack[frame], tables.frame_offset[frame]))
    grouped: list[Batch] = []
    members: list[int] = []
    start = end = 0
    for frame in order:
        offset, stored = tables.frame_offset[frame], tables.frame_stored[frame]
        fits = (members and tables.frame_pack[frame] == tables.frame_pack[members[0]]
                and offset - end <= GAP_BYTES and offset + stored - start <= BATCH_BYTES)
        if members and not fits:
            grouped.append(Batch(tables.frame_pack[members[0]], start, end - start, tuple(members)))
            members = []
        if not members:
            start = offset
        members.append(frame)
        end = offset + stored
    if members:
        grouped.append(Batch(tables.frame_pack[members[0]], start, end - start, tuple(members)))
    return grouped


class FrameReader:
    """Hands every frame's plaintext, or the error that prevents it, to a consumer. A context manager: its end stops all threads.

    The consumer is called from several threads at once: consume(frame number, plaintext or None, error or None).
    """

    def __init__(self, repository: Repository, tables: Tables) -> None:
        self._repository, self._tables = repository, tables
        self._openers: dict[int, FrameOpener] = {}
        self._lock = threading.Lock()
        repository.reader()
        # One more than there are transfers and processors to keep busy mostly waits for the disk.
        self._pool = ThreadPoolExecutor(max(3, repository.storage.parallel_transfers()), "read")
        self._pending: list[Future] = []

    def __enter__(self) -> FrameReader:
        return self

    def __exit__(self, *_exc) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _opener(self, pack: int) -> FrameOpener:
        with self._lock:
            if pack not in self._openers:
                row = self._tables.packs[pack]
                key = self._repository.data_key(self._tables.keys[row.key])
                self._openers[pack] = FrameOpener(key, self._repository.id, row.pack)
            return self._openers[pack]

    def begin(self, frames: Iterable[int], consume: Callable[[int, "bytes | None", "EngineError | None"], None]) -> None:
        """Read all these frames after those that were asked for before; finish() waits for them."""
        self._pending += [self._pool.submit(self._read_batch, batch, consume) for batch in batches(self._tables, frames)]

    def finish(self) -> None:
        """Wait until all is read. What a consumer raised ends the reading and is raised here."""
        for future in as_completed(self._pending):
            future.result()
        self._pending.clear()

    def _read_batch(self, batch: Batch, consume) -> None:
        name = names.pack_object(self._tables.packs[batch.pack].pack)
        try:
            data = memoryview(self._repository.storage.get(name, batch.offset, batch.length))
            opener = self._opener(batch.pack)
        except EngineError as exc:
            if exc.code not in ("object-missing", "repository-damaged", "storage-read-error"):
                raise
            for frame in batch.frames:
                consume(frame, None, exc)
            return
        for frame in batch.frames:
            consume(frame, *self._open(name, opener, frame, data, batch.offset))

    def _open(self, name: str, opener: FrameOpener, frame: int, data: memoryview, base: int) -> tuple["bytes | None", "EngineError | None"]:
        tables = self._tables
        start = tables.frame_offset[frame] - base
        stored = data[start:start + tables.frame_stored[frame]]
        try:
            return opener.open(tables.frame_ordinal[frame], stored, tables.frame_length[frame]), None
        except ValueError as exc:
            return None, damaged(name, str(exc))
