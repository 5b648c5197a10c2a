# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""S3 as it is met: what refusals mean, which are tried again, and how weak or odd services are got along with.

Against a scripted service; the same storage is asked to keep its promises on a real one in test_contract.py.
"""
from __future__ import annotations

import json
import os
import re
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.errors import EngineError, ObjectExists, ObjectMissing
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.options import StorageOptions
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.ports import Context
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.storage.open import open_storage
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.clock import ManualClock
from support.scripted_s3 import Answer, ScriptedS3

PACK = [b"a" * 700_000, b"b" * 1_300_000]
REGION = "<Region>eu-central-1</Region>"


def code_of(request) -> str:
    with pytest.raises(EngineError) as caught:
        request()
    error = caught.value
    assert error.hint and "\n" not in str(error) and len(str(error)) < 600
    return error.code


# --- refusals in words

@pytest.mark.parametrize("status, code, expected", [
    (403, "InvalidAccessKeyId", "storage-key-id-unknown"),
    (403, "SignatureDoesNotMatch", "storage-secret-wrong"),
    (401, "Unauthorized", "storage-secret-wrong"),
    (400, "ExpiredToken", "storage-credentials-expired"),
    (403, "AccessDenied", "storage-no-permission"),
    (403, "SomethingNew", "storage-no-permission"),
    (403, "UserSuspended", "storage-user-suspended"),
    (403, "QuotaExceeded", "storage-quota-exceeded"),
    (507, "XMinioStorageFull", "storage-full"),
    (503, "InsufficientCapacity", "storage-full"),
    (404, "NoSuchBucket", "storage-bucket-missing"),
    (403, "RequestTimeTooSkewed", "storage-clock-skew"),
    (400, "TeapotError", "storage-refused"),
])
def test_refusals_have_a_code_and_a_sentence(scripted, status, code, expected):
    storage = scripted.open(clock=ManualClock())
    scripted.answer("PUT", *[Answer(status, code, "because")] * 20)
    scripted.answer("GET", *[Answer(status, code, "because")] * 20)
    for request in (lambda: storage.create("a", [b"1"]), lambda: list(storage.list("")), lambda: storage.get("a")):
        assert code_of(request) == expected
    assert scripted.count("PUT") == 1, "what cannot get better is not repeated"


def test_a_missing_permission_is_named_with_what_it_was_needed_for(scripted):
    storage = scripted.open()
    scripted.answer("PUT", Answer(403, "AccessDenied"))
    with pytest.raises(EngineError) as caught:
        storage.create("packs/ab/1", [b"1"])
    assert "write packs/ab/1" in caught.value.message and "s3:PutObject" in caught.value.hint
    scripted.answer("GET", Answer(403, "AccessDenied"))
    with pytest.raises(EngineError) as caught:
        list(storage.list(""))
    assert "list" in caught.value.message and "s3:ListBucket" in caught.value.hint


def test_a_wrong_clock_is_told_by_how_much(scripted):
    clock = ManualClock(time.time() + 3 * 3600)
    scripted.answer("GET", Answer(403, "RequestTimeTooSkewed"))
    with pytest.raises(EngineError) as caught:
        list(scripted.open(clock=clock).list(""))
    told = re.search(r"which is (\d+) s ahead of its own", caught.value.message)
    assert told and abs(int(told.group(1)) - 3 * 3600) <= 60  # the service tells whole seconds, and it may take some


def test_what_a_server_says_is_shortened_and_made_printable(scripted):
    scripted.answer("GET", Answer(400, "Odd", "x\n\x1b[31m" .replace("\x1b", "") + "y" * 5000))
    with pytest.raises(EngineError) as caught:
        list(scripted.open().list(""))
    assert "\n" not in caught.value.message and len(caught.value.message) < 500


def test_an_answer_that_is_not_s3_is_said_to_be_none(scripted):
    """A login page taken for an empty listing would say that every backup is gone."""
    for page, expected in ((b"<html><body>Please log in</body></html>", "storage-answer-unexpected"), (b"", "storage-answer-unexpected"),
                           (b"<html><p>Please log in", "storage-busy")):  # what cannot be parsed may be a torn answer: repeated
        scripted.script.update(GET=[Answer(200, body=page)] * 20, PUT=[Answer(200, body=page)] * 20)
        assert code_of(lambda: list(scripted.open(clock=ManualClock()).list(""))) == expected
        assert code_of(lambda: scripted.open(clock=ManualClock()).create("a", [b"1"])) == expected
        scripted.script.clear()
    scripted.answer("GET", Answer(404, body=b"<html>not found</html>"))
    assert code_of(lambda: list(scripted.open().list(""))) == "storage-refused"


def test_a_locked_object_is_reported_and_the_rest_is_deleted(scripted):
    storage = scripted.open()
    storage.create("a", [b"1"])
    scripted.answer("DELETE", Answer(403, "AccessDenied", "Access Denied because object protected by object lock."))
    [(name, reason)] = storage.delete(["a"]).failed
    assert name == "a" and "storage-object-locked" in reason
    body = (b"<DeleteResult><Error><Key>backups/a/a</Key><Code>AccessDenied</Code><Message>WORM protected</Message></Error>"
            b"</DeleteResult>")
    scripted.answer("POST", Answer(200, body=body, headers={"Content-Type": "application/xml"}))
    scripted.answer("DELETE", Answer(400, "InvalidRequest", "Object is WORM protected and cannot be overwritten"))
    deletion = storage.delete(["a", "b"])
    assert deletion.deleted == ["b"] and "storage-object-locked" in deletion.failed[0][1]


def test_a_denied_deletion_is_listed_not_raised(scripted):
    storage = scripted.open()
    scripted.answer("POST", Answer(403, "AccessDenied"))
    scripted.answer("DELETE", *[Answer(403, "AccessDenied")] * 3)
    deletion = storage.delete(["a", "b", "c"])
    assert deletion.deleted == [] and [name for name, _reason in deletion.failed] == ["a", "b", "c"]
    assert all("storage-no-permission" in reason for _name, reason in deletion.failed)


# --- trying again

@pytest.mark.parametrize("answer", [
    Answer(503, "SlowDown"), Answer(500, "InternalError"), Answer(502, body=b"<html>bad gateway"), Answer(429, "TooManyRequests"),
    Answer(400, "RequestTimeout"), Answer(409, "ConditionalRequestConflict"), Answer(lost=True),
])
def test_passing_faults_are_outlived_and_every_attempt_is_counted(scripted, answer):
    clock = ManualClock()
    storage = scripted.open(clock=clock)
    list(storage.list(""))
    scripted.answer("PUT", answer, answer)
    storage.create("a", PACK)
    scripted.answer("GET", answer, answer)
    assert storage.get("a") == b"".join(PACK)
    scripted.answer("GET", answer)
    assert [item.name for item in storage.list("")] == ["a"]
    scripted.answer("DELETE", answer)
    assert storage.delete(["a"]).deleted == ["a"]
    assert storage.traffic.retries == 6 == len(clock.slept)
    assert storage.traffic.requests["put"] == scripted.count("PUT") == 3
    assert storage.traffic.total_requests == len(scripted.requests)


def test_the_pause_that_a_service_asks_for_is_kept(scripted):
    clock = ManualClock()
    scripted.answer("GET", Answer(503, "SlowDown", headers={"Retry-After": "7"}))
    list(scripted.open(clock=clock).list(""))
    assert clock.slept == [7.0]


def test_a_service_that_stays_busy_is_given_up(scripted):
    storage = scripted.open(clock=ManualClock())
    scripted.answer("GET", *[Answer(503, "SlowDown")] * 50)
    assert code_of(lambda: list(storage.list(""))) == "storage-busy"
    assert scripted.count("GET") == 10


# --- a lost answer is not a lost write, and not somebody else's

@pytest.mark.parametrize("parts", [[b"small"], PACK, []])
def test_a_write_whose_answer_was_lost_is_recognised(scripted, parts):
    storage = scripted.open(clock=ManualClock())
    list(storage.list(""))
    scripted.answer("PUT", Answer(lost=True, act=True))
    storage.create("a", parts)
    assert scripted.objects["backups/a/a"][0] == b"".join(parts)
    assert scripted.count("PUT") == 1, "it is looked for before it is sent again"


def test_a_write_that_was_done_and_answered_with_an_error_is_recognised(scripted):
    storage = scripted.open(clock=ManualClock())
    scripted.answer("PUT", Answer(500, "InternalError", act=True))
    storage.create("a", PACK)
    assert scripted.count("PUT") == 2


@pytest.mark.parametrize("other", [b"small", b"x" * 2_000_000])
@pytest.mark.parametrize("fault", [Answer(lost=True), Answer(503, "SlowDown")])
def test_somebody_elses_object_is_not_taken_for_ours(scripted, fault, other):
    storage = scripted.open(clock=ManualClock())
    list(storage.list(""))
    scripted.objects["backups/a/a"] = (other, time.time())
    scripted.answer("PUT", fault)
    with pytest.raises(ObjectExists):
        storage.create("a", PACK)
    assert scripted.objects["backups/a/a"][0] == other


def test_a_writer_who_may_not_read_is_not_told_that_all_is_well(scripted):
    storage = scripted.open(clock=ManualClock())
    scripted.answer("PUT", Answer(lost=True, act=True))
    scripted.answer("HEAD", *[Answer(403, "AccessDenied")] * 2)
    assert code_of(lambda: storage.create("a", [b"1"])) == "storage-no-permission"


# --- services that are weaker than S3

def test_a_service_without_conditional_writes_is_looked_at_before_and_after(scripted):
    scripted.behaviour.conditional = "refused"
    storage = scripted.open()
    for name, parts in (("a", [b"1"]), ("b", PACK)):
        storage.create(name, parts)
        with pytest.raises(ObjectExists):
            storage.create(name, [b"2"])
        assert storage.get(name) == b"".join(parts)
    assert sum("If-None-Match" in headers for _method, _path, headers in scripted.requests) == 1, "asked once, then known"


def test_rclone_is_known_to_ignore_conditional_writes(scripted):
    scripted.behaviour.conditional, scripted.behaviour.server, scripted.behaviour.ranges = "ignored", "rclone/v1.75.2", "whole"
    storage = scripted.open()
    list(storage.list(""))
    storage.create("a", PACK)
    with pytest.raises(ObjectExists):
        storage.create("a", [b"2"])
    assert storage.get("a", 699_999, 2) == b"ab"
    assert storage.probe().create_only is False


def test_a_service_that_silently_overwrites_is_found_out_by_probing(scripted):
    scripted.behaviour.conditional = "ignored"
    storage = scripted.open()
    found = storage.probe()
    assert (found.create_only, found.can_delete) == (False, True)
    storage.create("a", [b"1"])
    with pytest.raises(ObjectExists):
        storage.create("a", [b"2"])


def test_credentials_that_may_not_delete_are_found_out_by_probing(scripted):
    scripted.answer("POST", Answer(403, "AccessDenied"))
    scripted.answer("DELETE", *[Answer(403, "AccessDenied")] * 4)
    found = scripted.open().probe()
    assert (found.create_only, found.can_delete) == (True, False)


@pytest.mark.parametrize("ranges", ["partial", "whole", "ignored"])
def test_ranges_are_right_however_a_service_answers_them(scripted, ranges):
    scripted.behaviour.ranges = ranges
    storage = scripted.open()
    storage.create("a", [b"0123456789"])
    assert storage.get("a", 3, 4) == b"3456"
    assert storage.get("a", 3) == b"3456789"
    assert storage.get("a", 0, 4) == b"0123"
    assert storage.get("a", 10, 4) == b""


def test_a_range_that_was_not_asked_for_is_refused(scripted):
    storage = scripted.open()
    scripted.answer("GET", Answer(206, body=b"3456", headers={"Content-Range": "bytes 4-7/10"}))
    assert code_of(lambda: storage.get("a", 3, 4)) == "storage-answer-unexpected"


def test_a_service_without_bulk_deletion_is_asked_one_by_one(scripted):
    scripted.behaviour.bulk = False
    storage = scripted.open()
    names = [f"packs/{number:02}/x" for number in range(8)]
    for name in names:
        storage.create(name, [b"1"])
    assert sorted(storage.delete(names[:4]).deleted) == names[:4]
    assert sorted(storage.delete(names[4:]).deleted) == names[4:]
    assert scripted.objects == {} and scripted.count("POST") == 1 and scripted.count("DELETE") == 8


def test_bulk_deletion_carries_the_digest_that_older_services_insist_on(scripted):
    storage = scripted.open()
    storage.create("a", [b"1"])
    storage.delete(["a", "b"])
    [headers] = [headers for method, _path, headers in scripted.requests if method == "POST"]
    assert headers["Content-MD5"].endswith("==")


def test_listings_of_many_pages_come_whole(scripted):
    scripted.behaviour.page = 3
    storage = scripted.open()
    names = [f"runs/{number:02}" for number in range(10)]
    for name in names:
        storage.create(name, [b"1"])
    assert [item.name for item in storage.list("runs/")] == names
    assert storage.traffic.requests["list"] == 4


def test_a_listing_that_never_ends_is_refused(scripted):
    page = b"<ListBucketResult><IsTruncated>true</IsTruncated>%s</ListBucketResult>"
    scripted.answer("GET", Answer(200, body=page % b""))
    assert code_of(lambda: list(scripted.open().list(""))) == "storage-answer-unexpected"
    scripted.answer("GET", *[Answer(200, body=page % b"<NextContinuationToken>same</NextContinuationToken>")] * 2)
    assert code_of(lambda: list(scripted.open().list(""))) == "storage-answer-unexpected"


ITEM = b"<Contents><Key>backups/a/x</Key><Size>3</Size><LastModified>2026-11-20T10:00:00.000Z</LastModified></Contents>"
PAGE = b"<ListBucketResult><IsTruncated>false</IsTruncated>" + ITEM + b"</ListBucketResult>"
PIECES = [b"<Size>3</Size>", b"<Size>-3</Size>", b"<Size>9e99</Size>", b"<Size>" + b"9" * 5000 + b"</Size>", b"<Size/>", b"<Key>backups/a/x</Key>",
          b"<Key/>", b"<Key>../../etc</Key>", b"<LastModified>2026-11-20T10:00:00.000Z</LastModified>", b"<LastModified>soon</LastModified>",
          b"<LastModified>9999999-01-01T00:00:00Z</LastModified>", b"<LastModified>1600000000</LastModified>", b"<IsTruncated>maybe</IsTruncated>",
          b"&lol;", b"<!DOCTYPE x [<!ENTITY a 'b'>]>", b"\xff", b"<a>" * 50]


@pytest.mark.parametrize("text", ["2026-11-20T10:00:00.000Z", "2026-11-20T10:00:00Z", "2026-11-20T10:00:00", "2026-11-20T10:00:00.5Z",
                                  "2026-11-20T11:00:00+01:00", "Fri, 20 Nov 2026 10:00:00 GMT"])
def test_times_are_utc_in_whatever_form(scripted, text):
    page = PAGE.replace(b"2026-11-20T10:00:00.000Z", text.encode())
    scripted.answer("GET", Answer(200, body=page))
    [item] = scripted.open().list("")
    assert int(item.modified) == 1795168800


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(PIECES), max_size=5), st.integers(0, len(PAGE)), st.integers(0, len(PAGE)))
def test_any_listing_is_understood_or_refused(scripted, pieces, one, other):
    """Cut, doubled and mixed up: never a traceback, never a size that is none."""
    page = PAGE[:one] + b"<Contents>" + b"".join(pieces) + b"</Contents>" + PAGE[other:]
    scripted.script["GET"] = [Answer(200, body=page)] * 10
    try:
        found = list(scripted.open(clock=ManualClock()).list(""))
    except EngineError as exc:
        assert exc.code in ("storage-answer-unexpected", "storage-busy")
    else:
        assert all(item.name == "x" and item.size == 3 for item in found)


def test_strangers_in_the_bucket_are_overlooked(scripted):
    for key in ("backups/a/packs/", "backups/a/.DS_Store", "backups/a/x y", "backups/a/../b", "backups/a/fine"):
        scripted.objects[key] = (b"", time.time())
    assert [item.name for item in scripted.open().list("")] == ["fine"]


# --- regions, addresses, headers

@pytest.mark.parametrize("answer", [
    Answer(400, "AuthorizationHeaderMalformed", "expecting 'eu-central-1'", extra=REGION),
    Answer(301, "PermanentRedirect", "use the right endpoint", headers={"x-amz-bucket-region": "eu-central-1"}),
])
def test_a_bucket_in_another_region_is_followed_there(scripted, answer):
    storage = scripted.open(region="auto")
    scripted.answer("GET", answer)
    assert list(storage.list("")) == []
    storage.create("a", [b"1"])
    signed = [headers["Authorization"].split("/")[2] for _method, _path, headers in scripted.requests]
    assert signed == ["us-east-1", "eu-central-1", "eu-central-1"]


def test_a_region_that_cannot_be_followed_is_named(scripted):
    scripted.answer("GET", Answer(301, "PermanentRedirect"))
    scripted.answer("HEAD", Answer(404, body=b""))
    assert code_of(lambda: list(scripted.open().list(""))) == "storage-wrong-region"


def test_uploads_carry_no_checksum_trailer_and_wait_for_no_permission_to_begin(scripted):
    """Ceph 16 and rclone refuse aws-chunked bodies; waiting for 100 Continue costs a round trip each time."""
    scripted.open().create("a", PACK)
    [(_method, path, headers)] = scripted.requests
    assert path == "/bucket/backups/a/a", "path style on a service of one's own"
    assert headers["Content-Length"] == "2000000" and headers["If-None-Match"] == "*"
    assert len(headers["X-Amz-Content-SHA256"]) == 64, "the payload itself is signed"
    assert not {"Expect", "Transfer-Encoding", "X-Amz-Trailer", "Content-Encoding"} & set(headers)


def test_the_storage_keeps_its_own_time_when_the_host_clock_jumps(scripted):
    clock = ManualClock(2_000_000_000.0)
    scripted.behaviour.date = 1_900_000_000.0
    storage = scripted.open(clock=clock)
    assert storage.now() == 1_900_000_000.0
    clock.jump(86400)
    clock.advance(60)
    assert storage.now() == 1_900_000_060.0
    assert storage.traffic.total_requests == 1


def test_uploads_keep_to_the_rate_limit(scripted):
    clock = ManualClock()
    storage = scripted.open(clock=clock, upload_rate_limit=1_000_000)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda name: storage.create(name, PACK), ("a", "b")))
    assert 3.7 < sum(clock.slept) < 8
    assert clock.elapsed() - 1000 > 3.7
    assert {item.size for item in storage.list("")} == {2_000_000}


def test_connections_are_reused_and_transfers_at_once_have_one_each(scripted):
    storage = scripted.open()
    storage.create("a", PACK)
    seen = set()
    real = scripted._server.process_request

    def process_request(request, address):
        seen.add(address)
        real(request, address)

    scripted._server.process_request = process_request
    for _turn in range(5):
        storage.get("a")
        storage.get("a", 100, 1000)
        list(storage.list(""))
    assert len(seen) == 0
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _number: storage.get("a"), range(64)))
    assert len(seen) < 8


def test_an_absent_object_is_missing_also_in_a_service_that_says_little(scripted):
    scripted.answer("GET", Answer(404, body=b""))
    with pytest.raises(ObjectMissing):
        scripted.open().get("a")


def test_credentials_come_from_the_role_of_an_instance(scripted, tmp_path, monkeypatch):
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    role = {"Code": "Success", "Type": "AWS-HMAC", "AccessKeyId": "AKROLE", "SecretAccessKey": "s", "Token": "the-token",
            "LastUpdated": "2026-11-20T10:00:00Z", "Expiration": "2099-01-01T00:00:00Z"}
    environment = {"AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"), "AWS_CONFIG_FILE": str(tmp_path / "none")}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with ScriptedS3() as metadata:
        monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", metadata.endpoint)
        metadata.answer("PUT", Answer(200, body=b"session"))
        metadata.answer("GET", Answer(200, body=b"backup-role"), Answer(200, body=json.dumps(role).encode()))
        storage = open_storage(StorageOptions(url="s3://bucket/backups", endpoint=scripted.endpoint), "a", Context(environment=environment))
        storage.create("a", [b"1"])
    [(_method, _path, headers)] = scripted.requests
    assert "Credential=AKROLE/" in headers["Authorization"] and headers["X-Amz-Security-Token"] == "the-token"
