# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host that holds a writer key and credentials that may only create: it backs up, and can neither read nor destroy anything."""
from __future__ import annotations

import pytest
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine import backup, restore
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.errors import EngineError
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.options import BackupOptions
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.repository import repository
from support.rig import Rig
from support.s3_server import CREATE_ONLY
from support.trees import assert_same


def test_it_backs_up_and_neither_reads_nor_deletes_nor_overwrites(ceph, opener, tmp_path):
    owner = Rig(tmp_path, opener())
    writer = owner.open().bundle.writer()
    storage = opener(user=ceph.add_user(*CREATE_ONLY, bucket=opener.bucket))
    host = owner.new_context("host")

    def back_up() -> backup.BackupResult:
        options = BackupOptions(kind="scheduled")
        made = backup.plan(lambda: repository.open_repository(storage, writer, host), owner.what(), options, host)
        return backup.execute(made, host)

    (owner.source / "SOUL.md").write_text("who I am")
    (owner.source / "large").write_bytes(bytes(range(256)) * 20_000)
    first = back_up()
    (owner.source / "MEMORY.md").write_text("what I remember")
    assert first.changed and back_up().changed and not back_up().changed

    with pytest.raises(EngineError) as caught:
        opened = repository.open_repository(storage, writer, host)
        restore.plan(opened, restore.RestoreOptions(target=str(tmp_path / "stolen")), host)
    assert caught.value.code == "key-cannot-read"
    before = {item.name: item.size for item in storage.list("")}
    assert storage.delete(list(before)).deleted == []
    for name in before:
        with pytest.raises(EngineError):
            storage.create(name, [b"junk"])
    assert {item.name: item.size for item in storage.list("")} == before
    assert_same(owner.source, owner.restored_source())
