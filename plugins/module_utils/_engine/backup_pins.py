# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""The databases of a backup, pinned together before anything is read."""
from __future__ import annotations

from .backup_compare import still_same
from .capture import sqlite


class Pins:
    """Pins what a plan says is to be read, and what was to be kept but has been written since.

    databases: by path. kept: entries that need not be read. exact: all are of one moment. consistency: how the gateway was
    held still meanwhile; if it was, its own databases stay pinned although it may have them closed now.
    """

    def __init__(self, made, consistency: str = "live") -> None:
        self.consistency = consistency
        self.databases: dict[str, sqlite.Database] = {}
        self.kept = dict(made.kept)
        self.exact = True
        self._own = frozenset(made.source.instance.databases) if consistency != "live" else frozenset()
        try:
            self._pin(made.databases)
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

    def start_checks(self) -> None:
        """Begin the checks, each inside its pinned transaction."""
        for database in self.databases.values():
            database.start_checks()

    def release(self) -> None:
        """End all transactions that have not ended."""
        for database in self.databases.values():
            database.release()
