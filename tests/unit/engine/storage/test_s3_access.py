# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real S3 server, real sockets: credentials, permissions, certificates, addresses that lead nowhere."""
from __future__ import annotations

import os
import socket
from contextlib import contextmanager

import pytest
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.errors import EngineError
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.options import StorageOptions
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.ports import Context
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.storage.open import list_instances, open_storage
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.storage.s3_client import (
    Keys, choose_addressing, choose_keys, choose_region,
)
from support.clock import ManualClock
from support.fault_proxy import FaultProxy
from support.s3_server import CREATE_ONLY, User
from support.scripted_s3 import Answer

pytestmark = pytest.mark.s3


def code_of(request) -> str:
    with pytest.raises(EngineError) as caught:
        request()
    error = caught.value
    assert error.hint and "\n" not in str(error)
    return error.code


def open_at(endpoint, environment=None, clock=None, **options):
    given = {"url": "s3://bucket/backups", "endpoint": endpoint, **options}
    environment = {"AWS_ACCESS_KEY_ID": "AKADMIN", "AWS_SECRET_ACCESS_KEY": "adminsecret"} if environment is None else environment
    return open_storage(StorageOptions(**given), "a", Context(clock=clock or ManualClock(), environment=environment))


# --- credentials and permissions

def test_a_wrong_key_id_a_wrong_secret_and_no_bucket_are_told_apart(s3_opener):
    user = s3_opener.server.add_user(*CREATE_ONLY, bucket=s3_opener.bucket)
    assert list(s3_opener(user=user).list("")) == []
    assert code_of(lambda: list(s3_opener(user=User("AKUNKNOWN", user.secret)).list(""))) == "storage-key-id-unknown"
    assert code_of(lambda: list(s3_opener(user=User(user.key_id, "wrong")).list(""))) == "storage-secret-wrong"
    assert code_of(lambda: list(s3_opener(url="s3://no-such-bucket-here/x").list(""))) == "storage-bucket-missing"
    assert code_of(lambda: s3_opener(url="s3://no-such-bucket-here/x").create("a", [b"1"])) == "storage-bucket-missing"


def test_create_only_credentials_write_and_read_but_do_not_delete(s3_opener):
    storage = s3_opener(user=s3_opener.server.add_user(*CREATE_ONLY, bucket=s3_opener.bucket))
    storage.create("packs/ab/1", [b"1"])
    storage.create("packs/ab/2", [b"2"])
    assert storage.get("packs/ab/1") == b"1"
    deletion = storage.delete(["packs/ab/1", "packs/ab/2"])
    assert deletion.deleted == [] and len(deletion.failed) == 2
    assert all("storage-no-permission" in reason and "delete packs/ab/" in reason for _name, reason in deletion.failed)
    assert [item.name for item in storage.list("")] == ["packs/ab/1", "packs/ab/2"]
    found = storage.probe()
    assert (found.create_only, found.can_delete) == (True, False)


@pytest.mark.parametrize("allowed, request_, permission", [
    (("s3:ListBucket", "s3:GetObject"), lambda storage: storage.create("new", [b"1"]), "s3:PutObject"),
    (("s3:PutObject", "s3:GetObject"), lambda storage: list(storage.list("")), "s3:ListBucket"),
    (("s3:PutObject", "s3:ListBucket"), lambda storage: storage.get("there"), "s3:GetObject"),
])
def test_the_missing_permission_is_named(s3_opener, allowed, request_, permission):
    s3_opener().create("there", [b"1"])
    storage = s3_opener(user=s3_opener.server.add_user(*allowed, bucket=s3_opener.bucket))
    with pytest.raises(EngineError) as caught:
        request_(storage)
    assert caught.value.code == "storage-no-permission" and permission in caught.value.hint


def test_keys_come_from_files_then_from_the_environment(s3_opener, tmp_path):
    user = s3_opener.server.add_user(*CREATE_ONLY, bucket=s3_opener.bucket)
    (tmp_path / "id").write_text(user.key_id + "\n")
    (tmp_path / "secret").write_text(user.secret + "\n")
    files = {"access_key_id_file": str(tmp_path / "id"), "secret_access_key_file": str(tmp_path / "secret")}
    assert list(s3_opener(user=User("AKWRONG", "wrong"), **files).list("")) == []
    assert code_of(lambda: list(s3_opener(user=User("AKWRONG", "wrong")).list(""))) == "storage-key-id-unknown"


def test_keys_come_from_a_profile(s3_opener, tmp_path, monkeypatch):
    user = s3_opener.server.add_user(*CREATE_ONLY, bucket=s3_opener.bucket)
    (tmp_path / "credentials").write_text(f"[backup]\naws_access_key_id = {user.key_id}\naws_secret_access_key = {user.secret}\n")
    environment = {"AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"), "AWS_CONFIG_FILE": str(tmp_path / "none"),
                   "AWS_ACCESS_KEY_ID": "AKWRONG", "AWS_SECRET_ACCESS_KEY": "wrong"}
    url = f"s3://{s3_opener.bucket}"
    endpoint = s3_opener.server.endpoint
    assert list(open_at(endpoint, environment, url=url, profile="backup").list("")) == []
    assert code_of(lambda: list(open_at(endpoint, environment, url=url, profile="other").list(""))) == "storage-credentials-missing"
    del environment["AWS_ACCESS_KEY_ID"], environment["AWS_SECRET_ACCESS_KEY"]
    assert list(open_at(endpoint, {**environment, "AWS_PROFILE": "backup"}, url=url).list("")) == []


def test_credentials_that_are_missing_or_spoilt_are_said_to_be(s3_opener, tmp_path, monkeypatch):
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    nowhere = {"AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"), "AWS_CONFIG_FILE": str(tmp_path / "none")}
    endpoint = s3_opener.server.endpoint
    good, empty, two, odd = (tmp_path / name for name in ("good", "empty", "two", "odd"))
    for path, content in ((good, b"AK"), (empty, b"\n"), (two, b"AK\nSECRET\n"), (odd, b"\xff\xfe")):
        path.write_bytes(content)
    cases = [open_at(endpoint, nowhere), open_at(endpoint, {**nowhere, "AWS_ACCESS_KEY_ID": "AK"}), open_at(endpoint, access_key_id_file=str(good))]
    cases += [open_at(endpoint, access_key_id_file=str(good), secret_access_key_file=str(path)) for path in (empty, two, odd, tmp_path / "no")]
    assert [code_of(lambda storage=storage: list(storage.list(""))) for storage in cases] == ["storage-credentials-missing"] * len(cases)


# --- certificates

def test_a_certificate_of_ones_own_authority_is_trusted_when_named_and_only_then(s3_tls_server, tmp_path):
    bucket = s3_tls_server.add_bucket()
    trusted = open_at(s3_tls_server.endpoint, url=f"s3://{bucket}", ca_bundle=s3_tls_server.ca_bundle)
    content = [b"x" * 3_000_000, b"end"]
    trusted.create("packs/ab/1", content)
    assert trusted.get("packs/ab/1") == b"".join(content)
    by_variable = open_at(s3_tls_server.endpoint, {
        "AWS_CA_BUNDLE": s3_tls_server.ca_bundle, "AWS_ACCESS_KEY_ID": "AKADMIN", "AWS_SECRET_ACCESS_KEY": "adminsecret",
    }, url=f"s3://{bucket}")
    assert len(list(by_variable.list(""))) == 1
    clock = ManualClock()
    assert code_of(lambda: list(open_at(s3_tls_server.endpoint, url=f"s3://{bucket}", clock=clock).list(""))) == "storage-certificate-invalid"
    assert clock.slept == [], "trying again would not make it trusted"
    (tmp_path / "spoilt").write_text("no certificate")
    for name in ("none", "spoilt"):
        storage = open_at(s3_tls_server.endpoint, ca_bundle=str(tmp_path / name))
        assert code_of(lambda storage=storage: list(storage.list(""))) == "storage-ca-bundle-missing"


def test_a_certificate_for_another_name_is_refused(s3_tls_server):
    with FaultProxy(s3_tls_server.port, host="127.0.0.2") as elsewhere:
        storage = open_at(f"https://127.0.0.2:{elsewhere.port}", ca_bundle=s3_tls_server.ca_bundle)
        with pytest.raises(EngineError) as caught:
            list(storage.list(""))
    assert caught.value.code == "storage-certificate-invalid" and "127.0.0.2" in caught.value.message


# --- addresses that lead nowhere

@contextmanager
def deaf_server():
    """Accepts connections (by its backlog) and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=16) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_addresses_that_lead_nowhere_are_told_apart_and_soon(s3_server):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        closed = f"http://127.0.0.1:{listener.getsockname()[1]}"
    with deaf_server() as deaf:
        for endpoint, options, expected in (
            (closed, {}, "storage-connection-refused"),
            ("http://no-such-host.invalid", {}, "storage-name-unresolved"),
            (deaf, {"timeout": 0.2}, "storage-timeout"),
        ):
            clock = ManualClock()
            assert code_of(lambda: list(open_at(endpoint, clock=clock, **options).list(""))) == expected
            assert len(clock.slept) == 2
    assert code_of(lambda: list(open_at(s3_server.endpoint.replace("http:", "https:")).list(""))) == "storage-tls-failed"


# --- choices

def options(**given):
    return StorageOptions(url="s3://bucket", **given)


@pytest.mark.parametrize("endpoint, given, environment, region", [
    (None, {"region": "eu-west-3"}, {"AWS_REGION": "us-west-2"}, "eu-west-3"),
    (None, {}, {"AWS_DEFAULT_REGION": "us-west-2"}, "us-west-2"),
    (None, {"region": "auto"}, {"AWS_REGION": "us-west-2"}, "us-east-1"),
    (None, {}, {}, None),
    ("https://abc123.r2.cloudflarestorage.com", {}, {"AWS_REGION": "us-west-2"}, "auto"),
    ("https://s3.us-west-004.backblazeb2.com", {"region": "auto"}, {}, "us-west-004"),
    ("https://fra1.digitaloceanspaces.com", {}, {}, "fra1"),
    ("https://s3.eu-central-2.wasabisys.com", {}, {}, "eu-central-2"),
    ("https://s3.ap-south-1.amazonaws.com", {}, {}, "ap-south-1"),
    ("http://127.0.0.1:7480", {"region": "auto"}, {}, "us-east-1"),
])
def test_the_region_is_found(endpoint, given, environment, region):
    assert choose_region(options(**given), endpoint, environment) == region


@pytest.mark.parametrize("endpoint, given, style", [
    (None, "auto", "auto"), ("http://minio.lan:9000", "auto", "path"), ("https://abc.r2.cloudflarestorage.com", "auto", "path"),
    ("https://s3.eu-west-1.amazonaws.com", "auto", "virtual"), ("https://oss-eu-central-1.aliyuncs.com", "auto", "virtual"),
    ("http://minio.lan:9000", "virtual", "virtual"), (None, "path", "path"),
])
def test_the_addressing_style_is_chosen(endpoint, given, style):
    assert choose_addressing(options(addressing_style=given), endpoint) == style


def test_an_unknown_addressing_style_is_refused():
    assert code_of(lambda: choose_addressing(options(addressing_style="dns"), None)) == "option-invalid"


def test_temporary_keys_of_the_environment_are_taken_with_their_token():
    environment = {"AWS_ACCESS_KEY_ID": "AK", "AWS_SECRET_ACCESS_KEY": "S", "AWS_SESSION_TOKEN": "T"}
    assert choose_keys(options(), environment) == Keys("AK", "S", "T")
    assert choose_keys(options(profile="x"), environment) == Keys()


def test_virtual_addressing_puts_the_bucket_into_the_host_name(scripted, monkeypatch):
    """Seen through an HTTP proxy, which is told the whole address and needs no name to resolve."""
    monkeypatch.setenv("http_proxy", scripted.endpoint)
    monkeypatch.delenv("no_proxy", raising=False)
    for style in ("virtual", "path"):
        scripted.answer("GET", Answer(200, body=b"<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>"))
        assert list(open_at("http://s3.example.test:9000", addressing_style=style).list("")) == []
    assert [path.partition("?")[0] for _method, path, _headers in scripted.requests] == [
        "http://bucket.s3.example.test:9000/", "http://s3.example.test:9000/bucket",
    ]


def test_repositories_in_a_bucket_are_listed_by_their_marker(s3_opener):
    for name in ("beta", "alpha"):
        s3_opener(name).create("repository.json", [b"{}"])
    s3_opener("unfinished").create("keys/1", [b"{}"])
    environment = {"AWS_ACCESS_KEY_ID": "AKADMIN", "AWS_SECRET_ACCESS_KEY": "adminsecret"}
    given = StorageOptions(url=f"s3://{s3_opener.bucket}/backups", endpoint=s3_opener.server.endpoint)
    assert list_instances(given, Context(environment=environment)) == ["alpha", "beta"]
