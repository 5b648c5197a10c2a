# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""The databases of a backup, pinned together before anything is read."""
from __future__ import annotations

from .backup_compare import still_same
from .capture import sqlite
from .capture.sqlite_taken import Taken

TAKEN_AT_MOST = 16 << 20  # bytes of all databases that are read into memory: a tenth of a second, checks included


class Pins:
    """Pins what a plan says is to be read, and what was to be kept but has been written since.

    databases: by path. kept: entries that need not be read. exact: all are of one moment. consistency: how the gateway was
    held still meanwhile. firm: it will work again before they are read, with databases that it has closed now. restarts: it
    will be started before they are read; small ones are then read at once.
    """

    def __init__(self, made, consistency: str = "live", firm: bool = False, restarts: bool = False) -> None:
        self.consistency = consistency
        self.databases: dict[str, sqlite.Database | Taken] = {}
        self.kept = dict(made.kept)
        self.exact = True
        self._own = frozenset(made.source.instance.databases) if firm else frozenset()
        try:
            self._pin(made.databases)
            if restarts:
                self._take_small_ones()
        except BaseException:
            self.release()
            raise

    def _pin(self, waiting: list[str]) -> None:
        while True:
            for path in waiting:
                self.kept.pop(path, None)
                try:
                    self.databases[path] = sqlite.Database(path, path in self._own)
                except OSError:
                    continue  # it is read, and reported, in its turn
            self.exact = sqlite.pin_all(list(self.databases.values()))
            waiting = [path for path, entry in self.kept.items() if not still_same(path, entry)]
            if not waiting:
                return

    def _take_small_ones(self) -> None:
        left = TAKEN_AT_MOST
        for path, database in sorted(self.databases.items(), key=lambda item: _size(item[1])):
            left -= _size(database)
            if path in self._own and left >= 0:
                try:
                    self.databases[path] = Taken(database)
                except OSError:
                    continue  # it stays pinned

    def start_checks(self) -> None:
        """Begin the checks, each inside its pinned transaction."""
        for database in self.databases.values():
            database.start_checks()

    def release(self) -> None:
        """End all transactions that have not ended."""
        for database in self.databases.values():
            database.release()


def _size(database: sqlite.Database) -> int:
    return sum(found[0] for found in (database.before, database.wal_before) if found)
