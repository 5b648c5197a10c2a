# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""The body of an upload: parts in memory, read as one file, without joining them to another copy."""
from __future__ import annotations

from typing import Sequence

from .rate import RateLimit

_PIECE = 256 << 10  # bytes per read while sending; the HTTP client asks for 16 KiB, which costs a call each


class PartsBody:
    """A seekable binary file over parts.

    It is read twice: to hash it for the signature, then to send it. sending() starts the second, which the rate limit
    slows down; seek() ends it.
    """

    def __init__(self, parts: Sequence[bytes], limit: RateLimit | None = None) -> None:
        self._parts = [memoryview(part).cast("B") for part in parts if len(part)]
        self._size = sum(len(part) for part in self._parts)
        self._limit = limit
        self._sending = False
        self._position = self._part = self._within = 0

    def __len__(self) -> int:
        return self._size

    def sending(self) -> None:
        """From now on reads are sent."""
        self._sending = True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = 0) -> int:
        self._sending = False
        target = offset + (0, self._position, self._size)[whence]
        self._position = self._part = self._within = 0
        while self._part < len(self._parts) and self._position + len(self._parts[self._part]) <= target:
            self._position += len(self._parts[self._part])
            self._part += 1
        self._within = target - self._position if self._part < len(self._parts) else 0
        self._position += self._within
        return self._position

    def read(self, size: int = -1) -> bytes | memoryview:
        """The next bytes, never beyond one part; while sending as many as are worth one call, whatever size says."""
        if self._part >= len(self._parts) or size == 0:
            return b""
        if self._sending:
            size = self._limit.piece if self._limit else _PIECE
        elif size is None or size < 0:
            return self._rest()
        part = self._parts[self._part]
        piece = part[self._within:self._within + size]
        self._within += len(piece)
        self._position += len(piece)
        if self._within == len(part):
            self._part, self._within = self._part + 1, 0
        if self._sending and self._limit:
            self._limit.take(len(piece))
        return piece

    def _rest(self) -> bytes:
        pieces = []
        while self._part < len(self._parts):
            pieces.append(self.read(self._size))
        return b"".join(pieces)
