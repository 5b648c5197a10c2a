# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The storage on Ceph: every promise of the contract, and what only a real server does."""
from __future__ import annotations

import datetime
import random

import pytest
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.errors import EngineError
from support.clock import ManualClock
from support.fault_proxy import FaultProxy, Weather
from support.s3_server import CREATE_ONLY, User
from unit.engine.storage.test_contract import *  # noqa: F401, F403  each test of it, with the fixtures of this directory

PACK = [random.Random(5).randbytes(1_000_000) for _part in range(4)]


def code_of(request) -> str:
    with pytest.raises(EngineError) as caught:
        request()
    return caught.value.code


def test_a_wrong_key_id_a_wrong_secret_and_no_bucket_are_told_apart(ceph, opener):
    user = ceph.add_user(*CREATE_ONLY, bucket=opener.bucket)
    assert list(opener(user=user).list("")) == []
    assert code_of(lambda: list(opener(user=User("AKUNKNOWN", user.secret)).list(""))) == "storage-key-id-unknown"
    assert code_of(lambda: list(opener(user=User(user.key_id, "wrong")).list(""))) == "storage-secret-wrong"
    assert code_of(lambda: list(opener(url="s3://no-such-bucket-here/x").list(""))) == "storage-bucket-missing"


def test_create_only_credentials_write_and_read_but_do_not_delete(ceph, opener):
    storage = opener(user=ceph.add_user(*CREATE_ONLY, bucket=opener.bucket))
    storage.create("packs/ab/1", PACK)
    storage.create("packs/ab/2", [b"2"])
    deletion = storage.delete(["packs/ab/1", "packs/ab/2"])
    assert deletion.deleted == [] and all("storage-no-permission" in reason for _name, reason in deletion.failed)
    assert storage.get("packs/ab/1") == b"".join(PACK)
    found = storage.probe()
    assert (found.create_only, found.can_delete) == (True, False)


def test_a_used_up_quota_is_said_to_be(ceph, opener):
    ceph.gateway.add_user("bounded", "AKBOUNDED", "secret")
    user = User("AKBOUNDED", "secret")
    ceph.client(user=user).create_bucket(Bucket="bounded")
    ceph.gateway.admin("radosgw-admin", "quota", "set", "--quota-scope=user", "--uid=bounded", "--max-size=6M")
    ceph.gateway.admin("radosgw-admin", "quota", "enable", "--quota-scope=user", "--uid=bounded")
    storage = opener(user=user, url="s3://bounded/x")
    with pytest.raises(EngineError) as caught:
        for number in range(20):
            storage.create(f"packs/{number:02}/1", PACK)
    assert caught.value.code == "storage-quota-exceeded"


def test_a_suspended_user_is_said_to_be(ceph, opener):
    ceph.gateway.add_user("suspended", "AKSUSPENDED", "secret")
    ceph.gateway.admin("radosgw-admin", "user", "suspend", "--uid=suspended")
    assert code_of(lambda: list(opener(user=User("AKSUSPENDED", "secret")).list(""))) == "storage-user-suspended"


def test_a_wrong_clock_is_said_to_be(opener, monkeypatch):
    import botocore.auth

    wrong = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=3)
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda *_arguments, **_options: wrong)
    assert code_of(lambda: list(opener().list(""))) == "storage-clock-skew"


def test_objects_under_a_lock_outlive_their_deletion(ceph, opener):
    """Deleting hides the newest version only; every byte is still there for whoever may read versions."""
    bucket = ceph.add_bucket(ObjectLockEnabledForBucket=True)
    client = ceph.client()
    client.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration={
        "ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 1}},
    })
    storage = opener(url=f"s3://{bucket}/x")
    storage.create("packs/ab/1", PACK)
    assert storage.delete(["packs/ab/1"]).deleted == ["packs/ab/1"]
    [version] = client.list_object_versions(Bucket=bucket)["Versions"]
    with pytest.raises(client.exceptions.ClientError):
        client.delete_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])
    body = client.get_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])["Body"]
    assert body.read() == b"".join(PACK)


@pytest.mark.parametrize("direction, cut_after", [("up", 300), ("up", 2_000_000), ("down", 0)])
def test_cut_uploads_are_stored_once_and_whole(ceph, opener, direction, cut_after):
    with FaultProxy(ceph.port) as proxy:
        storage = opener(endpoint=f"http://127.0.0.1:{proxy.port}", clock=ManualClock(), timeout=5.0)
        list(storage.list(""))
        proxy.set(Weather(direction, cut_after=cut_after, faults=2))
        storage.create("packs/ab/1", PACK)
    assert opener().get("packs/ab/1") == b"".join(PACK)
    assert storage.traffic.retries >= 1
