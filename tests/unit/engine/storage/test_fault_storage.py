# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The storage that fails as told: tests of crashes rest on it, so it has to fail exactly so."""
from __future__ import annotations

import pytest
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.errors import EngineError
from support.clock import ManualClock
from support.fault_storage import FaultStorage, Killed, MemoryStorage, refused


@pytest.fixture
def inner():
    storage = MemoryStorage(ManualClock())
    for name in ("a", "b", "c", "d"):
        storage.create(name, [b"1"])
    return storage


@pytest.mark.parametrize("when, stored", [("before", False), ("during", False), ("after", True)])
def test_a_kill_comes_before_or_after_the_effect_and_ends_everything(inner, when, stored):
    storage = FaultStorage(inner, at=2, when=when)
    assert storage.get("a") == b"1"
    with pytest.raises(Killed):
        storage.create("new", [b"2"])
    assert ("new" in inner.objects) is stored
    for request in (lambda: storage.get("a"), lambda: list(storage.list("")), lambda: storage.create("x", [b""]), lambda: storage.delete(["a"])):
        with pytest.raises(Killed):
            request()
    assert {"a", "b", "c", "d"} <= set(inner.objects) and "x" not in inner.objects
    assert storage.log == [("get", "a"), ("put", "new")] and storage.requests == 2


def test_a_kill_during_a_deletion_leaves_half(inner):
    with pytest.raises(Killed):
        FaultStorage(inner, at=1, when="during").delete(["a", "b", "c", "d"])
    assert set(inner.objects) == {"c", "d"}


def test_an_error_strikes_once(inner):
    storage = FaultStorage(inner, at=1, fault=refused)
    with pytest.raises(EngineError):
        list(storage.list(""))
    assert len(list(storage.list(""))) == 4


def test_without_a_fault_it_only_counts(inner):
    storage = FaultStorage(inner)
    storage.create("e", [b"1"])
    assert [item.name for item in storage.list("")] == ["a", "b", "c", "d", "e"]
    assert storage.delete(["e"]).deleted == ["e"]
    assert storage.requests == 3


def test_nobody_can_catch_a_kill_as_an_exception():
    assert not issubclass(Killed, Exception)
