# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real S3 server, Ceph's gateway, for the storage. What ministack was asked in tests/unit is asked of it again."""
from __future__ import annotations

import os

import pytest

pytest.register_assert_rewrite("unit.engine.storage.test_contract")

from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.options import StorageOptions  # noqa: E402
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.ports import Clock, Context  # noqa: E402
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.storage.open import open_storage  # noqa: E402
from support.ceph import CephGateway, installed  # noqa: E402
from support.ceph_service import CephService  # noqa: E402


@pytest.fixture(scope="session")
def ceph(tmp_path_factory):
    """A running Ceph gateway; its programs are unpacked on first use (200 MB of download, 600 MB on disk)."""
    cache = os.environ.get("OPENCLAW_OPS_TEST_CACHE", os.path.expanduser("~/.cache/openclaw-ops-tests"))
    with CephGateway(installed(cache), str(tmp_path_factory.mktemp("ceph") / "cluster")) as gateway:
        yield CephService(gateway)


@pytest.fixture
def opener(ceph):
    """open(instance="a", user=None, clock=None, **options): a storage in a bucket of the test's own."""
    bucket = ceph.add_bucket()
    opened = []

    def open_one(instance="a", user=None, clock=None, **options):
        user = user or ceph.root
        environment = {"AWS_ACCESS_KEY_ID": user.key_id, "AWS_SECRET_ACCESS_KEY": user.secret}
        given = {"url": f"s3://{bucket}/backups", "endpoint": ceph.endpoint, "region": "auto", **options}
        opened.append(open_storage(StorageOptions(**given), instance, Context(clock=clock or Clock(), environment=environment)))
        return opened[-1]

    open_one.bucket = bucket
    yield open_one
    for storage in opened:
        storage.close()


@pytest.fixture
def storage(opener):
    """One instance's part of a storage, empty."""
    return opener("a")
