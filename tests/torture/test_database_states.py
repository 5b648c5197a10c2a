# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Databases in every state that programs and crashes leave them in: what was committed comes back, and the original is untouched."""
from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine import verify
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.capture import content
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.capture import sqlite as capture
from support.nobody import NOBODY
from support.rig import Rig, below
from support.sql_process import SqlProcess
from support.trees import describe

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to be somebody else")
FILL = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {}) INSERT INTO t (x) SELECT hex(randomblob(100)) FROM n"


@pytest.fixture
def path(rig) -> Path:
    """Where the database of a test is."""
    return rig.source / "agent.sqlite"


def make(path: Path, mode: str = "WAL", page_size: int = 4096, rows: int = 1000) -> SqlProcess:
    """A database with rows, and the process that has it open."""
    process = SqlProcess(path)
    process(f"PRAGMA page_size = {page_size}", f"PRAGMA journal_mode = {mode}", "PRAGMA wal_autocheckpoint = 0",
            "CREATE TABLE t (n INTEGER PRIMARY KEY, x)", "CREATE INDEX i ON t (x)", FILL.format(rows))
    return process


def rows_of(path: Path) -> list:
    """All rows, of a database that is sound."""
    connection = sqlite3.connect(path)
    try:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return connection.execute("SELECT n, x FROM t ORDER BY n").fetchall()
    finally:
        connection.close()


def restored_rows(rig: Rig, path: Path) -> list:
    """The rows in the newest snapshot."""
    return rows_of(below(rig.restore(), path))


def verified(rig: Rig) -> verify.VerifyResult:
    """A snapshot that is restored into a scratch directory and judged there; of scope state, for want of a config."""
    rig.back_up(scope="state", force=True)
    options = verify.VerifyOptions("restore", scratch=str(rig.directory / "scratch"))
    return verify.execute(verify.plan(rig.open(), options, rig.context), rig.context)


def as_rows(found: list) -> list:
    """What a process answered, as sqlite3 would give it."""
    return [tuple(row) for row in found]


def untouched(rig: Rig, work) -> None:
    """Do it; nothing in the source may differ afterwards: no file more, no content, owner, mode or time."""
    before = {name: fact for name, fact in describe(rig.source).items() if not name.endswith("-shm")}
    files = sorted(os.listdir(rig.source))
    work()
    assert {name: fact for name, fact in describe(rig.source).items() if not name.endswith("-shm")} == before
    assert sorted(os.listdir(rig.source)) == files


# --- what a writer does at the worst moment

ACTIONS = {
    "commits": ["INSERT INTO t (x) VALUES ('late')"],
    "many commits": ["INSERT INTO t (x) VALUES ('late')", FILL.format(2000), "DELETE FROM t WHERE n < 500"],
    "checkpoint": ["PRAGMA wal_checkpoint(PASSIVE)"],
    "restart": ["PRAGMA wal_checkpoint(RESTART)", "INSERT INTO t (x) VALUES ('late')", FILL.format(500)],
    "truncate": ["PRAGMA wal_checkpoint(TRUNCATE)"],
    "truncate and commit": ["PRAGMA wal_checkpoint(TRUNCATE)", FILL.format(2000), "PRAGMA wal_checkpoint(TRUNCATE)", FILL.format(10)],
    "vacuum": ["DELETE FROM t WHERE n % 3 = 0", "VACUUM", "PRAGMA wal_checkpoint(PASSIVE)"],
}
BEFORE = {
    "all in the WAL": [],
    "all checkpointed": ["PRAGMA wal_checkpoint(PASSIVE)"],
    "WAL started anew": ["PRAGMA wal_checkpoint(RESTART)", "INSERT INTO t (x) VALUES ('first of the new WAL')"],
    "WAL truncated": ["PRAGMA wal_checkpoint(TRUNCATE)"],
    "some checkpointed": ["PRAGMA wal_checkpoint(PASSIVE)", FILL.format(300)],
}


@pytest.mark.parametrize("before", BEFORE)
def test_nothing_that_a_writer_does_while_it_is_read_changes_what_is_captured(rig, path, monkeypatch, before):
    """At every point: right after the pin, within the main file, before the WAL, within the WAL."""
    monkeypatch.setattr(content, "BLOCK_BYTES", 64 << 10)
    original = capture.Database.blocks, capture.Database.wal_blocks
    point, due = "", []

    def interrupt(where):
        if where == point:
            writer(*due)
            due.clear()

    def blocks(database):
        interrupt("main")
        for block in original[0](database):
            yield block
            interrupt("within main")

    def wal_blocks(database):
        interrupt("wal")
        for block in original[1](database):
            yield block
            interrupt("within wal")

    monkeypatch.setattr(capture.Database, "blocks", blocks)
    monkeypatch.setattr(capture.Database, "wal_blocks", wal_blocks)
    with make(path) as writer:
        for point in ("main", "within main", "wal", "within wal"):
            for name, statements in ACTIONS.items():
                writer(*BEFORE[before])
                expected, due = as_rows(writer("SELECT n, x FROM t ORDER BY n")), list(statements)
                result = rig.back_up(force=True)
                assert not result.omissions and not result.damaged_databases
                assert restored_rows(rig, path) == expected, (point, name)
                rig.forget_restored()
                writer("DELETE FROM t WHERE n > 1500", "PRAGMA wal_checkpoint(TRUNCATE)", FILL.format(300))


def test_a_commit_between_the_pin_and_the_look_into_the_index_is_taken_or_not_but_never_half(rig, path, monkeypatch):
    """Neither is the count of rows from another moment than the rows."""
    original, left = capture.Database.committed, []

    def committed(database):
        if left:
            writer(left.pop())
        return original(database)

    monkeypatch.setattr(capture.Database, "committed", committed)
    with make(path) as writer:
        for interruptions in (1, 2, 3, 5, 8, 45, 200):
            left += ["INSERT INTO t (x) VALUES (hex(randomblob(300)))"] * interruptions
            rig.back_up(force=True)
            left.clear()
            rows = restored_rows(rig, path)
            facts = rig.entries()[str(path)].database
            assert facts["rows"] in ({}, {"t": len(rows)})
            assert facts["quick_check"] == "ok"


def test_a_rollback_database_that_is_written_between_the_slices_is_captured_whole(rig, path, monkeypatch):
    monkeypatch.setattr(capture, "_SLICE", 16 << 10)
    original = capture._SharedLock.__exit__

    def leave(lock, *exception):
        original(lock, *exception)
        writer("INSERT INTO t (x) VALUES (hex(randomblob(300)))", "UPDATE t SET x = 'changed' WHERE n = 7")

    monkeypatch.setattr(capture._SharedLock, "__exit__", leave)
    with make(path, "DELETE") as writer:
        result = rig.back_up()
        assert not result.omissions and not result.damaged_databases
        rows = restored_rows(rig, path)
        assert len(rows) > 1000 and not rig.manifest()[1].meta["moment_exact"]
        facts = rig.entries()[str(path)].database
        assert facts["quick_check"] == "ok" and facts["rows"] in ({}, {"t": len(rows)})


def test_a_database_that_turns_from_one_journal_mode_to_the_other_is_captured_whole(rig, path, monkeypatch):
    """Between the look at its header and its reading."""
    original, turned = capture.Database.blocks, []

    def blocks(database):
        if not turned:
            turned.append(writer("PRAGMA journal_mode = WAL", FILL.format(500)))
        return original(database)

    monkeypatch.setattr(capture.Database, "blocks", blocks)
    with make(path, "DELETE") as writer:
        assert not rig.back_up().omissions
        assert restored_rows(rig, path) == as_rows(writer("SELECT n, x FROM t ORDER BY n"))


def test_an_idle_database_that_is_taken_into_use_while_it_is_read_is_captured_whole(rig, path, monkeypatch):
    make(path).__exit__()
    original, used = capture.Database.blocks, []

    def blocks(database):
        if not used:
            used.append(SqlProcess(path))
            used[0](FILL.format(500), "PRAGMA wal_checkpoint(PASSIVE)", FILL.format(5))
        return original(database)

    monkeypatch.setattr(capture.Database, "blocks", blocks)
    assert not rig.back_up().omissions
    with used[0]:
        assert restored_rows(rig, path) == as_rows(used[0]("SELECT n, x FROM t ORDER BY n"))


# --- who comes in between the plan and the run

@pytest.mark.parametrize("mode", ["WAL", "DELETE"])
def test_a_database_that_was_unchanged_at_the_plan_and_is_written_before_its_turn_is_captured_as_a_database(rig, path, mode):
    (rig.source / "note.md").write_text("one")
    with make(path, mode) as writer:
        rig.back_up()
        (rig.source / "note.md").write_text("two")
        planned = rig.plan()
        assert str(path) not in planned.databases
        writer(FILL.format(400))
        expected = as_rows(writer("SELECT n, x FROM t ORDER BY n"))
        assert not execute(rig, planned).omissions
        assert rig.entries()[str(path)].database["mode"] == ("wal" if mode == "WAL" else "rollback")
        assert restored_rows(rig, path) == expected


def execute(rig: Rig, planned):
    """Execute a plan."""
    from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine import backup
    return backup.execute(planned, rig.context)


def test_a_file_that_becomes_a_database_after_the_plan_is_not_passed_off_as_whole(rig, path):
    path.write_text("not yet")
    planned = rig.plan()
    path.unlink()
    with make(path):
        result = execute(rig, planned)
    assert result.omissions == [(str(path), "changed-while-read")]
    assert not rig.back_up().omissions
    assert len(restored_rows(rig, path)) == 1000


def test_commits_that_are_only_in_the_wal_make_a_snapshot(rig, path):
    with make(path) as writer:
        assert rig.back_up().changed
        assert not rig.back_up().changed
        writer("UPDATE t SET x = 'changed' WHERE n = 7")
        assert rig.back_up().changed
        assert (7, "changed") in restored_rows(rig, path)
        assert not rig.back_up().changed


# --- what crashes leave

def kept(path: Path, *ends: str) -> dict[str, bytes]:
    """The content of a database's files."""
    return {end: Path(f"{path}{end}").read_bytes() for end in ends}


def put(path: Path, files: dict[str, bytes]) -> None:
    """Make a database of just these files."""
    for end in ("", "-wal", "-shm", "-journal"):
        if end in files:
            Path(f"{path}{end}").write_bytes(files[end])
        else:
            Path(f"{path}{end}").unlink(missing_ok=True)


def test_a_wal_beside_a_database_of_the_other_kind_comes_with_it(rig, path):
    """SQLite reads it, whatever the header says."""
    writer = make(path, "DELETE")
    writer("PRAGMA journal_mode = WAL", FILL.format(50), "PRAGMA wal_checkpoint(TRUNCATE)", FILL.format(30))
    files = kept(path, "", "-wal")
    writer.kill()
    put(path, {"": files[""][:18] + b"\x01\x01" + files[""][20:], "-wal": files["-wal"]})
    untouched(rig, rig.back_up)
    copy = below(rig.restore(), path)
    assert len(rows_of(copy)) == len(rows_of(path)) == 1080


@pytest.mark.parametrize("index", [True, False], ids=["with its index", "without an index"])
def test_a_killed_writers_wal_comes_back_with_all_that_was_committed(rig, path, index):
    writer = make(path)
    writer("PRAGMA wal_checkpoint(PASSIVE)", FILL.format(300), "BEGIN", "INSERT INTO t (x) VALUES ('never committed')")
    expected = as_rows(writer("SELECT n, x FROM t WHERE x <> 'never committed' ORDER BY n"))
    writer.kill()
    if not index:
        Path(f"{path}-shm").unlink()
    untouched(rig, rig.back_up)
    assert not rig.back_up().omissions and not rig.back_up().damaged_databases
    assert len(expected) == 1300 and restored_rows(rig, path) == expected


def test_an_index_of_another_wal_is_not_believed(rig, path):
    """After a power cut: the files are of different moments, and who reads may not write the index anew."""
    writer = make(path)
    old = kept(path, "-shm")
    writer("PRAGMA wal_checkpoint(TRUNCATE)", FILL.format(300))
    expected = as_rows(writer("SELECT n, x FROM t ORDER BY n"))
    files = kept(path, "", "-wal")
    writer.kill()
    put(path, {**files, **old})
    rig.back_up()
    assert restored_rows(rig, path) == expected


def test_a_young_database_is_its_wal(rig, path):
    with make(path, rows=8000) as writer:
        assert path.stat().st_size == 4096 and Path(f"{path}-wal").stat().st_size > 2_000_000
        untouched(rig, rig.back_up)
        assert restored_rows(rig, path) == as_rows(writer("SELECT n, x FROM t ORDER BY n"))


@pytest.mark.parametrize("alive", [True, False], ids=["in use", "left behind"])
def test_a_wal_of_length_zero_is_no_wal(rig, path, alive):
    with make(path) as writer:
        writer("PRAGMA wal_checkpoint(TRUNCATE)")
        expected = as_rows(writer("SELECT n, x FROM t ORDER BY n"))
        if not alive:
            files = kept(path, "", "-wal")
            writer.kill()
            put(path, files)
        untouched(rig, rig.back_up)
        assert rig.entries()[str(path)].database["quick_check"] == "ok"
        assert restored_rows(rig, path) == expected


def test_a_hot_journal_comes_with_its_database_and_undoes_what_was_not_committed(rig, path):
    writer = make(path, "DELETE", rows=20_000)
    expected = as_rows(writer("SELECT n, x FROM t ORDER BY n"))
    writer("PRAGMA cache_size = 5", "BEGIN", "UPDATE t SET x = 'half done'")
    writer.kill()
    assert b"half done" in path.read_bytes() and Path(f"{path}-journal").stat().st_size
    untouched(rig, rig.back_up)
    assert not rig.back_up().changed and not rig.back_up().damaged_databases
    assert restored_rows(rig, path) == expected
    assert not rig.back_up().changed
    assert verified(rig).databases_checked == 1
    rows_of(path)  # whoever opens the original rolls it back
    assert rig.back_up().changed
    assert restored_rows(rig, path) == expected and not Path(f"{below(rig.restore(), path)}-journal").exists()


def test_a_journal_of_a_running_transaction_does_not_come_along(rig, path):
    with make(path, "DELETE", rows=5000) as writer:
        writer("BEGIN", "UPDATE t SET x = 'not yet' WHERE n < 10")
        assert Path(f"{path}-journal").exists()
        assert not rig.back_up().omissions
        assert not any(name.endswith("-journal") for name in rig.entries())
        assert len(restored_rows(rig, path)) == 5000


@pytest.mark.parametrize("mode", ["WAL", "DELETE"])
def test_a_database_that_another_process_holds_locked_is_read_as_a_crash_would_leave_it(rig, path, monkeypatch, mode):
    monkeypatch.setattr(capture, "_WAIT", 0.05)
    make(path, mode).__exit__()
    with SqlProcess(path) as owner:
        owner("PRAGMA locking_mode = EXCLUSIVE", FILL.format(20))
        expected = as_rows(owner("SELECT n, x FROM t ORDER BY n"))
        untouched(rig, rig.back_up)
        assert not rig.back_up().omissions
        assert rig.entries()[str(path)].database["quick_check"].startswith("not run")
        assert restored_rows(rig, path) == expected


def test_a_database_that_becomes_locked_while_it_is_read_is_read_again(rig, path, monkeypatch):
    monkeypatch.setattr(capture, "_WAIT", 0.05)
    original = capture.Database.blocks

    def blocks(database):
        writer("BEGIN EXCLUSIVE")
        return original(database)

    monkeypatch.setattr(capture.Database, "blocks", blocks)
    with make(path, "DELETE") as writer:
        result = rig.back_up()
        assert not result.omissions and not result.damaged_databases
        writer("COMMIT")
        assert len(restored_rows(rig, path)) == 1000


# --- damage

DAMAGE = {
    "pages of garbage": lambda data: data[:8192] + os.urandom(len(data) - 8192),
    "a page of zeros": lambda data: data[:4096 * 5] + bytes(4096) + data[4096 * 6:],
    "cut short": lambda data: data[:len(data) // 2 & ~0xfff],
    "garbage in the schema": lambda data: data[:100] + os.urandom(3996) + data[4096:],
}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("mode", ["WAL", "DELETE"])
def test_a_damaged_database_is_stored_as_it_is_and_said_to_be_damaged(rig, path, mode, damage):
    make(path, mode).__exit__()
    path.write_bytes(DAMAGE[damage](path.read_bytes()))
    (rig.source / "sound.md").write_text("sound")
    untouched(rig, rig.back_up)
    again = rig.back_up()
    assert not again.changed and [name for name, _what in again.damaged_databases] == [str(path)]
    copy = below(rig.restore(), path)
    assert copy.read_bytes() == path.read_bytes() and (copy.parent / "sound.md").read_text() == "sound"
    assert [item["path"] for item in rig.restored.damaged] == [str(path)]


def test_what_only_looks_like_a_database_by_its_name_is_a_file(rig, path):
    path.write_bytes(b"")
    rig.databases = (str(path),)
    result = rig.back_up()
    assert not result.damaged_databases and not result.omissions
    assert below(rig.restore(), path).read_bytes() == b""


# --- kinds and places

@pytest.mark.parametrize("page_size", [512, 1024, 2048, 4096, 8192, 16384, 32768, 65536])
@pytest.mark.parametrize("mode", ["WAL", "DELETE"])
def test_every_page_size(rig, path, mode, page_size):
    with make(path, mode, page_size) as writer:
        writer("PRAGMA wal_checkpoint(PASSIVE)", FILL.format(700))
        untouched(rig, rig.back_up)
        assert rig.entries()[str(path)].database["page_size"] == page_size
        assert restored_rows(rig, path) == as_rows(writer("SELECT n, x FROM t ORDER BY n"))


@pytest.mark.parametrize("name", ["a b.sqlite", "100%.db", "what?.db", "a#b.db", "ä.db", "new\nline.db", "x.sqlite-a", ":memory:"])
def test_names_that_a_uri_could_misread(rig, name):
    path = rig.source / name
    with make(path) as writer, make(rig.source / "x.sqlite"):
        untouched(rig, rig.back_up)
        assert rig.entries()[str(path)].database["quick_check"] == "ok"
        assert restored_rows(rig, path) == as_rows(writer("SELECT n, x FROM t ORDER BY n"))


def test_a_name_of_other_bytes_than_text(rig):
    path = Path(os.fsdecode(os.fsencode(rig.source) + b"/\xff\xfe.db"))
    make(rig.source / "plain.db").__exit__()
    (rig.source / "plain.db").rename(path)
    rig.back_up()
    assert rig.entries()[str(path)].database["quick_check"] == "ok"
    assert below(rig.restore(), path).read_bytes() == path.read_bytes()


def test_two_names_of_one_database_are_one_database(rig, path):
    """And closing the one does not drop the locks on the other."""
    make(path, "DELETE").__exit__()
    os.link(path, rig.source / "zz-other-name.sqlite")
    assert not rig.back_up().omissions
    copy = below(rig.restore(), path)
    assert copy.samefile(copy.with_name("zz-other-name.sqlite")) and len(rows_of(copy)) == 1000
    assert not rig.back_up().changed


@as_root
@pytest.mark.parametrize("mode", ["WAL", "DELETE"])
def test_as_root_somebody_elses_database_stays_theirs(rig, path, mode):
    """A file beside it that belongs to root would lock its owner out."""
    rig.directory.chmod(0o755)
    rig.source.chmod(0o755)
    os.chown(rig.source, NOBODY, NOBODY)
    for parent in rig.directory.parents:
        if parent.stat().st_uid == 0 and parent != Path("/"):
            parent.chmod(parent.stat().st_mode | 0o055)
    with SqlProcess(path, user=NOBODY) as writer:
        writer(f"PRAGMA journal_mode = {mode}", "CREATE TABLE t (n INTEGER PRIMARY KEY, x)", FILL.format(100))
        untouched(rig, rig.back_up)
        assert {found.stat().st_uid for found in rig.source.iterdir()} == {NOBODY}
        assert writer("INSERT INTO t (x) VALUES ('still mine')") == []
    with SqlProcess(path, user=NOBODY) as writer:
        assert writer("INSERT INTO t (x) VALUES ('and later')") == []
    untouched(rig, rig.back_up)
    assert len(restored_rows(rig, path)) == 102


READER = """
import sys
sys.path[:0] = sys.argv[1:3]
import runpy
from pathlib import Path
runpy.run_path(sys.argv[1] + "/unit/conftest.py")
from support.nobody import become_nobody
from support.rig import Rig
rig = Rig(Path(sys.argv[3]))
become_nobody()
rig.roots = [Path(sys.argv[4])]
result = rig.back_up()
assert not result.omissions and not result.damaged_databases, result
rig.restore()
"""


@as_root
@pytest.mark.parametrize("state", ["idle", "left behind", "in use", "rollback"])
def test_a_database_in_a_directory_that_may_only_be_read(tmp_path_factory, state):
    """By somebody who may write neither the directory nor any file in it."""
    base = tmp_path_factory.mktemp("shared")
    for parent in [base, *base.parents][:-1]:
        parent.chmod(parent.stat().st_mode | 0o055)
    source, work = base / "source", base / "work"
    source.mkdir(mode=0o755)
    for directory in (work, work / "source"):
        directory.mkdir(mode=0o755)
        os.chown(directory, NOBODY, NOBODY)
    path = source / "agent.sqlite"
    writer = make(path, "DELETE" if state == "rollback" else "WAL")
    expected = as_rows(writer("SELECT n, x FROM t ORDER BY n"))
    for found in source.iterdir():
        found.chmod(0o644)
    if state == "left behind":
        writer.kill()
    elif state != "in use":
        writer.__exit__()
    before, files = describe(source), sorted(os.listdir(source))
    tests = str(Path(__file__).resolve().parents[1])
    subprocess.run([sys.executable, "-c", READER, tests, tests + "/torture", str(work), str(source)], check=True)
    after = describe(source)
    assert sorted(os.listdir(source)) == files and {name: after[name] for name in files} == {name: before[name] for name in files}
    assert rows_of(below(work / "restored-1", path)) == expected
    if state == "in use":
        writer.__exit__()


@as_root
def test_a_database_on_a_file_system_that_is_mounted_read_only(rig, path):
    writer = make(path)
    expected = as_rows(writer("SELECT n, x FROM t ORDER BY n"))
    writer.kill()
    Path(f"{path}-shm").unlink()
    mounted = rig.directory / "mounted"
    mounted.mkdir()
    commands = [["mount", "--bind", str(rig.source), str(mounted)], ["mount", "-o", "remount,bind,ro", str(mounted)]]
    if any(subprocess.run(command, capture_output=True, check=False).returncode for command in commands):
        pytest.skip("mounting is not allowed here")
    try:
        rig.roots = [mounted]
        result = rig.back_up()
        assert not result.omissions and not result.damaged_databases
        assert restored_rows(rig, mounted / path.name) == expected
    finally:
        subprocess.run(["umount", str(mounted)], check=True)


def test_a_large_database_under_a_writer(memory_directory, full):
    """More than 1 GiB in the full form."""
    rig = Rig(memory_directory)
    path = rig.source / "large.sqlite"
    with make(path, rows=10) as writer:
        for _part in range(60 if full else 3):
            writer(FILL.replace("hex(randomblob(100))", "randomblob(4000)").format(5000))
            writer("PRAGMA wal_checkpoint(PASSIVE)")
        writer(FILL.format(5000))
        count = writer("SELECT count(*) FROM t")[0][0]
        assert not rig.back_up().omissions
        assert not full or rig.manifest()[0].bytes > 1 << 30
        copy = below(rig.restore(), path)
        connection = sqlite3.connect(copy)
        assert connection.execute("PRAGMA quick_check").fetchall() == [("ok",)]
        assert connection.execute("SELECT count(*) FROM t").fetchone()[0] == count
        connection.close()
