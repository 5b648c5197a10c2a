# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A program that writes to SQLite databases without a pause, keeps invariants, and measures how long it was kept waiting.

Run as: python database_writer.py '{"paths": [...], "mode": "wal", ...}'. It answers each line on its standard input with a
line of JSON about the time since the line before. It is the only writer of its databases: whenever it finds one locked,
somebody else reads it.

In each database: money is moved between two tables within one transaction, so the sum never changes; the greatest row of
journal carries the counter; the counter is raised in the first database first, then in the second, and so on.
"""
from __future__ import annotations

import json
import random
import select
import sqlite3
import sys
import time

ACCOUNTS, BALANCE = 50, 1000


def create(path: str, mode: str, page_size: int = 4096, rows: int = 2000) -> None:
    """A database with its invariants."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute(f"PRAGMA page_size = {page_size}")
    connection.execute(f"PRAGMA journal_mode = {mode}")
    connection.executescript("""
        CREATE TABLE one (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL);
        CREATE TABLE other (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL);
        CREATE TABLE journal (n INTEGER PRIMARY KEY, note TEXT, filler BLOB);
        CREATE INDEX by_note ON journal (note);
        CREATE TABLE counter (n INTEGER NOT NULL);
        INSERT INTO counter VALUES (0);
    """)
    connection.execute("BEGIN")
    for table in ("one", "other"):
        connection.executemany(f"INSERT INTO {table} VALUES (?, ?)", [(number, BALANCE) for number in range(ACCOUNTS)])
    connection.executemany("INSERT INTO journal VALUES (?, hex(randomblob(8)), randomblob(400))", [(-number,) for number in range(rows)])
    connection.execute("COMMIT")
    connection.close()


def check(path: str) -> int:
    """The counter of a copy; AssertionError unless it is sound and keeps the invariants."""
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        found = connection.execute("PRAGMA integrity_check").fetchall()
        assert found == [("ok",)], (path, found)
        total = sum(connection.execute(f"SELECT sum(balance) FROM {table}").fetchone()[0] for table in ("one", "other"))
        assert total == 2 * ACCOUNTS * BALANCE, (path, total)
        counter = connection.execute("SELECT n FROM counter").fetchone()[0]
        assert connection.execute("SELECT max(n) FROM journal").fetchone()[0] == counter, path
        return counter
    finally:
        connection.close()


class Writer:
    """The only writer of some databases."""

    def __init__(self, paths: list[str], mode: str, seed: int, pause: float, autocheckpoint: int, maintain: bool) -> None:
        self._random = random.Random(seed)
        self._pause, self._wal, self._maintain = pause, mode == "wal", maintain
        self._connections = [sqlite3.connect(path, isolation_level=None, timeout=0) for path in paths]
        for connection in self._connections:
            connection.execute("PRAGMA synchronous = OFF")
            connection.execute(f"PRAGMA wal_autocheckpoint = {autocheckpoint}")
        self._counter = self._connections[0].execute("SELECT n FROM counter").fetchone()[0]
        self.reset()

    def reset(self) -> dict:
        """What was measured since the last reset: seconds, and how many transactions."""
        found = getattr(self, "_measured", None)
        self._measured = {"commits": 0, "worst_commit": 0.0, "worst_wait": 0.0, "busy": 0, "counter": self._counter}
        return found

    def _patiently(self, connection: sqlite3.Connection, statement: str, values=()) -> None:
        """Execute; while the database is locked, try again at once, and note how long that took."""
        started = None
        while True:
            try:
                connection.execute(statement, values)
                break
            except sqlite3.OperationalError as exc:
                if "locked" not in str(exc):
                    raise
                started = started or time.monotonic()
                time.sleep(0.0005)
        if started is not None:
            self._measured["busy"] += 1
            self._measured["worst_wait"] = max(self._measured["worst_wait"], time.monotonic() - started)

    def step(self) -> None:
        """One round over all databases."""
        self._counter += 1
        for connection in self._connections:
            started = time.monotonic()
            amount, giver, taker = self._random.randint(1, 9), self._random.randrange(ACCOUNTS), self._random.randrange(ACCOUNTS)
            self._patiently(connection, "BEGIN IMMEDIATE")
            connection.execute("UPDATE one SET balance = balance - ? WHERE id = ?", (amount, giver))
            connection.execute("UPDATE other SET balance = balance + ? WHERE id = ?", (amount, taker))
            filler = self._random.choice((50, 400, 5000))
            connection.execute("INSERT INTO journal VALUES (?, hex(randomblob(8)), randomblob(?))", (self._counter, filler))
            connection.execute("UPDATE counter SET n = ?", (self._counter,))
            self._patiently(connection, "COMMIT")
            self._measured["commits"] += 1
            self._measured["worst_commit"] = max(self._measured["worst_commit"], time.monotonic() - started)
            if self._maintain:
                self._look_after(connection)
            if self._pause:
                time.sleep(self._pause)

    def _look_after(self, connection: sqlite3.Connection) -> None:
        """Now and then, what programs do to their databases."""
        chance = self._random.random()
        if chance < 0.01:
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        elif chance < 0.02:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        elif chance < 0.022:
            self._patiently(connection, "VACUUM")
        elif chance < 0.03:
            self._patiently(connection, "DELETE FROM journal WHERE n < ?", (self._counter - 2000,))
        elif chance < 0.04:
            self._patiently(connection, "BEGIN IMMEDIATE")
            connection.executemany("INSERT OR IGNORE INTO journal VALUES (?, hex(randomblob(8)), randomblob(800))",
                                   [(-self._random.randrange(1 << 40),) for _number in range(200)])
            self._patiently(connection, "COMMIT")
        elif chance < 0.05:
            self._patiently(connection, "DELETE FROM journal WHERE n < 0 AND n % 7 = 3")


def metronome() -> None:
    """No database: the longest that this machine kept a process from running again after a pause of a millisecond."""
    worst, before = 0.0, time.monotonic()
    while True:
        time.sleep(0.001)
        now = time.monotonic()
        worst, before = max(worst, now - before - 0.001), now
        if select.select([sys.stdin], [], [], 0)[0]:
            if not sys.stdin.readline():
                return
            print(json.dumps({"worst_pause": worst}), flush=True)
            worst = 0.0


def main() -> None:
    """Write until the standard input ends."""
    options = json.loads(sys.argv[1])
    if not options["paths"]:
        print("ready", flush=True)
        metronome()
        return
    writer = Writer(
        options["paths"], options["mode"], options.get("seed", 0), options.get("pause", 0.0), options.get("autocheckpoint", 1000),
        options.get("maintain", True))
    print("ready", flush=True)
    while True:
        writer.step()
        if select.select([sys.stdin], [], [], 0)[0]:
            if not sys.stdin.readline():
                return
            print(json.dumps(writer.reset()), flush=True)


if __name__ == "__main__":
    main()
