# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""URLs, names and the choice of a storage: what is understood, what is refused, and that secrets are never repeated."""
from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.errors import EngineError
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.options import StorageOptions
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.ports import Context
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.storage.file import FileStorage
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.storage.location import (
    Location, check_endpoint, check_instance, is_object_name, parse_url,
)
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.storage.open import list_instances, open_storage
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.storage.s3 import S3Storage
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize("url, location", [
    ("file:///srv/backups", Location("file", path="/srv/backups")),
    ("file:///srv//backups/", Location("file", path="/srv/backups")),
    ("file://localhost/srv", Location("file", path="/srv")),
    ("file:///media/My%20Disk", Location("file", path="/media/My Disk")),
    ("file:///media/My Disk", Location("file", path="/media/My Disk")),
    ("s3://bucket", Location("s3", bucket="bucket")),
    ("s3://my.bucket-1/", Location("s3", bucket="my.bucket-1")),
    ("s3://bucket/a/b_c/", Location("s3", bucket="bucket", prefix="a/b_c")),
])
def test_urls_that_are_understood(url, location):
    assert parse_url(url) == location


@pytest.mark.parametrize("url", [
    "", "backups", "/srv/backups", "file:", "file://", "file:///", "file:srv", "file://srv/backups", "file:///a/../b", "file:///a/%2e%2e/b",
    "file:///a?x", "file:///a#x", "file:///a%00b", "file:///a\nb", "s3:", "s3://", "s3:///prefix", "s3://ab", "s3://-bucket", "s3://b..ket",
    "s3://bucket/../other", "s3://bucket/a//b", "s3://bucket/a b", "s3://bucket/.hidden", "s3://bucket/a?versionId=1", "s3://bucket:9000/a",
    "s3://key:secret@bucket/a", "https://key:secret@host/bucket", "http://host/bucket", "sftp://host/a", "s3://[bucket/a",
])
def test_urls_that_are_refused_without_repeating_a_secret(url):
    with pytest.raises(EngineError) as caught:
        parse_url(url)
    assert caught.value.code == "storage-url-invalid"
    assert "secret" not in str(caught.value) and "versionId" not in str(caught.value)
    assert "\n" not in str(caught.value)


@given(st.text(max_size=60) | st.from_regex(r"\A(s3|file)://[a-z@./%?:-]{0,40}\Z"))
def test_any_text_is_either_understood_or_refused(text):
    try:
        location = parse_url(text)
    except EngineError as exc:
        assert exc.code == "storage-url-invalid"
    else:
        assert location.scheme in ("file", "s3")
        assert ".." not in location.path.split("/") and ".." not in location.prefix.split("/")


@given(st.text(max_size=30))
def test_an_object_name_stays_below_its_root(text):
    if is_object_name(text):
        assert os.path.normpath("/root/" + text) == "/root/" + text
        assert text.isascii() and not any(part.startswith(".") for part in text.split("/"))


@pytest.mark.parametrize("instance", ["", ".", "..", "a/b", "../a", "a..b", ".a", "-a", "a b", "ä", "a" * 129, "a\n"])
def test_instance_names_that_are_refused(instance):
    with pytest.raises(EngineError) as caught:
        open_storage(StorageOptions(url="file:///srv"), instance, Context())
    assert caught.value.code == "instance-name-invalid"


@pytest.mark.parametrize("instance", ["a", "agent-1", "Agent_1.home", "0"])
def test_instance_names_that_are_accepted(instance):
    check_instance(instance)


@pytest.mark.parametrize("endpoint", ["host", "host:9000", "ftp://host", "https://", "https://key:secret@host", "https://host/bucket",
                                      "https://host?x=1", "https://host:port", "https://host:0"])
def test_endpoints_that_are_refused_without_repeating_a_secret(endpoint):
    with pytest.raises(EngineError) as caught:
        open_storage(StorageOptions(url="s3://bucket", endpoint=endpoint), "a", Context())
    assert caught.value.code == "storage-url-invalid" and "secret" not in str(caught.value)


def test_endpoints_that_are_accepted():
    for endpoint in ("http://127.0.0.1:9000", "https://s3.example.org", "https://[::1]:9000/"):
        check_endpoint(endpoint)


def test_the_scheme_decides_which_storage_it_is(tmp_path):
    directory = open_storage(StorageOptions(url=f"file://{tmp_path}/x/"), "a", Context())
    assert isinstance(directory, FileStorage) and directory.url == f"file://{tmp_path}/x/a"
    bucket = open_storage(StorageOptions(url="s3://bucket/x/"), "a", Context())
    assert isinstance(bucket, S3Storage) and bucket.url == "s3://bucket/x/a"
    assert open_storage(StorageOptions(url="s3://bucket"), "a", Context()).url == "s3://bucket/a"


def test_a_directory_does_not_pay_for_s3():
    script = """if True:
        import sys
        sys.path.insert(0, sys.argv[1])
        import conftest
        from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.options import StorageOptions
        from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.ports import Context
        from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.storage.open import open_storage
        list(open_storage(StorageOptions(url="file:///nowhere/at/all"), "a", Context(), initialise=True).list(""))
        print(sorted(name for name in ("botocore", "boto3", "urllib3") if name in sys.modules))
    """
    unit = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", script, str(unit)], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_opening_s3_sends_nothing_and_fails_at_the_first_request_only(tmp_path):
    storage = open_storage(StorageOptions(url="s3://bucket", access_key_id_file=str(tmp_path / "none")), "a", Context())
    with pytest.raises(EngineError) as caught:
        list(storage.list(""))
    assert caught.value.code == "storage-credentials-missing"


def test_repositories_are_listed_by_their_marker(tmp_path):
    options = StorageOptions(url=f"file://{tmp_path}/disk")
    assert list_instances(options, Context()) == []
    for name in ("beta", "alpha"):
        open_storage(options, name, Context(), initialise=True).create("repository.json", [b"{}"])
    open_storage(options, "unfinished", Context(), initialise=True).create("keys/1", [b"{}"])
    (tmp_path / "disk" / ".hidden").mkdir()
    (tmp_path / "disk" / "a file").write_text("x")
    assert list_instances(options, Context()) == ["alpha", "beta"]
