# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files that come, go and change between the walk and their reading: retried, then named; nothing is stored half and called whole."""
from __future__ import annotations

import contextlib
import os
import random
import shutil
import sqlite3
from pathlib import Path

import pytest
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine import backup
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.capture import content, walk
from support.clock import ManualClock
from support.rig import Rig, omissions
from support.trees import assert_same


def between_plan_and_run(rig, change):
    """A backup of whose files some change after the walk."""
    planned = rig.plan()
    change()
    return backup.execute(planned, rig.context)


def test_what_vanishes_after_the_walk_is_named(rig):
    for name in ("stays", "goes"):
        (rig.source / name).write_text(name)
    (rig.source / "tree/inner").mkdir(parents=True)
    (rig.source / "tree/inner/file").write_text("x")
    os.symlink("x", rig.source / "link")

    def change():
        (rig.source / "goes").unlink()
        (rig.source / "link").unlink()
        shutil.rmtree(rig.source / "tree")
    result = between_plan_and_run(rig, change)
    assert omissions(result, rig.source)["goes"] == "vanished" and omissions(result, rig.source)["tree/inner/file"] == "vanished"
    assert (rig.restored_source() / "stays").read_text() == "stays"
    assert not rig.back_up().omissions
    assert_same(rig.source, rig.restored_source())


def test_what_vanishes_during_the_walk_is_named_or_not_there(rig, monkeypatch):
    for number in range(50):
        (rig.source / f"{number:02}").mkdir()
        (rig.source / f"{number:02}/file").write_text("x")
    original, seen = os.scandir, []

    def scandir(path):
        seen.append(path)
        if len(seen) % 5 == 0:
            victim = rig.source / f"{len(seen) // 5 * 4 + 5:02}"
            shutil.rmtree(victim, ignore_errors=True)
        return original(path)

    monkeypatch.setattr(walk.os, "scandir", scandir)
    result = rig.back_up()
    monkeypatch.undo()
    assert result.omissions and {reason for _path, reason in result.omissions} == {"vanished"}
    rig.restore()
    assert not rig.back_up().omissions
    assert_same(rig.source, rig.restored_source())


@pytest.mark.parametrize("known", [False, True], ids=["a new database", "an unchanged one"])
def test_a_journal_that_is_gone_before_it_can_be_looked_at_is_no_omission(rig, monkeypatch, known):
    """It goes with every commit; only one beside something that is no database is anybody's file."""
    with contextlib.closing(sqlite3.connect(rig.source / "memory.db")) as connection, connection:
        connection.execute("CREATE TABLE notes (text)")
    (rig.source / "letter").write_text("no database")
    if known:
        rig.back_up()
    original = os.scandir

    @contextlib.contextmanager
    def scandir(path):
        with original(path) as listing:
            found = list(listing)
        for item in found:
            if item.name.endswith("-journal"):
                os.unlink(item.path)
        yield found

    for name in ("memory.db-journal", "letter-journal"):
        (rig.source / name).write_bytes(b"")
    monkeypatch.setattr(walk.os, "scandir", scandir)
    result = rig.back_up()
    monkeypatch.undo()
    assert omissions(result, rig.source) == {"letter-journal": "vanished"}
    with contextlib.closing(sqlite3.connect(rig.restored_source() / "memory.db")) as connection:
        assert connection.execute("SELECT count(*) FROM notes").fetchone() == (0,)


@pytest.mark.parametrize("becomes", ["a link", "a directory", "a FIFO", "another file"])
def test_what_becomes_something_else_after_the_walk_is_not_followed(rig, becomes):
    path = rig.source / "file"
    path.write_text("what it was")
    (rig.source / "other").write_text("x")
    secret = rig.directory / "secret"
    secret.write_text("not to be read")

    def change():
        path.unlink()
        {"a link": lambda: path.symlink_to(secret), "a directory": path.mkdir, "a FIFO": lambda: os.mkfifo(path),
         "another file": lambda: path.write_text("what it is now, and longer")}[becomes]()
    result = between_plan_and_run(rig, change)
    copy = rig.restored_source()
    if becomes == "another file":
        assert not result.omissions and (copy / "file").read_text() == "what it is now, and longer"
    else:
        assert set(omissions(result, rig.source)) == {"file"} and not os.path.lexists(copy / "file")
    if becomes != "a FIFO":
        assert not rig.back_up().omissions
        assert_same(rig.source, rig.restored_source())


def while_read(monkeypatch, action):
    """Call action(how many blocks were read so far) after each block of an ordinary file."""
    original, count = content.blocks, [0]

    def blocks(descriptor, size, sparse=False):
        for block in original(descriptor, size, sparse):
            yield block
            count[0] += 1
            action(count[0])

    monkeypatch.setattr(content, "blocks", blocks)


def test_a_log_that_grows_while_it_is_read_is_whole_up_to_where_it_was(rig, monkeypatch):
    path = rig.source / "log"
    path.write_bytes(b"line\n" * 700_000)
    (rig.source / "other").write_text("x")

    def grow(_count):
        with path.open("ab") as stream:
            stream.write(b"more\n")
    while_read(monkeypatch, grow)
    assert not rig.back_up().omissions
    monkeypatch.undo()
    copy = (rig.restored_source() / "log").read_bytes()
    assert path.read_bytes().startswith(copy) and len(copy) >= 3_500_000
    assert rig.back_up().changed
    assert_same(rig.source, rig.restored_source())


def test_a_file_that_is_changed_once_while_it_is_read_is_read_again(rig, monkeypatch):
    path = rig.source / "file"
    path.write_bytes(os.urandom(3 << 20))

    def change(count):
        if count == 2:
            with path.open("r+b") as stream:
                stream.write(b"changed at its start")
    while_read(monkeypatch, change)
    assert not rig.back_up().omissions
    monkeypatch.undo()
    assert_same(rig.source, rig.restored_source())


def test_a_file_that_never_stands_still_is_stored_and_named(rig, monkeypatch):
    path = rig.source / "file"
    path.write_bytes(os.urandom(3 << 20))
    (rig.source / "other").write_text("x")

    def change(count):
        with path.open("r+b") as stream:
            stream.write(b"%09d" % count)
    while_read(monkeypatch, change)
    result = rig.back_up()
    monkeypatch.undo()
    assert omissions(result, rig.source) == {"file": "changed-while-read"} and not result.header.complete
    rig.restore()
    again = rig.back_up()
    assert again.changed and again.header.complete, "a whole snapshot follows as soon as it can"
    assert_same(rig.source, rig.restored_source())


def test_a_file_that_is_cut_short_while_it_is_read_is_read_again(rig, monkeypatch):
    path = rig.source / "file"
    path.write_bytes(os.urandom(3 << 20))
    while_read(monkeypatch, lambda count: os.truncate(path, 5) if count == 1 else None)
    assert not rig.back_up().omissions
    monkeypatch.undo()
    assert (rig.restored_source() / "file").stat().st_size == 5


def test_a_change_that_hides_behind_the_clock_is_seen(rig):
    """Same size, and the time of change set back: the inode's own time tells."""
    path = rig.source / "file"
    path.write_bytes(b"one")
    rig.back_up()
    for turn in range(20):
        before = path.stat()
        path.write_bytes(b"%03d" % turn)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert rig.back_up().changed
        assert (rig.restored_source() / "file").read_bytes() == b"%03d" % turn


@pytest.mark.parametrize("kind", ["file", "database"])
def test_what_was_written_a_moment_before_is_read_again_by_the_next_run(tmp_path, monkeypatch, kind):
    """Older kernels stamp by their tick: a second change within the same tick would not show."""
    monkeypatch.setattr(content, "stamps_are_fine", lambda: False)
    clock = ManualClock()
    rig = Rig(tmp_path, clock=clock)
    path = rig.source / "fresh"
    if kind == "file":
        path.write_text("x")
    else:
        connection = sqlite3.connect(path, isolation_level=None)
        for statement in ("PRAGMA journal_mode = WAL", "CREATE TABLE t (x)"):
            connection.execute(statement)
    stamp = max(path.stat().st_ctime_ns, os.stat(f"{path}-wal").st_mtime_ns if kind == "database" else 0)
    for age, read_again in ((0.001, True), (-0.5, True), (5.0, False), (-90 * 86400.0, False)):
        clock.jump(stamp / 1e9 + age - clock.now())
        rig.back_up(force=True)
        clock.jump(3600)
        assert rig.plan().files_changed == read_again, age
        assert not rig.back_up().changed
    if kind == "database":
        connection.close()


def test_a_new_omission_makes_a_snapshot_and_its_end_another(rig, monkeypatch):
    """A result must never be "unchanged" when something new is missing."""
    (rig.source / "other").write_text("x")
    assert rig.back_up().changed
    before = rig.source.stat()
    (rig.source / "unreadable").write_text("secret")
    os.utime(rig.source, ns=(before.st_atime_ns, before.st_mtime_ns))
    original = content.open_file

    def refuse(path):
        if path.endswith("unreadable"):
            raise PermissionError(13, "refused")
        return original(path)

    monkeypatch.setattr(content, "open_file", refuse)
    result = rig.back_up()
    assert result.changed and omissions(result, rig.source) == {"unreadable": "no-permission"}
    again = rig.back_up()
    assert not again.changed and omissions(again, rig.source) == {"unreadable": "no-permission"}
    monkeypatch.undo()
    assert rig.back_up().header.complete
    assert_same(rig.source, rig.restored_source())


def test_files_whose_parts_lie_in_many_packs(rig, monkeypatch):
    """More of them than may be open at once, their parts in any order."""
    dice = random.Random(3)
    for turn in range(3):
        for number in dice.sample(range(400), 400):
            with open(rig.source / f"{number}", "ab") as stream:
                stream.write(b"%d " % number + dice.randbytes(100) * 2700)
        rig.back_up()
    assert_same(rig.source, rig.restored_source())
