# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A database that is read with its WAL laid over it is byte for byte what a checkpoint at that moment would leave."""
from __future__ import annotations

import random
import shutil
import sqlite3

import pytest
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.capture import sqlite, wal_overlay

ROW = 2000


@pytest.fixture
def writer(tmp_path):
    connection = sqlite3.connect(tmp_path / "main.sqlite", isolation_level=None)
    connection.executescript("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; CREATE TABLE t (id INTEGER PRIMARY KEY, body BLOB)")
    insert(connection, 2000, seed=1)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    yield connection
    connection.close()


def insert(connection: sqlite3.Connection, rows: int, seed: int) -> None:
    dice = random.Random(seed)
    connection.execute("BEGIN")
    connection.executemany("INSERT INTO t (body) VALUES (?)", ((dice.randbytes(ROW),) for _row in range(rows)))
    connection.execute("COMMIT")


def edit(connection: sqlite3.Connection, seed: int) -> None:
    dice = random.Random(seed)
    for _edit in range(20):
        connection.execute("UPDATE t SET body = ? WHERE id % 97 = ?", (dice.randbytes(ROW), dice.randrange(97)))


def after_checkpoint(path, tmp_path) -> bytes:
    """What SQLite itself makes of the database as it now is, on a copy."""
    copy = tmp_path / "copy"
    copy.mkdir()
    for suffix in ("", "-wal"):
        shutil.copy(f"{path}{suffix}", copy / f"main.sqlite{suffix}")
    connection = sqlite3.connect(copy / "main.sqlite")
    assert connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0
    connection.close()
    return (copy / "main.sqlite").read_bytes()


def pinned(tmp_path) -> sqlite.Database:
    database = sqlite.Database(str(tmp_path / "main.sqlite"))
    assert database.mode == sqlite.WAL
    return database


def read_all(database: sqlite.Database, between=lambda: None) -> bytes:
    """Everything, with something happening once the first block has been read."""
    parts = []
    for block in database.blocks():
        parts.append(bytes(block))
        if len(parts) == 1:
            between()
    assert list(database.wal_blocks()) == [], "the WAL would be stored a second time"
    return b"".join(parts)


@pytest.mark.parametrize("change", [
    lambda c: edit(c, 2), lambda c: insert(c, 3000, 3), lambda c: c.executescript("DELETE FROM t WHERE id > 200; VACUUM"),
    lambda c: (insert(c, 500, 4), edit(c, 5), c.execute("DELETE FROM t WHERE id % 3 = 0"))], ids=["edited", "grown", "shrunk", "mixed"])
def test_the_image_is_what_a_checkpoint_would_leave(writer, tmp_path, change):
    change(writer)
    expected = after_checkpoint(tmp_path / "main.sqlite", tmp_path)
    database = pinned(tmp_path)
    assert read_all(database) == expected
    database.release()


@pytest.mark.parametrize("mode", ["PASSIVE", "FULL", "TRUNCATE"])
def test_commits_and_checkpoints_while_it_is_read_do_not_show(writer, tmp_path, mode):
    edit(writer, 2)
    expected = after_checkpoint(tmp_path / "main.sqlite", tmp_path)
    database = pinned(tmp_path)
    writer.execute("PRAGMA busy_timeout = 50")

    def disturb() -> None:
        insert(writer, 1500, 6)
        writer.execute(f"PRAGMA wal_checkpoint({mode})")
        edit(writer, 7)
    assert read_all(database, disturb) == expected
    database.release()


def test_a_wal_that_is_started_anew_while_it_is_read_does_not_show(writer, tmp_path):
    """SQLite does so when all of the pinned WAL was in the main file already: then no reader needs it."""
    edit(writer, 2)
    expected = after_checkpoint(tmp_path / "main.sqlite", tmp_path)
    writer.execute("PRAGMA wal_checkpoint(PASSIVE)")
    database = pinned(tmp_path)
    salts = (tmp_path / "main.sqlite-wal").read_bytes()[16:24]
    assert read_all(database, lambda: edit(writer, 8)) == expected
    assert (tmp_path / "main.sqlite-wal").read_bytes()[16:24] != salts, "the WAL was not started anew: this tests nothing"
    database.release()


def test_a_wal_that_is_not_what_its_index_says_is_refused(writer, tmp_path):
    edit(writer, 2)
    with open(tmp_path / "main.sqlite-wal", "rb") as wal:
        content = wal.read()
        salts, frames = content[16:24], (len(content) - 32) // (24 + 4096)
        wal_overlay.Overlay(wal.fileno(), frames, salts, 4096)
        with pytest.raises(ValueError):
            wal_overlay.Overlay(wal.fileno(), frames + 1, salts, 4096)
        with pytest.raises(ValueError):
            wal_overlay.Overlay(wal.fileno(), frames, salts, 8192)
        with pytest.raises(wal_overlay.Restarted):
            wal_overlay.Overlay(wal.fileno(), frames, b"\x00" * 8, 4096)
