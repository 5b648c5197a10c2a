# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""Small databases that are read whole into memory, so that nothing holds them when their program starts.

A pin of one keeps a program that opens it from emptying its WAL: it waits for some seconds, and complains.
"""
from __future__ import annotations

from typing import Iterator

from . import content
from .sqlite import Database, Restart
from .sqlite_check import Facts

_ATTEMPTS = 3


class Taken:
    """What a pinned database was, for whoever stores it: as Database, without anything to wait for or to lose. OSError."""

    def __init__(self, database: Database) -> None:
        self.path, self.mode = database.path, database.mode
        for attempt in range(_ATTEMPTS):
            database.start_checks()
            try:
                self._main = _copied(database.blocks())
                break
            except Restart:
                if attempt == _ATTEMPTS - 1:
                    raise OSError("it changes again and again") from None
                database.renew()
        self._wal, self._journal = _copied(database.wal_blocks()), _copied(database.journal_blocks())
        self._wal_is_whole = not self._wal or database.wal_is_whole()
        self.before, self.wal_before, self.journal_before = database.before, database.wal_before, database.journal_before
        self._facts, self._moved, self._disturbed = database.facts(), database.moved(), database.disturbed()
        database.release()

    def blocks(self) -> Iterator[memoryview]:
        """As Database has it, and so are the others."""
        return _blocks(self._main)

    def wal_blocks(self) -> Iterator[memoryview]:
        return _blocks(self._wal)

    def journal_blocks(self) -> Iterator[memoryview]:
        return _blocks(self._journal)

    def wal_is_whole(self) -> bool:
        return self._wal_is_whole

    def facts(self) -> Facts:
        return self._facts

    def moved(self) -> bool:
        return self._moved

    def disturbed(self) -> bool:
        return self._disturbed

    def renew(self) -> None:
        """There is nothing newer to be had."""

    def start_checks(self) -> None:
        """They are done."""

    def done_reading(self) -> None:
        """Nothing is held."""

    def release(self) -> None:
        """Nothing is held."""


def _copied(blocks) -> bytes:
    return b"".join(bytes(block) for block in blocks)


def _blocks(data: bytes) -> Iterator[memoryview]:
    view = memoryview(data)
    return (view[start:start + content.BLOCK_BYTES] for start in range(0, len(view), content.BLOCK_BYTES))
