# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""A database's main file with the pages of its WAL laid over it: what a checkpoint would leave, without one.

Stored apart, every page of a WAL would be stored twice: once here, and again in the main file after the next checkpoint; and
a restore would have to fold it in. https://sqlite.org/fileformat2.html, section 4, describes the WAL.
"""
from __future__ import annotations

import os
import struct
from typing import Iterator

from . import content

_FRAME = struct.Struct(">II8s8x")  # page number, size of the database in pages where it is a commit, salts, checksums
HEADER_BYTES = 32
MOST_FRAMES = 100_000
_PAGE_SIZE, SALTS = 8, 16  # where they are in the WAL's header; the salts have 8 bytes


class Restarted(Exception):
    """The WAL was started anew: whoever pinned all of it finds all of it in the main file."""


class Overlay:
    """The WAL's pages up to one commit. The caller keeps a read transaction open that pins them.

    wal: a descriptor. frames: how many, the last a commit. salts: the WAL's at that moment.
    Construction raises Restarted, and ValueError for a WAL whose frames are not what its index says.
    """

    def __init__(self, wal: int, frames: int, salts: bytes, page_size: int) -> None:
        self._wal, self._salts, self._page_size = wal, salts, page_size
        self._require_same_wal()
        if int.from_bytes(os.pread(wal, 4, _PAGE_SIZE), "big") != page_size:
            raise ValueError("the WAL has pages of another size than its database")
        self._place: dict[int, int] = {}
        pages, step = 0, _FRAME.size + page_size
        for place in range(HEADER_BYTES, HEADER_BYTES + frames * step, step):
            header = os.pread(wal, _FRAME.size, place)
            page, pages, found = _FRAME.unpack(header) if len(header) == _FRAME.size else (0, 0, b"")
            if not page or found != salts:
                self._require_same_wal()
                raise ValueError("the WAL has fewer frames than its index says")
            self._place[page - 1] = place + _FRAME.size
        if not pages:
            raise ValueError("the WAL does not end with a commit where its index says so")
        self.size = pages * page_size

    def _require_same_wal(self) -> None:
        # Whoever starts a WAL anew writes its header first: with the old header, what was read before was the old content.
        if os.pread(self._wal, len(self._salts), SALTS) != self._salts:
            raise Restarted()

    def blocks(self, main: int) -> Iterator[memoryview]:
        """The database, block by block, each good until the next is asked for."""
        buffer = memoryview(bytearray(min(content.BLOCK_BYTES, self.size)))
        for position in range(0, self.size, content.BLOCK_BYTES):
            block = buffer[:min(content.BLOCK_BYTES, self.size - position)]
            self._fill(main, block, position)
            try:
                self._lay_over(block, position)
            except Restarted:
                self._place = {}
                self._fill(main, block, position)
            yield block

    @staticmethod
    def _fill(main: int, block: memoryview, position: int) -> None:
        filled = content.fill(main, block, position)
        block[filled:] = bytes(len(block) - filled)  # pages that the main file has yet to get

    def _lay_over(self, block: memoryview, position: int) -> None:
        size, first = self._page_size, position // self._page_size
        if not self._place:
            return
        for page in range(first, first + len(block) // size):
            place = self._place.get(page)
            if place is not None:
                start = (page - first) * size
                if content.fill(self._wal, block[start:start + size], place) < size:
                    raise Restarted()  # it was cut off
        self._require_same_wal()
