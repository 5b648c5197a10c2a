# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Listing shows what a snapshot holds and nothing else; comparing shows every difference, and none where there is none."""
from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine import listing
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.errors import EngineError
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.repository.manifest import Entry
from support.rig import Rig


@pytest.fixture
def rig(tmp_path):
    made = Rig(tmp_path)
    (made.source / "a").mkdir()
    (made.source / "a" / "one").write_text("one")
    (made.source / "a-b").write_text("sorts between a and what is in it, by its letters")
    (made.source / "link").symlink_to("a/one")
    made.back_up()
    return made


def listed(rig, path="", recursive=False, snapshot="latest") -> list[str]:
    found = listing.list_entries(rig.open(), snapshot, path, recursive)
    return [os.path.relpath(entry.path, rig.source) for entry in found.entries]


def test_a_directory_has_its_children_and_not_itself(rig):
    assert sorted(listed(rig, ".")) == ["a", "a-b", "link"]
    assert listed(rig, "a") == ["a/one"]
    assert listed(rig, str(rig.source / "a")) == ["a/one"]
    assert listed(rig, "a/") == ["a/one"]


def test_without_a_path_there_is_what_lies_highest(rig):
    assert listed(rig) == ["."]
    assert sorted(listed(rig, recursive=True)) == sorted(listed(rig, "/", recursive=True)) == [".", "a", "a-b", "a/one", "link"]


def test_one_file_is_listed_as_itself(rig):
    entry = listing.list_entries(rig.open(), "latest", "a/one").entries[0]
    assert (entry.type, entry.size, entry.database) == ("file", 3, False)
    assert listing.list_entries(rig.open(), "v1", "link").entries[0].target == "a/one"


def test_an_empty_directory_is_itself_at_least(rig):
    (rig.source / "empty").mkdir()
    rig.back_up()
    assert listed(rig, "empty") == ["empty"]


@pytest.mark.parametrize("path", ["nowhere", "a/on", "../a", "a/one/x"])
def test_what_is_not_there_is_said(rig, path):
    with pytest.raises(EngineError) as caught:
        listed(rig, path)
    assert caught.value.code == "path-missing"


def differences(rig, before="v1", after="latest") -> dict[str, tuple]:
    found = listing.compare(rig.open(), before, after)
    return {os.path.relpath(item.path, rig.source): (item.change, *item.what) for item in found.differences}


def test_every_kind_of_change_is_told(rig):
    (rig.source / "a" / "one").write_text("another")
    (rig.source / "new").write_text("new")
    (rig.source / "link").unlink()
    (rig.source / "a-b").chmod(0o600 if (rig.source / "a-b").stat().st_mode & 0o077 else 0o644)
    rig.back_up()
    assert differences(rig) == {
        "a/one": ("changed", "content", "time"), "new": ("added",), "link": ("removed",), "a-b": ("changed", "mode")}
    assert differences(rig, "latest", "v1")["new"] == ("removed",)


def test_a_file_that_became_a_directory_is_of_another_type(rig):
    (rig.source / "a-b").unlink()
    (rig.source / "a-b").mkdir()
    (rig.source / "a-b" / "inner").write_text("x")
    rig.back_up()
    assert differences(rig) == {"a-b": ("changed", "type"), "a-b/inner": ("added",)}


def test_a_snapshot_does_not_differ_from_itself(rig):
    assert not differences(rig, "v1", "v1")


NAMES = st.sets(st.text("ab-/", min_size=1, max_size=6).map(lambda text: "/" + text.strip("/")).filter(lambda text: "//" not in text))


@given(NAMES, NAMES)
def test_pairs_are_complete_and_in_order_whatever_the_names(old, new):
    def entries(names):
        return iter([(Entry(name, "file", 0, 0, 0, 0), b"") for name in sorted(names, key=listing.order_key)])
    pairs = [(left and left.path, right and right.path) for left, right in listing._pair(entries(old), entries(new))]
    assert {left for left, _right in pairs if left} == old and {right for _left, right in pairs if right} == new
    assert all(left == right for left, right in pairs if left and right)
    assert len(pairs) == len(old | new)
