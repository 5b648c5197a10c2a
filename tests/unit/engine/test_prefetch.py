# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Snapshots are brought ahead of a restore: each uses up the one before, and a round that was cut short does no harm."""
from __future__ import annotations

import os
import random
import shutil

import pytest
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine import prefetch
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.errors import EngineError
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.ports import Context

from support.rig import Rig
from support.trees import assert_same

CHANCE = random.Random(3)


@pytest.fixture
def rig(tmp_path) -> Rig:
    made = Rig(tmp_path)
    for number in range(4):
        (made.source / f"file-{number}.bin").write_bytes(CHANCE.randbytes(1 << 20))
    made.back_up()
    return made


def bring(rig, tmp_path) -> int:
    """Prefetch the newest one; gives the bytes read from the storage."""
    before = rig.storage.traffic.bytes_received
    prefetch.prefetch(rig.open(), str(tmp_path / ".openclaw"), Context())
    return rig.storage.traffic.bytes_received - before


def brought(rig, tmp_path):
    return tmp_path.joinpath(".openclaw.prefetched", *rig.source.parts[1:])


def change(rig, name: str = "new.bin") -> None:
    (rig.source / name).write_bytes(CHANCE.randbytes(1000))
    rig.back_up()


def test_each_round_reads_what_has_changed_and_no_more(rig, tmp_path):
    first = bring(rig, tmp_path)
    change(rig)
    second = bring(rig, tmp_path)
    assert first > 4 << 20 and second < 1 << 20
    assert_same(rig.source, brought(rig, tmp_path))
    assert not (tmp_path / ".openclaw.prefetched.earlier").exists()
    assert prefetch.prefetch(rig.open(), str(tmp_path / ".openclaw"), Context())[0].changed is False


@pytest.mark.parametrize("left", ["half a round", "renamed and no more", "half used up", "a link"])
def test_after_a_round_that_was_cut_short_the_next_one_is_whole(rig, tmp_path, left):
    place = tmp_path / ".openclaw.prefetched"
    bring(rig, tmp_path)
    if left == "half a round":
        (place / ".openclaw-restored.json").unlink()
    elif left == "renamed and no more":
        os.rename(place, f"{place}.earlier")
    elif left == "half used up":
        shutil.copytree(place, f"{place}.earlier", symlinks=True)
        for directory in (place, tmp_path / f"{place.name}.earlier"):
            (directory / ".openclaw-restored.json").unlink()
    else:
        shutil.rmtree(place)
        place.symlink_to(tmp_path / "precious")
        (tmp_path / "precious").mkdir()
        (tmp_path / "precious" / "file").write_text("mine")
    change(rig)
    bring(rig, tmp_path)
    assert_same(rig.source, brought(rig, tmp_path))
    assert left != "a link" or (tmp_path / "precious" / "file").read_text() == "mine"


def test_what_was_brought_can_be_removed(rig, tmp_path):
    assert prefetch.discard(str(tmp_path / ".openclaw")) is False
    bring(rig, tmp_path)
    assert prefetch.discard(str(tmp_path / ".openclaw")) is True
    assert not list(tmp_path.glob(".openclaw*"))


def test_a_home_that_is_not_there_is_not_made(rig, tmp_path):
    with pytest.raises(EngineError) as caught:
        prefetch.prefetch(rig.open(), str(tmp_path / "nobody" / ".openclaw"), Context())
    assert caught.value.code == "path-missing" and not (tmp_path / "nobody").exists()
