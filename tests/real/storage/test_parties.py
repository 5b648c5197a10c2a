# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every party with its own credentials on a server that enforces policies: each can do its work, and nothing else."""
from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.openclaw_ops.backup.plugins.filter.bucket_policy import bucket_policy
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine import backup, prune, restore, verify
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.errors import EngineError
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.options import BackupOptions, PruneOptions, RetentionOptions
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.repository import names, repository
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.storage.base import Storage
from support.rig import Rig
from support.s3_server import S3Service
from support.trees import assert_same


class Parties:
    """One repository and everybody's way to it. The owner made it; the host holds a writer key."""

    def __init__(self, directory: Path, ceph: S3Service, opener) -> None:
        self._ceph, self._opener = ceph, opener
        self.url = f"s3://{opener.bucket}/backups"
        self.owner = Rig(directory, self.storage("owner"))
        self.writer = self.owner.open().bundle.writer()
        self.host, self.context = self.storage("host"), self.owner.new_context("host")

    def storage(self, party: str, instance: str = "a") -> Storage:
        """The repository of instance a, as somebody who has the policy of a party for that instance, or another one."""
        return self._opener(user=self._ceph.add_user_with(bucket_policy(self.url, party, instance)))

    def back_up(self) -> backup.BackupResult:
        """What the host's timer does."""
        options = BackupOptions(kind="scheduled")
        made = backup.plan(
            lambda: repository.open_repository(self.host, self.writer, self.context), self.owner.what(), options, self.context)
        return backup.execute(made, self.context)


@pytest.fixture
def parties(ceph, opener, tmp_path):
    made = Parties(tmp_path, ceph, opener)
    (made.owner.source / "SOUL.md").write_text("who I am")
    (made.owner.source / "large").write_bytes(bytes(range(256)) * 20_000)
    for note in ("first", "second", "third"):
        (made.owner.source / "MEMORY.md").write_text(note)
        assert made.back_up().changed
    return made


def refused(storage: Storage, *, reads=(), creates=(), deletes=()) -> None:
    """Each of these requests is refused for want of a permission, and nothing is changed."""
    for name in reads:
        with pytest.raises(EngineError, match="storage-no-permission|not permitted"):
            storage.get(name)
    for name in creates:
        with pytest.raises(EngineError):
            storage.create(name, [b"junk"])
    deletion = storage.delete(list(deletes))
    assert deletion.deleted == [] and len(deletion.failed) == len(list(deletes))


def objects(storage: Storage) -> dict[str, int]:
    return {item.name: item.size for item in storage.list("")}


def test_the_host_backs_up_and_neither_reads_content_nor_destroys_anything(parties, tmp_path):
    assert not parties.back_up().changed
    before = objects(parties.host)
    opened = repository.open_repository(parties.host, parties.writer, parties.context)
    with pytest.raises(EngineError) as caught:
        restore.plan(opened, restore.RestoreOptions(target=str(tmp_path / "stolen")), parties.context)
    assert caught.value.code == "key-cannot-read"
    refused(parties.host, deletes=before, creates=[*before, "verifications/20261120T023000.123Z/forged", "keys/of-a-thief", "repository.json"])
    assert objects(parties.host) == before
    assert_same(parties.owner.source, parties.owner.restored_source())


def test_whoever_restores_reads_all_and_records_what_was_proved(parties, tmp_path):
    storage = parties.storage("restorer")
    assert_same(parties.owner.source, Rig(tmp_path, storage).restored_source())
    opened = parties.owner.open(storage)
    verify.execute(verify.plan(opened, verify.VerifyOptions("data"), parties.context), parties.context)
    assert any(storage.list("verifications/"))
    before = objects(storage)
    refused(storage, deletes=before, creates=["packs/00/junk", "snapshots/junk", "keys/junk"])
    assert objects(storage) == before


def test_whoever_prunes_holds_no_key_and_reads_no_content(parties):
    storage = parties.storage("janitor")
    storage.now = lambda now=storage.now: now() + 10 * 86400
    found = list(storage.list(""))
    packs = [item.name for item in found if item.name.startswith(names.PACKS)]
    slots = [item.name for item in found if item.name.startswith(names.KEYS)]
    refused(storage, reads=[*packs, *slots], creates=["packs/00/junk", "snapshots/junk", "verifications/junk"], deletes=slots + ["repository.json"])
    result = prune.execute(
        prune.plan(storage, PruneOptions(retention=RetentionOptions(max_backups=1, max_age_days=0), max_delete_share=1.0),
                   parties.context), parties.context)
    assert len(result.removed) == 1  # the two newest stay, whatever is asked
    assert len(repository.list_snapshots(storage)) == 2


def test_a_monitor_sees_times_and_sizes_and_nothing_else(parties):
    storage = parties.storage("monitor")
    assert len(repository.read_headers(storage, repository.list_snapshots(storage))) == 3
    found = objects(storage)
    refused(storage, reads=[name for name in found if name.startswith((names.PACKS, names.KEYS))], creates=["runs/junk"], deletes=found)


@pytest.mark.parametrize("party", ["host", "restorer", "janitor", "monitor", "owner"])
def test_the_policy_of_another_instance_opens_nothing_of_this_one(parties, party):
    before = objects(parties.host)
    stranger = parties.storage(party, "b")
    refused(stranger, reads=before, creates=["packs/00/junk", "verifications/junk", "keys/junk"], deletes=before)
    assert objects(parties.host) == before
