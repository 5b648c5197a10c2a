# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Manifests, snapshot objects and packs: what is encoded is decoded as it was, and a writer writes nothing that no reader accepts."""
from __future__ import annotations

import os

import pytest

pytest.importorskip("hypothesis")
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine import dependencies
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.errors import EngineError
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.repository import (
    crypto, keys, known, manifest, names, pack, records, snapshot, tables, writer)
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.repository.manifest import Entry, EntryWriter, Manifest
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.repository.tables import Pack, Run, Tables
from support.agent import Agent
from support.clock import ManualClock
from support.fault_storage import MemoryStorage

BUNDLE = keys.new_bundle("0123456789abcdef" * 2)
SNAPSHOT = "2026-11-20T02:30:00.123Z"
SIZE = 16 << 10  # of every chunk but the last two, which are shorter
META = {
    "engine": "1", "host": "h", "name": None, "note": "", "kind": "manual", "scope": "everything", "roots": [], "findings": [],
    "omissions": [], "damaged_databases": [], "excluded": {}, "specials": [], "moment_exact": True, "users": {}, "groups": {},
    "totals": {"files": 0},
    "instance": {"name": "i", "user": "u", "home": "/h", "state_dir": "/h/s", "config_path": "/h/s/c", "layout": "file", "uid": 0, "gid": 0,
                 "agents": [], "versions": {}, "profile": None, "unit": None}}

NUMBERS = st.integers(-(1 << 63), (1 << 63) - 1)
PARTS = st.binary(min_size=1, max_size=8).filter(lambda name: b"/" not in name and b"\0" not in name and name not in (b".", b".."))
PATHS = st.lists(PARTS, min_size=1, max_size=3).map(lambda parts: os.fsdecode(b"/" + b"/".join(parts)))
COMMON = {
    "mode": st.integers(0, 0o7777), "uid": st.integers(0, (1 << 32) - 2), "gid": st.integers(0, (1 << 32) - 2), "modified": NUMBERS,
    "xattrs": st.dictionaries(st.sampled_from(["user.a", "user.\u00e9", "system.posix_acl_access"]), st.binary(max_size=20), max_size=2)}
TEXTS = st.binary(min_size=1, max_size=20).filter(lambda text: b"\0" not in text).map(os.fsdecode)


def some_tables(chunks: int = 8) -> Tables:
    """One pack of one frame; its last two chunks are short."""
    made, lengths = Tables(keys=[bytes(1168)]), [*[SIZE] * (chunks - 2), 100, 1]
    frame = made.add_frame(0, 0, 0, 5000, sum(lengths))
    for number, length in enumerate(lengths):
        made.add_chunk(number.to_bytes(16, "big"), frame, sum(lengths[:number]), length)
    made.packs.append(Pack("0" * 32, 6000, 0))
    return made


@st.composite
def contents(draw) -> dict:
    """size and runs of a file: any whole chunks, then perhaps a short one."""
    numbers = draw(st.lists(st.integers(0, 5), max_size=12))
    runs: list[Run] = []
    for number in numbers:
        tables.append_run(runs, number)
    size, last = len(numbers) * SIZE, draw(st.sampled_from([None, 6, 7]))
    if last is not None:
        tables.append_run(runs, last)
        size += {6: 100, 7: 1}[last]
    return {"size": size, "runs": runs}


@st.composite
def entries(draw) -> Entry:
    """Any one entry."""
    common = {name: draw(strategy) for name, strategy in COMMON.items()}
    path, kind = draw(PATHS), draw(st.sampled_from(manifest.TYPES))
    if kind == manifest.DIRECTORY:
        return Entry(path, kind, **common)
    if kind == manifest.LINK:
        return Entry(path, kind, changed=draw(NUMBERS), target=draw(TEXTS), **common)
    if kind == manifest.HARD_LINK:
        return Entry(path, kind, target=draw(PATHS), **common)
    facts = st.fixed_dictionaries({
        "mode": st.just("wal"), "quick_check": st.text(max_size=5), "disk_size": st.integers(0, 9),
        "rows": st.dictionaries(st.text(max_size=3), st.integers(0, 9), max_size=2)})
    return Entry(
        path, kind, changed=draw(NUMBERS), inode=draw(st.integers(0, (1 << 64) - 1)), chunk_size=SIZE,
        digest=draw(st.binary(min_size=32, max_size=32)).hex(), sparse=draw(st.booleans()), unstable=draw(st.booleans()),
        database=draw(st.none() | facts), **draw(contents()), **common)


@st.composite
def trees(draw) -> list[Entry]:
    """Entries that can be in one manifest, in order: nothing below what is no directory, links to what comes before."""
    kept: list[Entry] = []
    for entry in sorted(draw(st.lists(entries(), max_size=12)), key=lambda entry: entry.path.replace("/", "\0")):
        below = any(entry.path.startswith(other.path + "/") for other in kept if other.type != manifest.DIRECTORY)
        if below or any(entry.path == other.path for other in kept):
            continue
        if entry.type == manifest.HARD_LINK:
            files = [other.path for other in kept if other.type == manifest.FILE]
            if not files:
                continue
            entry.target = draw(st.sampled_from(files))
        kept.append(entry)
    return kept


def encoded(listed: list[Entry], meta: dict | None = None, made: Tables | None = None) -> bytes:
    listing = EntryWriter()
    for entry in listed:
        listing.add(entry)
    return manifest.encode(meta or META, listing, made or some_tables())


@given(entry=entries())
def test_an_entry_survives_its_line(entry):
    line = entry.to_line().encode()
    assert manifest.entry_of_line(line, 8) == entry == manifest.entry_of_line(line)
    assert line.isascii() and b"\n" not in line
    if any(run.first + (run.count if run.step else 1) > 3 for run in entry.runs):
        with pytest.raises(ValueError):
            manifest.entry_of_line(line, 3)


@given(listed=trees())
def test_a_manifest_survives_its_encoding(listed):
    made = some_tables()
    decoded = Manifest(encoded(listed, made=made))
    assert list(decoded.entries()) == listed
    assert list(decoded.entries()) == listed, "the second time, unchecked"
    assert [line for _entry, line in decoded.entries_and_lines()] == list(decoded.lines()) == [entry.to_line().encode() for entry in listed]
    assert decoded.tables == made
    assert {key: decoded.meta[key] for key in META} == META


@given(listed=trees(), data=st.data())
def test_a_writer_refuses_what_no_reader_would_accept(listed, data):
    """Better no backup, and said so, than one that does not restore."""
    if not listed:
        return
    entry = data.draw(st.sampled_from(listed))
    with pytest.raises(EngineError) as error:
        encoded([*listed, entry])
    assert error.value.code == "snapshot-inconsistent"
    leaf = next((entry for entry in listed if entry.type != manifest.DIRECTORY), None)
    if leaf:
        below = Entry(leaf.path + "/x", manifest.DIRECTORY, 0, 0, 0, 0)
        with pytest.raises(EngineError):
            encoded(sorted([*listed, below], key=lambda entry: entry.path.replace("/", "\0")))


@pytest.mark.parametrize("wrong", [{"omissions": [{"path": 1}]}, {"instance": {}}, {"moment_exact": None}, {"users": {"0": 1}}])
def test_a_writer_refuses_a_description_that_no_reader_would_accept(wrong):
    with pytest.raises(EngineError) as error:
        encoded([], {**META, **wrong})
    assert error.value.code == "snapshot-inconsistent"


def test_limits_are_told_before_anything_is_stored(monkeypatch):
    for name in ("MAXIMUM_ENTRIES", "MAXIMUM_META"):
        with monkeypatch.context() as patch:
            patch.setattr(manifest, name, 10)
            with pytest.raises(EngineError) as error:
                encoded([Entry("/a", manifest.DIRECTORY, 0, 0, 0, 0)])
            assert error.value.code == "snapshot-too-large"
    for name in ("MAXIMUM_HEADER", "MAXIMUM_OBJECT"):
        with monkeypatch.context() as patch:
            patch.setattr(snapshot, name, 10)
            with pytest.raises(EngineError) as error:
                snapshot.encode(BUNDLE, a_header(), None, "", b"")
            assert error.value.code == "snapshot-too-large"


def a_header(**fields) -> snapshot.Header:
    usual = {"id": SNAPSHOT, "created": SNAPSHOT, "kind": "manual", "scope": "everything", "salt": "0" * 32, "packs": ("0" * 32,)}
    return snapshot.Header(repository=BUNDLE.repository, **{**usual, **fields})


@given(listed=trees(), name=st.none() | st.text(min_size=1, max_size=20), note=st.text(max_size=100), parent=st.booleans(),
       version=st.text(max_size=10), counts=st.lists(st.integers(0, (1 << 63) - 1), min_size=8, max_size=8))
@settings(max_examples=50)
def test_a_snapshot_object_survives_its_encoding(listed, name, note, counts, parent, version):
    fields = dict(zip(("files", "bytes", "bytes_stored", "chunks_new", "chunks_reused", "omissions", "excluded", "duration_ms"), counts))
    before = {"id": "2026-11-20T02:30:00.122Z", "digest": "a" * 64} if parent else None
    header, parts = snapshot.encode(BUNDLE, a_header(parent=before, openclaw_version=version, **fields), name, note, encoded(listed))
    data, where = b"".join(parts), names.snapshot_object(SNAPSHOT)
    for bundle in (BUNDLE, BUNDLE.writer()):
        found, decoded = snapshot.decode(bundle, where, data)
        assert found == header and list(decoded.entries()) == listed
        assert snapshot.open_label(bundle, found) == (name, note)
    assert snapshot.read_header(where, data.split(b"\n", 1)[0]) == header
    assert header.body_bytes == len(parts[1]) and header.duration_s == header.duration_ms / 1000
    with pytest.raises(EngineError):
        snapshot.decode(keys.new_bundle(BUNDLE.repository).writer(), where, data)


@given(frames=st.lists(st.lists(st.binary(min_size=1, max_size=500), min_size=1, max_size=5), min_size=1, max_size=5))
@settings(max_examples=50)
def test_a_pack_survives_its_building(frames):
    data_key, zstd = crypto.random_key(), dependencies.zstd()
    builder = pack.PackBuilder(BUNDLE.repository, data_key)
    places = []
    for number, chunks in enumerate(frames):
        ids = b"".join(bytes([number, index]) * 8 for index in range(len(chunks)))
        plain = b"".join(chunks)
        places.append(builder.add(zstd.compress(plain), len(plain), pack.FrameRows(ids, tuple(map(len, chunks)))))
    sealed_key = crypto.seal_to(BUNDLE.public_key, data_key, crypto.context("data key", BUNDLE.repository))
    stored = b"".join(builder.finish("run", sealed_key, BUNDLE.catalog_key))
    assert len(stored) == builder.size
    opener = pack.FrameOpener(data_key, BUNDLE.repository, builder.pack_id)
    for (ordinal, offset, length), chunks in zip(places, frames):
        plain = b"".join(chunks)
        assert opener.open(ordinal, stored[offset:offset + length], len(plain)) == plain
        for wrong in (len(plain) - 1, len(plain) + 1, 1 << 40):
            with pytest.raises(ValueError):
                opener.open(ordinal, stored[offset:offset + length], wrong)
        with pytest.raises(ValueError):
            opener.open(ordinal + 1, stored[offset:offset + length], len(plain))
    storage = MemoryStorage(ManualClock(), {names.pack_object(builder.pack_id): (stored, 0.0)})
    trailer = known.read_trailer(storage, BUNDLE.catalog_key, BUNDLE.repository, builder.pack_id, len(stored))
    assert trailer.frames == builder.frames and trailer.sealed_key == sealed_key and trailer.run == "run"
    right = (BUNDLE.catalog_key, BUNDLE.repository, builder.pack_id)
    for key, repository, pack_id in ((bytes(32), *right[1:]), (right[0], "f" * 32, right[2]), (*right[:2], "f" * 32)):
        with pytest.raises(ValueError):
            pack.read_trailer(stored[-8 - pack.trailer_length(stored[-8:]):-8], key, repository, pack_id)


def test_a_pack_of_next_to_nothing_ends_all_the_same(tmp_path, monkeypatch):
    """Many frames that compress to a few bytes: the trailer that lists their chunks must stay within its limit."""
    monkeypatch.setattr(writer, "FRAMES_PER_PACK", 3)
    monkeypatch.setattr(writer, "FRAME_BYTES", 100)
    clock = ManualClock()
    agent = Agent(tmp_path, MemoryStorage(clock), clock)
    for number in range(10):
        agent.write(f"file-{number}", bytes([number]) * 1000)
    agent.backup()
    packs = agent.open().load(agent.open().snapshots()[0])[1].tables
    assert [list(packs.frame_pack).count(number) for number in range(len(packs.packs))] == [3, 3, 3, 1]


FIELDS = st.dictionaries(
    st.sampled_from(["result", "host", "number", "flag"]), st.text(max_size=10) | st.integers(-(1 << 62), 1 << 62) | st.booleans(),
    max_size=3)


@given(fields=FIELDS, message=st.text(max_size=200), kind=st.sampled_from([records.RUN, records.VERIFICATION]))
def test_a_record_survives_its_encoding(fields, message, kind):
    name = names.run_object(SNAPSHOT)
    data = records.encode(BUNDLE, kind, name, fields, message)
    record, said = records.decode(BUNDLE, kind, name, data)
    assert said == message.encode("utf-8", "backslashreplace").decode()
    assert record == {"format": 1, "type": kind, "repository": BUNDLE.repository, "name": name, **fields}
    assert {key: value for key, value in records.read(name, data, kind).items() if key != "message"} == record
    other = records.VERIFICATION if kind == records.RUN else records.RUN
    for wrong_kind, wrong_name in ((other, name), (kind, name + "x")):
        with pytest.raises(EngineError):
            records.decode(BUNDLE, wrong_kind, wrong_name, data)


def test_a_record_of_a_long_message_stays_readable():
    name = names.run_object(SNAPSHOT)
    data = records.encode(BUNDLE, records.RUN, name, {}, "\u00e9\udcff" * 1_000_000)
    assert len(data) < crypto.MAXIMUM_JSON
    assert records.decode(BUNDLE, records.RUN, name, data)[1].startswith("\u00e9\\udcff")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 62), 1 << 62) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3), max_leaves=10)


class TestPlaintextObjects:
    @given(st.dictionaries(st.text(max_size=5).filter(lambda key: key != "checksum"), JSON, max_size=4))
    def test_come_back_as_they_were_and_have_one_spelling(self, value):
        data = crypto.with_checksum(value)
        assert crypto.without_checksum(data) == value
        assert data.isascii() and data == crypto.with_checksum(dict(reversed(value.items())))

    @given(st.dictionaries(st.sampled_from(["a", "\u00e9", "\U0001f980"]), JSON, min_size=1, max_size=3), st.data())
    def test_any_changed_byte_is_noticed(self, value, data):
        stored = bytearray(crypto.with_checksum(value))
        stored[data.draw(st.integers(0, len(stored) - 1))] ^= data.draw(st.integers(1, 255))
        with pytest.raises(ValueError):
            crypto.without_checksum(bytes(stored))

    @pytest.mark.parametrize("change", [
        lambda text: text + b"\n", lambda text: b" " + text, lambda text: text.replace(b":", b": "), lambda text: b"\xef\xbb\xbf" + text,
        lambda text: text.replace(b"\\u00e9", b"\\u00E9"), lambda text: text.replace(b"\\u00e9", "\u00e9".encode()),
        lambda text: text.decode().encode("utf-16"), lambda text: b"[" + text + b"]", lambda text: text[:-1] + b',"a":"\\u00e9"}'])
    def test_other_spellings_are_refused(self, change):
        data = crypto.with_checksum({"a": "\u00e9", "b": 1})
        assert change(data) != data
        with pytest.raises(ValueError):
            crypto.without_checksum(change(data))

    @pytest.mark.parametrize("value", [1.0, float("nan"), [1.5], {"a": {"b": [0.0]}}])
    def test_fractions_are_never_written(self, value):
        with pytest.raises(ValueError):
            crypto.with_checksum({"value": value})

    def test_large_deep_and_endless_ones_are_refused(self):
        for text in (b"[" * 100_000, b"{" * 100_000, b'{"a":' * 100_000, b" " * (2 << 20), b"1" * 10_000, b'{"a":1e5}', b'{"a":NaN}', b""):
            with pytest.raises(ValueError):
                crypto.without_checksum(text)
