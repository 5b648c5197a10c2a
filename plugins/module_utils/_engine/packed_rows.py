# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""A list of rows that is kept compressed: those of 150,000 files would take 50 MB, and are wanted nearly in order."""
from __future__ import annotations

import json
import threading

from . import dependencies

_ROWS = 128  # of one block
_OPEN_BLOCKS = 8


class PackedRows:
    """Append what JSON can hold, and read it by number. Thread-safe once the last one is appended."""

    def __init__(self) -> None:
        self._zstd = dependencies.zstd()
        self._blocks: list[bytes] = []
        self._last: list = []
        self._open: dict[int, list] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._blocks) * _ROWS + len(self._last)

    def append(self, row) -> None:
        """Add one at the end."""
        self._last.append(row)
        if len(self._last) == _ROWS:
            self._blocks.append(self._zstd.compress(json.dumps(self._last).encode(), 1))
            self._last = []

    def __getitem__(self, number: int):
        block, place = divmod(number, _ROWS)
        if block == len(self._blocks):
            return self._last[place]
        with self._lock:
            rows = self._open.get(block)
            if rows is None:
                if len(self._open) >= _OPEN_BLOCKS:
                    del self._open[next(iter(self._open))]
                rows = self._open[block] = json.loads(self._zstd.decompress(self._blocks[block]))
            return rows[place]
