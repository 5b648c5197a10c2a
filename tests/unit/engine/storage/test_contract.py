# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every storage promises (storage/base.py), asked of all of them."""
from __future__ import annotations

import itertools
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.errors import EngineError, ObjectExists, ObjectMissing
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

FRESH = itertools.count()
HOSTILE = ["", "/", "/etc/passwd", "..", "../up", "a/../b", "a/..", "a//b", "a/", "./a", ".hidden", "a/.hidden", "a\0b", "a\nb",
           "a b", "a\\b", "ä", "~", "-a", "a" * 1000, "packs/.new-1"]


def names(storage, prefix=""):
    return [item.name for item in storage.list(prefix)]


def test_an_object_reads_back_whole_and_in_parts(storage):
    storage.create("packs/ab/one", [b"0123", b"", memoryview(b"456"), bytearray(b"789")])
    assert storage.get("packs/ab/one") == b"0123456789"
    assert storage.get("packs/ab/one", 3) == b"3456789"
    assert storage.get("packs/ab/one", 3, 4) == b"3456"
    assert storage.get("packs/ab/one", 0, 10) == b"0123456789"


def test_a_range_ends_where_the_object_ends(storage):
    storage.create("a", [b"0123456789"])
    assert storage.get("a", 8, 100) == b"89"
    assert storage.get("a", 10, 5) == b""
    assert storage.get("a", 99, 5) == b""
    assert storage.get("a", 99) == b""
    assert storage.get("a", 2, 0) == b""


def test_an_empty_object_exists(storage):
    storage.create("empty", [])
    assert storage.get("empty") == b""
    assert storage.get("empty", 0, 10) == b""
    assert [(item.name, item.size) for item in storage.list("")] == [("empty", 0)]


def test_a_pack_of_many_parts_arrives_unchanged(storage):
    source = random.Random(1)
    parts = [source.randbytes(source.choice([0, 1, 17, 4096, 70_000])) for _part in range(1500)]
    whole = b"".join(parts)
    storage.create("packs/00/big", parts)
    assert storage.get("packs/00/big") == whole
    assert storage.get("packs/00/big", 1_000_000, 3_000_000) == whole[1_000_000:4_000_000]


def test_an_object_is_never_overwritten(storage, opener):
    storage.create("a/b", [b"first"])
    for handle in (storage, opener("a")):
        with pytest.raises(ObjectExists):
            handle.create("a/b", [b"second"])
    assert storage.get("a/b") == b"first"


def test_one_of_many_writers_wins_and_its_content_is_whole(storage, request):
    if "weak" in request.node.name:
        pytest.skip("a service that refuses conditional writes cannot promise this; probe() says so")
    start = threading.Barrier(6)

    def write(number):
        start.wait()
        try:
            storage.create(f"packs/aa/{turn}", [b"%d" % number * 50_000])
        except ObjectExists:
            return None
        return b"%d" % number * 50_000

    for turn in range(5):
        with ThreadPoolExecutor(6) as pool:
            winners = [content for content in pool.map(write, range(6)) if content]
        assert len(winners) == 1
        assert storage.get(f"packs/aa/{turn}") == winners[0]


def test_an_absent_object_is_missing(storage):
    for arguments in ((), (5,), (0, 10), (0, 0)):
        with pytest.raises(ObjectMissing):
            storage.get("not/there", *arguments)
    storage.create("not/there-but-near", [b"x"])
    with pytest.raises(ObjectMissing):
        storage.get("not/there")
    with pytest.raises(ObjectMissing):
        storage.get("not")


def test_an_absent_root_holds_nothing(storage):
    assert names(storage) == []
    assert storage.delete(["a", "b/c"]).deleted == ["a", "b/c"]


def test_a_listing_is_in_name_order_and_begins_with_the_prefix(storage):
    stored = ["a-b/c", "a.b", "a/b", "a/c/d", "a0", "aB/x", "b", "packs/00/1", "packs/01/1", "packs/01/2", "packs/1f/0"]
    for name in random.Random(2).sample(stored, len(stored)):
        storage.create(name, [name.encode()])
    assert names(storage) == sorted(stored)
    for prefix in ("a", "a/", "a/c/", "packs/0", "packs/01/", "packs/01/2", "pack", "b", "c", "packs/01/2/"):
        assert names(storage, prefix) == sorted(name for name in stored if name.startswith(prefix)), prefix
    assert [item.size for item in storage.list("")] == [len(name) for name in sorted(stored)]


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_storage_behaves_like_a_dictionary(opener, data):
    """Random creates, deletes and listings, compared with a dictionary."""
    component = st.from_regex("[ab0][ab0._-]{0,2}", fullmatch=True)
    name = st.lists(component, min_size=2, max_size=3).map(lambda parts: "dir" + "/".join(parts) + "x.object")
    storage = opener(f"model-{next(FRESH)}")
    model = {}
    for _step in range(data.draw(st.integers(1, 12))):
        chosen = data.draw(name)
        if data.draw(st.booleans()):
            content = data.draw(st.binary(max_size=20))
            if chosen in model:
                with pytest.raises(ObjectExists):
                    storage.create(chosen, [content])
            else:
                storage.create(chosen, [content])
                model[chosen] = content
        else:
            assert storage.delete([chosen]).deleted == [chosen]
            model.pop(chosen, None)
        prefix = chosen[:data.draw(st.integers(0, len(chosen)))]
        assert names(storage, prefix) == sorted(item for item in model if item.startswith(prefix))
    assert {item.name: storage.get(item.name) for item in storage.list("")} == model
    storage.close()


def test_deleting_leaves_the_others_and_absent_names_count_as_deleted(storage):
    for name in ("packs/ab/1", "packs/ab/2", "packs/cd/1", "x"):
        storage.create(name, [b"1"])
    deletion = storage.delete(["packs/ab/1", "packs/cd/1", "never/was"])
    assert sorted(deletion.deleted) == ["never/was", "packs/ab/1", "packs/cd/1"]
    assert deletion.failed == []
    assert names(storage) == ["packs/ab/2", "x"]
    storage.create("packs/cd/1", [b"new"])
    assert storage.get("packs/cd/1") == b"new"


def test_more_objects_than_fit_one_answer_are_listed_and_deleted(storage, request):
    """S3 lists and deletes 1,000 at once; the weak service lists 7 and deletes one."""
    every = [f"runs/{number:04}" for number in range(60 if "weak" in request.node.name else 1050)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda name: storage.create(name, [b"r"]), every))
    assert names(storage, "runs/") == every
    assert sorted(storage.delete(every[:-1]).deleted) == every[:-1]
    assert names(storage) == every[-1:]


@pytest.mark.parametrize("name", HOSTILE)
def test_names_that_lead_elsewhere_are_refused(storage, name):
    for request in (lambda: storage.get(name), lambda: storage.create(name, [b"x"]), lambda: storage.delete(["fine", name])):
        with pytest.raises(EngineError) as caught:
            request()
        assert caught.value.code == "storage-name-invalid"
    if name not in ("", "a/"):
        with pytest.raises(EngineError) as caught:
            list(storage.list(name))
        assert caught.value.code == "storage-name-invalid"
    assert names(storage) == []


def test_times_are_of_the_storage_and_fit_together(storage):
    before = time.time()
    storage.create("a", [b"1"])
    [item] = storage.list("")
    assert before - 2 < item.modified < time.time() + 2
    assert before - 2 < storage.now() < time.time() + 2


def test_the_time_is_known_before_anything_was_written(storage):
    assert abs(storage.now() - time.time()) < 2


def test_requests_and_bytes_are_counted(storage):
    storage.create("a", [b"12345"])
    storage.get("a")
    storage.get("a", 1, 2)
    list(storage.list(""))
    storage.delete(["a"])
    counted = storage.traffic.requests
    assert counted["delete"] == 1 and counted["put"] in (1, 2)  # a refused conditional write is repeated without the condition
    assert counted["get"] >= 2 and counted["list"] >= 1
    assert storage.traffic.bytes_sent >= 5 and storage.traffic.bytes_received >= 7
    assert storage.traffic.total_requests == sum(counted.values())


def test_probing_tells_the_truth_and_leaves_nothing(storage, request):
    found = storage.probe()
    assert found.create_only is ("weak" not in request.node.name)
    assert found.can_delete is True
    assert names(storage) == []


def test_instances_do_not_see_one_another(opener):
    one, other = opener("a"), opener("a-b")
    one.create("x", [b"one"])
    other.create("x", [b"other"])
    other.create("y", [b"other"])
    assert names(one) == ["x"]
    assert one.get("x") == b"one"
    one.delete(["x", "y"])
    assert names(other) == ["x", "y"]
    for storage in (one, other):
        storage.close()


def test_a_storage_serves_several_threads(storage):
    def work(number):
        content = b"%d" % number * 1000
        storage.create(f"packs/{number % 3:02}/{number}", [content])
        return storage.get(f"packs/{number % 3:02}/{number}") == content and storage.delete([f"packs/{number % 3:02}/{number}"]).failed == []

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(100)))
    assert names(storage) == []
