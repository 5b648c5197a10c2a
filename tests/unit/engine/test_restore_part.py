# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A part of a snapshot is whole in itself: databases come with their logs, and every name of a file with its content."""
from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest

from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine import restore
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.errors import EngineError
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.ports import Context
from support.agent import Agent
from support.clock import ManualClock
from support.fault_storage import MemoryStorage


@pytest.fixture()
def agent(tmp_path) -> Agent:
    clock = ManualClock()
    made = Agent(tmp_path, MemoryStorage(clock), clock)
    made.write("a/first", b"content " * 1000)
    for name in ("b/second", "b/third", "c/fourth"):
        (made.state / name).parent.mkdir(exist_ok=True)
        os.link(made.state / "a/first", made.state / name)
    made.write("a/other", b"other")
    return made


def part(agent: Agent, *paths: str) -> Path:
    """Restore these paths; where the state is then."""
    target = agent.home.parent / "out"
    options = restore.RestoreOptions(target=str(target), paths=paths)
    result = restore.execute(restore.plan(agent.open(), options, Context()), Context())
    assert not result.outcome.failed
    again = restore.plan(agent.open(), options, Context())
    assert not again.changed, "the same restore again has nothing to do"
    return Path(f"{target}{agent.state}")


def names_below(state: Path) -> set[str]:
    return {str(path.relative_to(state)) for path in state.rglob("*") if not path.is_dir()}


def test_other_names_of_a_file_that_is_not_selected_have_its_content(agent):
    agent.backup()
    state = part(agent, "b")
    assert names_below(state) == {"b/second", "b/third"}
    assert (state / "b/second").read_bytes() == b"content " * 1000
    assert (state / "b/second").stat().st_ino == (state / "b/third").stat().st_ino


def test_one_other_name_alone(agent):
    agent.backup()
    state = part(agent, "c/fourth")
    assert names_below(state) == {"c/fourth"} and (state / "c/fourth").read_bytes() == b"content " * 1000


def test_the_first_name_alone_and_all_names_together(agent):
    agent.backup()
    state = part(agent, "a/first", "c")
    assert names_below(state) == {"a/first", "c/fourth"}
    assert (state / "a/first").stat().st_ino == (state / "c/fourth").stat().st_ino


def a_live_database(path: Path) -> sqlite3.Connection:
    """A database with rows in its log only."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.executescript("PRAGMA journal_mode=WAL; CREATE TABLE t (x); INSERT INTO t VALUES (1)")
    connection.execute("PRAGMA wal_checkpoint")
    connection.execute("INSERT INTO t VALUES (2)")
    return connection


@pytest.mark.parametrize("other_name", ["y.db", "x.db-a"])  # the second sorts between the database and its log
def test_a_database_that_is_selected_by_its_path_comes_with_its_log(agent, other_name):
    connection = a_live_database(agent.state / "x.db")
    os.link(agent.state / "x.db", agent.state / other_name)
    agent.backup()
    connection.close()
    state = part(agent, "x.db")
    assert names_below(state) == {"x.db"}, "the log is folded in"
    restored = sqlite3.connect(state / "x.db")
    assert restored.execute("SELECT x FROM t").fetchall() == [(1,), (2,)]
    restored.close()


@pytest.mark.parametrize("other_name", ["x.db-a", "y.db"])
def test_another_name_of_a_database_comes_with_the_log_too(agent, other_name):
    connection = a_live_database(agent.state / "x.db")
    os.link(agent.state / "x.db", agent.state / other_name)
    agent.backup()
    connection.close()
    state = part(agent, other_name)
    assert names_below(state) == {other_name}
    restored = sqlite3.connect(state / other_name)
    assert restored.execute("SELECT x FROM t").fetchall() == [(1,), (2,)]
    restored.close()


def test_nothing_selected_is_an_error(agent):
    agent.backup()
    with pytest.raises(EngineError) as error:
        part(agent, "nowhere")
    assert error.value.code == "nothing-selected"
