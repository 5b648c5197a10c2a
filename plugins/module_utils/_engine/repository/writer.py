# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""Stores new chunks: gathers them to frames, compresses and checks these on threads, and uploads packs in parallel.

Plaintext never touches the disk. Memory is bounded by frames and packs in flight.
"""
from __future__ import annotations

import os
import threading
from concurrent.futures import Future, ThreadPoolExecutor

from .. import dependencies
from ..errors import EngineError
from . import names
from .known import Known, NewTables
from .pack import FrameRows, PackBuilder
from .repository import Repository
from .tables import ChunkIndex

FRAME_BYTES = 1 << 20
PACK_BYTES = 16 << 20
FRAMES_PER_PACK = 2048  # content that compresses to almost nothing must not make a trailer larger than a reader takes
_LARGEST_CHUNK = 1 << 20
# zstd level 2 with a smaller hash table and longer matches: a quarter faster, 3 % larger (docs/performance.md).
_LEVEL, _HASH_LOG, _MINIMUM_MATCH = 2, 14, 6
# An hour's changes are few: time for a better level and larger frames, 10 % smaller, until a run has stored this much.
_CAREFUL_LEVEL, _CAREFUL_FRAMES, _CAREFUL_BYTES = 7, 4, 64 << 20
_PIECE = 128 << 10  # bytes that are decompressed and compared at once: they stay in the processor's cache


class ChunkWriter:
    """Gives every chunk a number, and stores those that are not stored yet. Use from one thread.

    run: the id of this run, noted in the packs. expected: about how many chunks will come.
    """

    def __init__(self, repository: Repository, known: Known, run: str, expected: int = 0) -> None:
        self.new = NewTables(known)
        self._stored: list[int] = []
        self._repository, self._known, self._run = repository, known, run
        self._index: ChunkIndex = ChunkIndex(self.new.tables, expected)
        self._submitted = 0
        self._limit = self._frame_limit()
        self._frame, self._length = bytearray(self._limit + _LARGEST_CHUNK), 0
        self._spare_frames: list[bytearray] = []
        self._frame_number = 0
        self._of_thread = threading.local()
        self._ids = bytearray()
        self._lengths: list[int] = []
        self._keys: tuple[bytes, bytes] | None = None
        self._pack: PackBuilder | None = None
        self._lock = threading.Lock()
        self._failure: BaseException | None = None
        workers = max(2, min(4, os.cpu_count() or 2))
        uploads = max(1, min(4, repository.storage.parallel_transfers()))
        self._compressors = ThreadPoolExecutor(workers, "compress")
        self._uploaders = ThreadPoolExecutor(uploads, "upload")
        # Careful frames are large: fewer of them bound the memory.
        self._frames_in_flight = threading.Semaphore(workers + 1 if self._is_careful() else workers * 3)
        self._packs_in_flight = threading.Semaphore(uploads)
        self._futures: list[Future] = []

    @property
    def bytes_stored(self) -> int:
        """What has been uploaded so far."""
        return sum(self._stored)

    def _is_careful(self) -> bool:
        return self._known.tables.chunk_count > 0 and self._submitted < _CAREFUL_BYTES

    def _frame_limit(self) -> int:
        return FRAME_BYTES * _CAREFUL_FRAMES if self._is_careful() else FRAME_BYTES

    def add(self, chunk_id: bytes, data) -> int:
        """The number of the chunk with this id and content (anything that has a buffer; it is copied)."""
        number = self._index.find(chunk_id)
        if number is not None:
            return number
        old = self._known.find(chunk_id)
        if old is not None:
            number = self.new.use(old)
            self._index.add(chunk_id, number)
            return number
        return self._add_new(chunk_id, data)

    def _add_new(self, chunk_id: bytes, data) -> int:
        if not self._length:
            self._frame_number = self.new.tables.add_frame()
        start, self._length = self._length, self._length + len(data)
        number = self.new.tables.add_chunk(chunk_id, self._frame_number, start, len(data))
        self.new.new_chunks += 1
        self._index.add(chunk_id, number)
        self._frame[start:self._length] = data
        self._ids += chunk_id
        self._lengths.append(len(data))
        if self._length >= self._limit:
            self._submit_frame()
        return number

    def _submit_frame(self) -> None:
        if not self._length:
            return
        self._raise_failure()
        self._frames_in_flight.acquire()
        rows = FrameRows(bytes(self._ids), tuple(self._lengths))
        careful = self._is_careful()
        self._submitted += self._length
        self._futures.append(self._compressors.submit(
            self._guard, self._compress, self._frame_number, self._frame, self._length, rows, careful))
        self._limit = self._frame_limit()
        self._frame = self._spare_frames.pop() if self._spare_frames else bytearray(self._limit + _LARGEST_CHUNK)
        self._length, self._ids, self._lengths = 0, bytearray(), []
        if len(self._futures) > 256:
            self._futures = [future for future in self._futures if not future.done()]

    def _guard(self, work, *arguments) -> None:
        """Run work on a thread; keep its first failure, of whatever kind, for the thread that adds chunks."""
        try:
            if self._failure is None:
                work(*arguments)
        except BaseException as exc:  # a simulated kill in tests is no Exception
            self._failure = self._failure or exc
        finally:
            (self._frames_in_flight if work == self._compress else self._packs_in_flight).release()

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _compressor(self, careful: bool):
        """This thread's compressor, careful or quick."""
        name = "careful" if careful else "quick"
        if not hasattr(self._of_thread, name):
            zstd = dependencies.zstd()
            parameter = zstd.CompressionParameter
            options = {parameter.compression_level: _CAREFUL_LEVEL} if careful else {
                parameter.compression_level: _LEVEL, parameter.hash_log: _HASH_LOG, parameter.min_match: _MINIMUM_MATCH}
            setattr(self._of_thread, name, zstd.ZstdCompressor(options=options))
        return getattr(self._of_thread, name)

    def _compress(self, number: int, frame: bytearray, length: int, rows: FrameRows, careful: bool) -> None:
        compressor = self._compressor(careful)
        compressor.set_pledged_input_size(length)
        compressed = compressor.compress(memoryview(frame)[:length], compressor.FLUSH_FRAME)
        # A zstd bug once corrupted another tool's backups: nothing is stored that does not come back as it was.
        if not _holds(compressed, frame, length):
            raise EngineError(
                "compression-fault", "A compressed frame does not decompress to its content",
                "Check this host's memory, then try again.")
        self._spare_frames.append(frame)
        with self._lock:
            self._place(number, compressed, length, rows)

    def _place(self, number: int, compressed: bytes, length: int, rows: FrameRows) -> None:
        if self._pack is None:
            self._keys = self._keys or self._repository.new_data_key()
            self._pack = PackBuilder(self._repository.id, self._keys[0])
            self._pack_number = self.new.add_pack(self._pack.pack_id, 0, self._keys[1])
        ordinal, offset, stored = self._pack.add(compressed, length, rows)
        self.new.tables.place_frame(number, self._pack_number, ordinal, offset, stored, length)
        if self._pack.size >= PACK_BYTES or len(self._pack.frames) >= FRAMES_PER_PACK:
            self._submit_pack()

    def _submit_pack(self) -> None:
        pack, self._pack = self._pack, None
        parts = pack.finish(self._run, self._keys[1], self._repository.bundle.catalog_key)
        row = self.new.tables.packs[self._pack_number]
        self.new.tables.packs[self._pack_number] = row._replace(size=pack.size)
        self._packs_in_flight.acquire()
        self._futures.append(self._uploaders.submit(self._guard, self._upload, pack.pack_id, pack.size, parts))

    def _upload(self, pack_id: str, size: int, parts: list[bytes]) -> None:
        self._repository.storage.create(names.pack_object(pack_id), parts)
        self._stored.append(size)

    def finish(self) -> None:
        """Store what is still gathered, wait until everything is stored, and let go of the memory for frames."""
        self._submit_frame()
        self._compressors.shutdown(wait=True)
        self._raise_failure()
        with self._lock:
            if self._pack is not None:
                self._submit_pack()
        self._uploaders.shutdown(wait=True)
        self._raise_failure()
        self._spare_frames.clear()
        self._frame = bytearray()

    def abandon(self) -> None:
        """Stop the threads after a failure; what has been uploaded stays and is found by the next run."""
        self._failure = self._failure or EngineError("abandoned", "The backup was abandoned")
        self._compressors.shutdown(wait=True, cancel_futures=True)
        self._uploaders.shutdown(wait=True, cancel_futures=True)


def _holds(compressed: bytes, frame: bytearray, length: int) -> bool:
    """Whether this zstd frame decompresses to the first length bytes of a frame, and to no more."""
    zstd = dependencies.zstd()
    decompressor, position, fed = zstd.ZstdDecompressor(), 0, compressed
    try:
        while not decompressor.eof:
            piece = decompressor.decompress(fed, _PIECE)
            if not piece and not decompressor.eof or not frame.startswith(piece, position):
                return False
            position, fed = position + len(piece), b""
    except zstd.ZstdError:
        return False
    return position == length and not decompressor.unused_data
