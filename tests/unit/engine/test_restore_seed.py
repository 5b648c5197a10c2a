# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A restore that uses up an earlier one: the result is the same as without it, and only what differs is read."""
from __future__ import annotations

import os
import random
import sqlite3

import pytest

from support.rig import Rig
from support.trees import assert_same, describe

BIG = 3 << 20


@pytest.fixture()
def rig(tmp_path) -> Rig:
    made = Rig(tmp_path)
    chance = random.Random(7)
    for number in range(20):
        (made.source / f"note-{number}.md").write_bytes(chance.randbytes(5000))
    (made.source / "log.jsonl").write_bytes(chance.randbytes(BIG))
    (made.source / "kept").mkdir()
    (made.source / "kept" / "same.bin").write_bytes(chance.randbytes(BIG))
    database = sqlite3.connect(made.source / "memory.sqlite")
    database.executescript("CREATE TABLE t (id INTEGER PRIMARY KEY, x BLOB)")
    database.executemany("INSERT INTO t (x) VALUES (?)", [(chance.randbytes(3000),) for _row in range(1000)])
    database.commit()
    database.close()
    made.back_up()
    return made


def change(rig: Rig) -> None:
    with open(rig.source / "log.jsonl", "ab") as stream:
        stream.write(b"one more line\n" * 100)
    database = sqlite3.connect(rig.source / "memory.sqlite")
    database.execute("UPDATE t SET x = zeroblob(3000) WHERE id = 500")
    database.commit()
    database.close()
    (rig.source / "note-3.md").write_text("rewritten")
    (rig.source / "note-4.md").unlink()
    (rig.source / "note-5.md").rename(rig.source / "renamed.md")
    (rig.source / "new.md").write_text("new")
    os.link(rig.source / "note-6.md", rig.source / "second-name.md")


def restored_bytes(rig: Rig, **options) -> tuple[str, int]:
    """(where the source is now, how many bytes of the storage that took)."""
    opened = rig.storage.traffic.bytes_received
    where = rig.restored_source(**options)
    return str(where), rig.storage.traffic.bytes_received - opened


def test_only_what_differs_is_read_and_the_result_is_the_same(rig):
    seed = rig.restore()
    change(rig)
    rig.back_up()
    plain, all_bytes = restored_bytes(rig)
    seeded, few_bytes = restored_bytes(rig, seed=str(seed))
    assert_same(rig.source, seeded)
    assert describe(plain) == describe(seeded)
    assert few_bytes < all_bytes / 3
    assert not seed.exists(), "a seed is used up"


def test_a_seed_that_was_changed_meanwhile_is_not_believed(rig):
    seed = rig.restore()
    inside = seed.joinpath(*rig.source.parts[1:])
    (inside / "note-1.md").write_text("changed")  # size and time tell
    (inside / "note-2.md").unlink()
    (inside / "note-7.md").unlink()
    (inside / "note-7.md").symlink_to("/etc/passwd")
    log = inside / "log.jsonl"
    stamp = log.stat().st_mtime_ns
    with open(log, "r+b") as stream:
        stream.write(b"damaged")  # and here nothing but the digest does
    os.utime(log, ns=(stamp, stamp))
    change(rig)
    rig.back_up()
    assert_same(rig.source, rig.restored_source(seed=str(seed)))


@pytest.mark.parametrize("spoil", ["no record", "another repository", "a part", "the snapshot is gone", "no directory"])
def test_what_is_no_whole_restore_of_this_repository_is_no_seed(rig, spoil, tmp_path):
    seed = rig.restore(**({"paths": (str(rig.source / "kept"),)} if spoil == "a part" else {}))
    if spoil == "no record":
        (seed / ".openclaw-restored.json").unlink()
    elif spoil == "another repository":
        text = (seed / ".openclaw-restored.json").read_text()
        (seed / ".openclaw-restored.json").write_text(text.replace(rig.open().id, "0" * 32))
    elif spoil == "no directory":
        seed = tmp_path / "nowhere"
    change(rig)
    rig.back_up()
    if spoil == "the snapshot is gone":
        for name in [item.name for item in rig.storage.list("snapshots/")][:1]:
            rig.storage.delete([name])
    assert_same(rig.source, rig.restored_source(seed=str(seed)))


def test_a_restore_that_fails_leaves_nothing_that_looks_like_a_seed(rig):
    seed = rig.restore()
    change(rig)
    rig.back_up()
    packs = [item.name for item in rig.storage.list("packs/")]
    for name in packs:
        rig.storage.delete([name])
    with pytest.raises(Exception, match="did not come back"):
        rig.restore(seed=str(seed))
    assert not seed.exists()
