# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A snapshot that authenticates may still lie: the host that wrote it may have been someone else's. Whoever restores it loses nothing."""
from __future__ import annotations

import json
import os
import sqlite3
import stat
import struct
from pathlib import Path

import pytest

from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine import dependencies, restore, restore_tree, snapshots
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.errors import EngineError
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.ports import Context
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.repository import known, names, repository, writer
from support.forging import COLUMNS, Forger

DAMAGED = {"repository-damaged"}
FACTS = {"mode": "wal", "quick_check": "ok", "disk_size": 1}
VALUES = [None, True, False, 0, 1, -1, 1 << 31, 1 << 40, 1 << 70, 1.5, "", "text", "\ud800", [], [[]], [1], {}, {"a": 1}]


@pytest.fixture()
def forger(tmp_path) -> Forger:
    return Forger(tmp_path)


def refused(forger: Forger, snapshot_id: str, codes: set[str] | None = None) -> str:
    """The code with which a restore is refused. Where it is found out before anything is written, nothing is."""
    with pytest.raises(EngineError) as error:
        forger.restore(snapshot_id)
    assert error.value.code in (codes or DAMAGED), error.value
    if error.value.code == "repository-damaged":
        assert not forger.target.exists()
    return error.value.message


def with_entry(forger: Forger, entry: dict, **changes) -> list[dict]:
    """The genuine entries with this one, changed, in its place in the order."""
    entry = {**entry, **changes}
    others = [other for other in forger.sections["entries"] if other["path"] != entry["path"]]
    return in_order([*others, entry])


def in_order(entries: list[dict]) -> list[dict]:
    return sorted(entries, key=lambda entry: str(entry.get("path")).replace("/", "\x00"))


def test_a_copy_of_the_genuine_snapshot_restores(forger):
    result = forger.restore(forger.snapshot())
    assert result.outcome.files == 3 and not result.outcome.failed


class TestPaths:
    @pytest.mark.parametrize("path", [
        "/../canary/evil", "/a/../../canary/evil", "/..", "relative", "", "..", "./a", "//a", "/a//b", "/a/", "/a/.", "/./a", "/a/..",
        "/a\0b", "/\ud800", "/a\udc2fb", "/\udcc3\udca9", "/" + "x" * 70_000])
    @pytest.mark.parametrize("kind", ["file", "directory", "link", "hard-link"])
    def test_that_are_not_clean(self, forger, path, kind):
        genuine = {"file": "/one", "directory": "/dir", "link": "/to", "hard-link": "/two"}[kind]
        if kind == "hard-link":
            genuine = "/three" if forger.entry("/three")["type"] == "hard-link" else "/two"
        entry = {**forger.entry(genuine), "path": path}
        refused(forger, forger.snapshot(entries=[entry]))
        refused(forger, forger.snapshot(entries=[*forger.sections["entries"], entry]))

    def test_that_are_there_twice(self, forger):
        for entry in forger.sections["entries"]:
            refused(forger, forger.snapshot(entries=in_order([*forger.sections["entries"], entry])))

    def test_that_are_not_in_order(self, forger):
        refused(forger, forger.snapshot(entries=forger.sections["entries"][::-1]))

    @pytest.mark.parametrize("below", ["file", "link", "hard-link"])
    def test_that_lie_below_something_that_is_no_directory(self, forger, below):
        above = forger.entry({"file": "/one", "link": "/to", "hard-link": "/two"}[below])
        if below == "link":
            above["target"] = str(forger.world / "canary")
        inner = {**forger.entry("/openclaw.json"), "path": above["path"] + "/evil"}
        refused(forger, forger.snapshot(entries=in_order([*with_entry(forger, above), inner])))
        refused(forger, forger.snapshot(entries=in_order([*with_entry(forger, above), {**inner, "path": above["path"] + "/a/b/c"}])))

    def test_that_name_the_root_as_something_else(self, forger):
        for name in ("/one", "/to"):
            refused(forger, forger.snapshot(entries=[{**forger.entry(name), "path": "/"}]))

    def test_a_name_that_the_system_refuses(self, forger):
        entry = {**forger.entry("/openclaw.json"), "path": "/" + "x" * 256}
        refused(forger, forger.snapshot(entries=[entry]), {"target-error"})


class TestLinks:
    @pytest.mark.parametrize("target", ["/../canary/file", "relative", "", "/a/../../canary/file", "\0", 7, None, ["/"]])
    def test_hard_links_to_what_no_path_can_be(self, forger, target):
        entry = {**forger.entry("/to"), "type": "hard-link", "target": target}
        refused(forger, forger.snapshot(entries=with_entry(forger, entry)))

    def test_hard_links_to_what_is_not_in_the_snapshot(self, forger):
        for target in (str(forger.world / "canary/file"), "/0"):
            entry = {**forger.entry("/to"), "type": "hard-link", "target": target, "path": "/zzz"}
            refused(forger, forger.snapshot(entries=with_entry(forger, entry)), {"restore-incomplete", "repository-damaged"})
            assert not (forger.target / "zzz").exists()
            forger.forget_target()

    def test_hard_links_to_links_directories_and_themselves(self, forger):
        link = {**forger.entry("/to"), "path": "/a", "target": str(forger.world / "canary/file")}
        for target in ("/a", forger.entry("/dir")["path"]):
            hard = {**forger.entry("/to"), "type": "hard-link", "path": "/zzz", "target": target}
            refused(forger, forger.snapshot(entries=in_order([*forger.sections["entries"], link, hard])), {"restore-incomplete"})
            assert not (forger.target / "zzz").exists()
            forger.forget_target()
        for target in ("/zzz", "/zzzz"):
            hard = {**forger.entry("/to"), "type": "hard-link", "path": "/zzz", "target": target}
            refused(forger, forger.snapshot(entries=in_order([*forger.sections["entries"], hard])))

    @pytest.mark.parametrize("target", ["", "a\0b", "\ud800", 3, None, []])
    def test_symbolic_links_to_what_cannot_be(self, forger, target):
        refused(forger, forger.snapshot(entries=with_entry(forger, forger.entry("/to"), target=target)))

    @pytest.mark.parametrize("suffix", ["-wal", "-shm", "-journal"])
    def test_a_link_in_the_place_of_a_databases_log(self, forger, suffix, tmp_path):
        """SQLite follows it: the log of a database would be read from, and written to, wherever it points."""
        connection = sqlite3.connect(forger.agent.state / "x.db", isolation_level=None)
        connection.executescript("PRAGMA journal_mode=WAL; CREATE TABLE t (x); INSERT INTO t VALUES (1)")
        forger.clock.advance(60)
        genuine = forger.agent.backup()
        connection.close()
        forger.genuine = genuine
        forger.sections = forger._sections()
        link = {**forger.entry("/to"), "path": forger.entry("/x.db")["path"] + suffix, "target": str(forger.world / "canary/db-wal")}
        both = with_entry(forger, link)
        for entries in (both, [entry for entry in both if not entry["path"].endswith("x.db-wal") or suffix == "-wal"]):
            try:
                forger.restore(forger.snapshot(entries=entries))
            except EngineError:
                pass
            forger.forget_target()

    def test_facts_that_name_another_files_log(self, forger):
        entry = forger.entry("/one")
        for part_of in ("/x", entry["path"], "/../canary/db", None, 3):
            refused(forger, forger.snapshot(entries=with_entry(forger, entry, database={"part_of": part_of})))


class TestDatabases:
    @pytest.mark.parametrize("sidecar", [True, False])
    def test_a_journal_that_names_another_file_does_not_have_it_deleted(self, forger, sidecar, tmp_path):
        """SQLite deletes a super-journal when it rolls back: no stolen key is needed, a file in the state is enough."""
        database, journal = hot_journal(tmp_path / "source.db", forger.world / "canary" / "file")
        forger.agent.write("x.db", database)
        forger.agent.write("x.db-journal", journal)
        forger.clock.advance(60)
        forger.genuine = forger.agent.backup()
        forger.sections = forger._sections()
        entries = with_entry(forger, forger.entry("/x.db-journal"))
        if not sidecar:  # as if it were any file; a log beside it has the database opened for writing all the same
            plain = forger.entry("/x.db-journal")
            del plain["database"]
            log = {**forger.entry("/openclaw.json"), "path": forger.entry("/x.db")["path"] + "-wal"}
            entries = in_order([*with_entry(forger, plain), {**log, "database": {"part_of": forger.entry("/x.db")["path"]}}])
        message = refused(forger, forger.snapshot(entries=entries), {"restore-incomplete"})
        assert "x.db among them: its journal names another file" in message


def hot_journal(path: Path, names_file: Path) -> tuple[bytes, bytes]:
    """A database in the middle of a transaction and its journal, at whose end stands that file's name."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.executescript("PRAGMA journal_mode=DELETE; PRAGMA cache_size=5; CREATE TABLE t (x)")
    connection.executemany("INSERT INTO t VALUES (?)", [("x" * 1000,)] * 500)
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("UPDATE t SET x = 'y' || x")
    database, journal = path.read_bytes(), Path(f"{path}-journal").read_bytes()
    connection.close()
    name = os.fsencode(names_file)
    record = struct.pack(">I", (1 << 30) // 4096 + 1) + name + struct.pack(">II", len(name), sum(name)) + bytes.fromhex("d9d505f920a163d7")
    return database, journal + record


class TestAttributes:
    @pytest.mark.parametrize("field, values", [
        ("mode", [-1, 0o10000, 0o104755, 0o060660, 1 << 40, True, "0644", None]), ("uid", [-1, (1 << 32) - 1, 1 << 40, True, None]),
        ("gid", [-1, (1 << 32) - 1, 1 << 40]), ("modified", [1 << 63, -(1 << 63) - 1, True, "now"]), ("changed", [1 << 63, None]),
        ("inode", [-1, 1 << 64]), ("size", [-1, 0, 999, 1001, 1 << 62, 1 << 63, True, None]),
        ("chunk_size", [0, -1, 1, 4096, 3 << 18, 2 << 20, 1 << 40, None]),
        ("digest", ["", "0" * 63, "0" * 65, "G" * 64, "A" * 64, None, 3]), ("sparse", [1, None, "yes"]), ("unstable", [1, None]),
        ("type", ["fifo", "device", "File", None, 1, [], {}]), ("path", [None, 1, [], {}, True]),
        ("xattrs", [[], None, {"": ""}, {"user.a\0": ""}, {"user.\ud800": ""}, {"user.a": 1}, {"user.a": "!"}]),
        ("chunks", [None, {}, [], [[0]], [[0, 1, 2, 3]], [[0, 1, 1]], [[0, 1, 2]], [[0, -1]], [[-1, 1]], [[0, 0]], [["0", 1]]]),
        ("chunks", [[[True, 1]], [0, 1], [[99, 1]], [[0, 1 << 60]], [[0, 1 << 60, 0]], [[0, 99]], [[0, 2, 0]]]),
        ("database", [None, [], {"mode": "wal"}, {**FACTS, "mode": 1}, {**FACTS, "quick_check": None}, {**FACTS, "disk_size": "1"},
                      {**FACTS, "rows": {"t": "1"}}, {**FACTS, "rows": []}, {**FACTS, "wal": ["1"]}, {**FACTS, "wal": {}}])])
    def test_that_cannot_be(self, forger, field, values):
        for value in values:
            refused(forger, forger.snapshot(entries=with_entry(forger, forger.entry("/one"), **{field: value})))
            lacking = forger.entry("/one")
            lacking.pop(field, None)
            if field not in ("sparse", "unstable", "xattrs", "database"):
                refused(forger, forger.snapshot(entries=[lacking]))

    def test_fractions_and_numbers_that_are_none(self, forger):
        line = json.dumps(forger.entry("/one"))
        for spelled in ("1000.0", "1e3", "NaN", "Infinity", "-Infinity", "1" * 5000):
            refused(forger, forger.snapshot(entries=[line.replace('"size": 1000', f'"size": {spelled}').encode()]))

    @pytest.mark.parametrize("mode", [0o4755, 0o2755, 0o6777])
    def test_set_user_id_is_not_given_and_said_so(self, forger, mode):
        entries, path = with_entry(forger, forger.entry("/one"), mode=mode), forger.entry("/one")["path"]
        result = forger.restore(forger.snapshot(entries=entries))
        assert stat.S_IMODE(os.lstat(f"{forger.target}{path}").st_mode) == mode & 0o1777
        assert restore_tree.SET_ID in result.outcome.refused[path]

    def test_file_capabilities_are_not_given_and_said_so(self, forger):
        capability = bytes.fromhex("0100000200000080000000000000000000000000")
        rights = {"security.capability": forger.encoded(capability), "trusted.overlay.opaque": "eQ=="}
        path = forger.entry("/one")["path"]
        result = forger.restore(forger.snapshot(entries=with_entry(forger, forger.entry("/one"), xattrs=rights)))
        assert set(result.outcome.refused[path]) == set(rights)
        assert not set(os.listxattr(f"{forger.target}{path}")) & set(rights)

    def test_content_of_another_digest_does_not_come_back(self, forger):
        entries = with_entry(forger, forger.entry("/two"), digest="0" * 64)
        assert "digest" in refused(forger, forger.snapshot(entries=entries), {"restore-incomplete"})
        assert not Path(f"{forger.target}{forger.entry('/two')['path']}").exists()

    def test_content_that_there_is_no_room_for_is_refused_at_once(self, forger):
        """One chunk of 256 KiB, a trillion times: it must not take memory for each."""
        size = forger.sections["chunk_length"][0]
        entries = with_entry(forger, forger.entry("/one"), chunk_size=1 << 20, size=size * (1 << 50), chunks=[[0, 1 << 50, 0]])
        refused(forger, forger.snapshot(entries=entries))
        lengths = [1 << 20, *forger.sections["chunk_length"][1:]]
        entries = with_entry(forger, forger.entry("/one"), chunk_size=1 << 20, size=1 << 60, chunks=[[0, 1 << 40, 0]])
        snapshot_id = forger.snapshot(entries=entries, chunk_length=lengths, frame_length=[2 << 20] * len(forger.sections["frame_length"]),
                                      chunk_offset=[0] * len(lengths))
        refused(forger, snapshot_id, {"target-full"})


class TestTables:
    @pytest.mark.parametrize("column", COLUMNS)
    def test_numbers_that_point_nowhere(self, forger, column):
        genuine = forger.sections[column]
        for values in ([0xFFFFFFFF] * len(genuine), [], [*genuine, 0], genuine[:-1]):
            if values != genuine:
                # An ordinal is only the nonce: whatever is not the right one opens nothing.
                codes = {"restore-incomplete"} if column == "frame_ordinal" and len(values) == len(genuine) else DAMAGED
                refused(forger, forger.snapshot(**{column: values}), codes)
                forger.forget_target()

    @pytest.mark.parametrize("column, value", [
        ("chunk_length", 0), ("chunk_length", (1 << 20) + 1), ("frame_length", (16 << 20) + 1), ("frame_stored", 1 << 30),
        ("chunk_frame", 1000), ("frame_pack", 1000), ("frame_offset", 1 << 31), ("chunk_offset", 1 << 31)])
    def test_sizes_that_no_writer_makes(self, forger, column, value):
        refused(forger, forger.snapshot(**{column: [value, *forger.sections[column][1:]]}))

    def test_a_wrong_place_in_a_pack_is_no_content(self, forger):
        """Tables that fit together and still point at the wrong bytes."""
        for column, value in (("frame_offset", 1), ("frame_ordinal", 7), ("frame_stored", 20), ("frame_length", 16 << 20)):
            values = [value] * len(forger.sections[column])
            refused(forger, forger.snapshot(**{column: values}), {"restore-incomplete"})
            forger.forget_target()

    @pytest.mark.parametrize("row", [
        ["../../canary/file", 100, 0], ["0" * 31, 100, 0], ["g" * 32, 100, 0], [7, 100, 0], ["0" * 32, -1, 0], ["0" * 32, 1 << 32, 0],
        ["0" * 32, "1", 0], ["0" * 32, 100, -1], ["0" * 32, 100, 99], ["0" * 32, 100, True], ["0" * 32, 100], "row", None, {}])
    def test_packs_that_cannot_be(self, forger, row):
        meta = {**forger.sections["meta"], "packs": [row]}
        refused(forger, forger.snapshot(meta=meta, header={"packs": ("0" * 32,)}))

    def test_a_header_that_names_other_packs_than_the_manifest(self, forger):
        """A prune believes headers: it would delete what the snapshot needs."""
        for packs in ((), ("0" * 32,), (*forger.genuine.packs, "0" * 32)):
            refused(forger, forger.snapshot(header={"packs": packs}))

    def test_keys_that_open_nothing(self, forger):
        for wrong in ("", "AAAA", forger.encoded(bytes(1168)), None, 7):
            meta = {**forger.sections["meta"], "keys": [wrong]}
            refused(forger, forger.snapshot(meta=meta), {"repository-damaged", "restore-incomplete"})
            forger.forget_target()


class TestSections:
    def test_bombs_stop_at_what_they_say_and_at_the_limits(self, forger):
        bomb = dependencies.zstd().compress(bytes(300 << 20))
        for section in ("entries", "meta", "chunk_ids", *COLUMNS):
            for length in (10, 300 << 20, 1 << 40):
                refused(forger, forger.snapshot(raw={section: (bomb, length)}))

    def test_a_list_of_one_endless_entry(self, forger):
        refused(forger, forger.snapshot(entries=[b'{"path": "' + b"x" * (65 << 20) + b'"}']))

    @pytest.mark.parametrize("stored, length", [(b"", 0), (b"not zstd", 8), (b"\x28\xb5\x2f\xfd", 100)])
    def test_what_is_no_zstd(self, forger, stored, length):
        for section in ("entries", "meta", "chunk_ids", "chunk_length"):
            refused(forger, forger.snapshot(raw={section: (stored, length)}))

    def test_more_or_less_than_it_says(self, forger):
        zstd = dependencies.zstd()
        for section in ("entries", "meta", "chunk_ids", "frame_pack"):
            data = forger._bytes_of(section, forger.sections[section])
            frame = zstd.compress(data)
            for stored, length in (
                    (frame, len(data) - 1), (frame, len(data) + 1), (frame[:-1], len(data)), (frame + b"x", len(data)),
                    (frame + frame, len(data)), (frame + frame, 2 * len(data))):
                refused(forger, forger.snapshot(raw={section: (stored, length)}))

    @pytest.mark.parametrize("head", [
        b"", b"\n", b"[]\n", b"null\n", b"{}\n", b'{"format":1}\n', b'{"format":1,"sections":{}}\n', b'{"format":2,"sections":[]}\n',
        b'{"format":true,"sections":[]}\n', b'{"format":1,"sections":[[]]}\n', b'{"format":1,"sections":[["meta",-1,5]]}\n',
        b'{"format":1,"sections":[["meta",5,-1]]}\n', b'{"format":1,"sections":[["meta",1.5,5]]}\n',
        b'{"format":1,"sections":[["meta",99999999,5]]}\n', b'{"format":1,"sections":[[["a"],0,0]]}\n',
        b'{"format":1,"sections":[["meta",0,0],["meta",0,0]]}\n', b'{"format":1,"sections":[]}\nmore',
        b"[" * 100_000 + b"\n", b"x" * 70_000 + b"\n", b"\xff\n"])
    def test_heads_that_are_none(self, forger, head):
        refused(forger, forger.body(head))

    def test_a_section_that_is_not_there_or_unknown(self, forger):
        genuine = dict(forger.sections)
        for section in genuine:
            forger.sections = {name: value for name, value in genuine.items() if name != section}
            refused(forger, forger.snapshot())
        forger.sections = genuine
        assert forger.restore(forger.snapshot(**{"of a later version": b"ignored"})).outcome.files == 3

    @pytest.mark.parametrize("depth", [500, 2000, 100_000])
    def test_deep_nesting_anywhere(self, forger, depth):
        deep = b"[" * depth + b"]" * depth
        path = forger.entry("/one")["path"].encode()
        for entry in (deep, b'{"path":"' + path + b'","type":' + deep + b"}", b'{"path":' + b'{"a":' * depth + b"1" + b"}" * depth + b"}"):
            refused(forger, forger.snapshot(entries=[entry]))
        refused(forger, forger.snapshot(meta=b'{"omissions":' + deep + b"}"))
        refused(forger, forger.body(deep + b"\n"))


class TestMeta:
    @pytest.mark.parametrize("field", [
        "name", "note", "kind", "scope", "engine", "host", "instance", "roots", "findings", "omissions", "damaged_databases", "excluded",
        "specials", "moment_exact", "users", "groups", "totals", "packs", "keys"])
    def test_other_types_are_refused_or_harmless(self, forger, field):
        for value in VALUES:
            meta = {**forger.sections["meta"], field: value}
            try:
                forger.restore(forger.snapshot(meta=meta))
            except EngineError as exc:
                assert exc.code in ("repository-damaged", "restore-incomplete")
            forger.forget_target()

    def test_a_state_directory_outside_is_not_pointed_at(self, forger):
        for path in ("/../canary", "../../canary", "/a/../../canary", "//..//.."):
            instance = {**forger.sections["meta"]["instance"], "state_dir": path}
            result = forger.restore(forger.snapshot(meta={**forger.sections["meta"], "instance": instance}))
            assert os.path.normpath(result.state_dir).startswith(str(forger.target))
            forger.forget_target()


class TestTargets:
    def test_links_planted_where_directories_will_be(self, forger):
        """Between plan and execution somebody puts links into the target: nothing is written through them."""
        first = forger.entry("/openclaw.json")["path"].split("/")[1]
        for planted, points_at in ((first, "../canary"), (first, str(forger.world / "canary"))):
            options = restore.RestoreOptions(target=str(forger.target))
            made = restore.plan(forger.agent.open(), options, Context())
            forger.target.mkdir()
            (forger.target / planted).symlink_to(points_at)
            with pytest.raises(EngineError) as error:
                restore.execute(made, Context())
            assert error.value.code == "target-not-empty"
            forger.check_canary()
            forger.forget_target()

    @pytest.mark.parametrize("how", ["symlink", "hard link", "fifo"])
    @pytest.mark.parametrize("name", ["/two", "/large"])  # one is written in one piece, one in several
    def test_files_planted_where_files_will_be(self, forger, how, name, monkeypatch):
        monkeypatch.setattr(writer, "FRAME_BYTES", 300_000)
        forger.agent.write("dir/large", os.urandom(900_000))
        forger.clock.advance(60)
        forger.genuine = forger.agent.backup()
        forger.sections = forger._sections()
        made = restore.plan(forger.agent.open(), restore.RestoreOptions(target=str(forger.target)), Context())
        place = Path(f"{forger.target}{forger.entry(name)['path']}")
        place.parent.mkdir(parents=True)
        canary = forger.world / "canary" / "file"
        if how == "fifo":
            os.mkfifo(place)
        else:
            place.symlink_to(canary) if how == "symlink" else place.hardlink_to(canary)
        with pytest.raises(EngineError) as error:
            restore.execute(made, Context())
        assert error.value.code == "target-not-empty"
        assert canary.read_bytes() == b"untouched"

    def test_a_link_as_the_target_is_refused(self, forger):
        forger.target.symlink_to("canary")
        with pytest.raises(EngineError) as error:
            forger.restore("latest")
        assert error.value.code == "target-not-empty"

    def test_a_target_swapped_for_a_link_is_refused(self, forger):
        made = restore.plan(forger.agent.open(), restore.RestoreOptions(target=str(forger.target)), Context())
        forger.target.symlink_to("canary")
        with pytest.raises(EngineError):
            restore.execute(made, Context())
        forger.check_canary()


class TestPacks:
    def adopted(self, forger: Forger) -> known.Known:
        stored = known.Known()
        forger.clock.advance(1)
        packs = repository.list_packs(forger.storage)
        known.adopt_unfinished(stored, forger.storage, forger.bundle.catalog_key, forger.bundle.repository, packs)
        return stored

    @pytest.mark.parametrize("head", [
        b"", b"[]", b"null", b"{}", b"[" * 100_000, b'{"run":"r","key":"","frames":[]}', {"run": "r", "frames": []},
        {"run": "r", "key": "AAAA", "frames": [[1, 1, [1]]]}])
    def test_trailers_that_are_none(self, forger, head):
        pack_id = forger.pack(head)
        assert pack_id not in self.adopted(forger).adopted

    @pytest.mark.parametrize("frames", [
        None, {}, [None], [[]], [[20, 1]], [[20, 1, 1]], [[20, 1, []]], [[20, 1, [0, 1]]], [[20, 2, [1]]], [[20, -1, [-1]]],
        [[-20, 1, [1]]],
        [["20", 1, [1]]], [[20, 1, ["1"]]], [[20, 1.0, [1]]], [[True, 1, [1]]], [[20, 1 << 40, [1 << 40]]], [[1 << 40, 1, [1]]],
        [[20, 2 << 20, [2 << 20]]], [[19, 1, [1]]], [[21, 1, [1]]], [[20, 2, [1, 1]]], [[16, 1, [1]]]])
    def test_frames_that_cannot_be(self, forger, frames):
        head, _ids = forger.genuine_trailer()
        pack_id = forger.pack({**head, "frames": frames}, bytes(16), b"f" * 20)
        assert pack_id not in self.adopted(forger).adopted

    def test_frames_that_can_be(self, forger):
        head, _ids = forger.genuine_trailer()
        pack_id = forger.pack({**head, "frames": [[20, 1, [1]]]}, bytes(16), b"f" * 20)
        assert pack_id in self.adopted(forger).adopted

    def test_a_trailer_that_is_a_bomb(self, forger):
        pack_id = forger.pack(b" " * (300 << 20))
        assert pack_id not in self.adopted(forger).adopted

    def test_a_footer_that_points_before_the_pack(self, forger):
        tails = b"OCBP\xff\xff\xff\xff", b"OCBP\x00\x00\x00\x00", b"OCBP\xff\xff\x00\x00", b"short", b"XXXX\x01\x00\x00\x00"
        for number, tail in enumerate(tails):
            forger.storage.create(names.pack_object(f"{number:032x}"), [tail])
        assert set(self.adopted(forger).adopted) == set(forger.genuine.packs)

    def test_a_backup_goes_on_beside_hostile_packs(self, forger):
        head, ids = forger.genuine_trailer()
        forger.pack({**head, "frames": "x"}, ids)
        forger.pack(b"[" * 100_000)
        forger.agent.write("new", b"content")
        forger.clock.advance(600)
        assert forger.agent.backup().files == 4


class TestBackups:
    @pytest.mark.parametrize("entries", [b"{}", b"[" * 5000, b'{"path":"/../x"}', None])
    def test_a_parent_whose_entries_are_not_sound_is_no_parent(self, forger, entries):
        forger.snapshot(entries=[entries] if entries else forger.sections["entries"][::-1])
        forger.clock.advance(600)
        forger.agent.write("new", b"content")
        header = forger.agent.backup()
        assert header.parent["id"] == forger.genuine.id and header.files == 4

    def test_a_snapshot_of_the_end_of_time_ends_backups_with_a_clear_error(self, forger):
        forger.storage.create("snapshots/99991231T235959.999Z", [b"junk"])
        forger.agent.write("new", b"content")
        with pytest.raises(EngineError) as error:
            forger.agent.backup()
        assert error.value.code == "snapshot-id-exhausted"

    def test_junk_among_the_snapshots_is_listed_as_damaged_and_does_not_stop_a_backup(self, forger):
        for number, junk in enumerate((b"", b"\n", b"{}\n", b"[" * 100_000, b"x" * 100_000, b'{"format":1,"features":["new"]}\n')):
            forger.storage.create(names.snapshot_object(names.id_of_time(forger.clock.now() + 1 + number)), [junk])
        forger.clock.advance(600)
        forger.agent.write("new", b"content")
        assert forger.agent.backup().parent["id"] == forger.genuine.id
        infos = snapshots.list_infos(forger.agent.open())
        assert [bool(info.error) for info in infos] == [False, *[True] * 6, False]
