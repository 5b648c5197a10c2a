# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Storages to test: a directory, a directory without hard links, memory, a real S3 server, and a weak S3 service."""
from __future__ import annotations

import errno
import os

import pytest
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.options import StorageOptions
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.ports import Clock, Context
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.storage.open import open_storage
from support.fault_storage import MemoryStorage
from support.s3_server import S3Server
from support.scripted_s3 import Behaviour, ScriptedS3


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory):
    """A running S3 server; the whole session shares it."""
    with S3Server(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture(scope="session")
def s3_tls_server(tmp_path_factory):
    """A running S3 server that speaks HTTPS with a certificate of its own authority."""
    with S3Server(tmp_path_factory.mktemp("s3-tls"), tls=True) as server:
        yield server


@pytest.fixture
def s3_opener(s3_server):
    """open(instance="a", user=None, endpoint=None, clock=None, **options): an S3Storage in a bucket of the test's own."""
    bucket = s3_server.add_bucket()
    opened = []

    def opener(instance="a", user=None, clock=None, **options):
        user = user or s3_server.root
        context = Context(
            clock=clock or Clock(),
            environment={"AWS_ACCESS_KEY_ID": user.key_id, "AWS_SECRET_ACCESS_KEY": user.secret},
        )
        given = {"url": f"s3://{bucket}/backups", "endpoint": s3_server.endpoint, **options}
        opened.append(open_storage(StorageOptions(**given), instance, context))
        return opened[-1]

    opener.bucket = bucket
    opener.server = s3_server
    yield opener
    for storage in opened:
        storage.close()


def open_scripted(service: ScriptedS3, instance: str = "a", clock: Clock | None = None, **options):
    """An S3Storage on a scripted service."""
    environment = {"AWS_ACCESS_KEY_ID": "AKTEST", "AWS_SECRET_ACCESS_KEY": "secret"}
    given = {"url": "s3://bucket/backups", "endpoint": service.endpoint, **options}
    return open_storage(StorageOptions(**given), instance, Context(clock=clock or Clock(), environment=environment))


@pytest.fixture
def scripted():
    """A scripted S3 service that behaves, so far."""
    with ScriptedS3() as service:
        service.open = lambda **options: open_scripted(service, **options)
        yield service


def _without_links(*_arguments, **_options):
    raise OSError(errno.EPERM, os.strerror(errno.EPERM))


@pytest.fixture(params=["file", "file without links", "memory", pytest.param("s3", marks=pytest.mark.s3), "weak s3"])
def opener(request, tmp_path, monkeypatch):
    """open(instance): a fresh handle on one and the same storage."""
    if request.param.startswith("file"):
        if request.param.endswith("links"):
            monkeypatch.setattr(os, "link", _without_links)
        yield lambda instance="a": open_storage(StorageOptions(url=f"file://{tmp_path}/backups"), instance, Context(), initialise=True)
    elif request.param == "memory":
        objects = {}
        yield lambda instance="a": MemoryStorage(Clock(), objects.setdefault(instance, {}))
    elif request.param == "s3":
        yield request.getfixturevalue("s3_opener")
    else:
        with ScriptedS3(Behaviour(conditional="refused", ranges="whole", bulk=False, page=7)) as service:
            yield lambda instance="a": open_scripted(service, instance)


@pytest.fixture
def storage(opener):
    """One instance's part of a storage, empty."""
    opened = opener("a")
    yield opened
    opened.close()
