# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When a restored database is opened: as soon as nothing more can come that SQLite would heed, and never before."""
from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.repository.manifest import FILE, Entry
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.restore_databases import Settler
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.restore_tree import Tree
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.restore_write import Outcome

FACTS = {"mode": "wal", "quick_check": "ok"}


@pytest.fixture()
def tree(tmp_path):
    made = Tree(str(tmp_path))
    yield made
    made.close()


@pytest.fixture()
def entries(tmp_path) -> list[Entry]:
    """A database whose only row is in its log, as a crash leaves them."""
    writer = sqlite3.connect(tmp_path / "made")
    writer.executescript("PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0; CREATE TABLE t (x); INSERT INTO t VALUES (1)")
    for suffix in ("", "-wal"):
        (tmp_path / f"db{suffix}").write_bytes((tmp_path / f"made{suffix}").read_bytes())
    writer.close()
    return [Entry("/db", FILE, 0o600, 0, 0, 10**18, database=FACTS), Entry("/db-wal", FILE, 0o600, 0, 0, 10**18, database={"part_of": "/db"})]


def settled(settler: Settler, tree: Tree) -> bool:
    """Whether it has been opened, once all that was begun is over."""
    settler._pool.shutdown(wait=True)  # pylint: disable=protected-access
    return not os.path.exists(tree.outside_path("/db-wal"))


def test_it_is_opened_once_its_log_is_there_and_all_files_are_known(tree, entries):
    outcome = Outcome()
    with Settler(entries, tree, outcome) as settler:
        settler.named("/notes.md")
        settler.arrived("/db")
        settler.all_named()
        settler.arrived("/db-wal")
        assert settled(settler, tree)
        assert settler.finish() == 1
    assert outcome.failed == {} and settler.changed["/db-wal"] is None
    assert sqlite3.connect(Path(tree.outside_path("/db"))).execute("SELECT x FROM t").fetchall() == [(1,)]


def test_it_is_opened_when_its_log_was_there_before_all_files_were_known(tree, entries):
    with Settler(entries, tree, Outcome()) as settler:
        settler.arrived("/db")
        settler.arrived("/db-wal")
        settler.all_named()
        assert settled(settler, tree)


@pytest.mark.parametrize("come", [["/db"], ["/db-wal"], []])
def test_it_waits_for_its_log(tree, entries, come):
    with Settler(entries, tree, Outcome()) as settler:
        settler.all_named()
        for path in come:
            settler.arrived(path)
        assert not settled(settler, tree)


def test_it_waits_until_all_files_are_known(tree, entries):
    with Settler(entries, tree, Outcome()) as settler:
        for entry in entries:
            settler.arrived(entry.path)
        assert not settled(settler, tree)


@pytest.mark.parametrize("name", ["/db-journal", "/db-shm"])
def test_it_waits_for_the_last_file_where_another_has_a_name_that_sqlite_heeds(tree, entries, name):
    with Settler(entries, tree, Outcome()) as settler:
        settler.named(name)
        settler.all_named()
        for entry in entries:
            settler.arrived(entry.path)
        assert not settled(settler, tree)


def test_another_database_of_such_a_name_counts_too(tree, entries):
    other = Entry("/db-journal", FILE, 0o600, 0, 0, 10**18, database=FACTS)
    with Settler([*entries, other], tree, Outcome()) as settler:
        for entry in (*entries, other):
            settler.named(entry.path)
        settler.all_named()
        for entry in entries:
            settler.arrived(entry.path)
        assert not settled(settler, tree)
