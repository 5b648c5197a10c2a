# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""A list of lines that is kept compressed: those of 150,000 files would take 50 MB, and are wanted nearly in order."""
from __future__ import annotations

import threading

from . import dependencies

_LINES = 128  # of one block
_OPEN_BLOCKS = 8


class PackedLines:
    """Append bytes without newlines, and read them by number. Thread-safe once the last one is appended."""

    def __init__(self) -> None:
        self._zstd = dependencies.zstd()
        self._blocks: list[bytes] = []
        self._last: list[bytes] = []
        self._open: dict[int, list[bytes]] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._blocks) * _LINES + len(self._last)

    def append(self, line: bytes) -> None:
        """Add one at the end."""
        self._last.append(line)
        if len(self._last) == _LINES:
            self._blocks.append(self._zstd.compress(b"\n".join(self._last), 1))
            self._last = []

    def __getitem__(self, number: int) -> bytes:
        block, place = divmod(number, _LINES)
        if block == len(self._blocks):
            return self._last[place]
        with self._lock:
            if block not in self._open:
                if len(self._open) >= _OPEN_BLOCKS:
                    del self._open[next(iter(self._open))]
                self._open[block] = self._zstd.decompress(self._blocks[block]).split(b"\n")
            return self._open[block][place]
