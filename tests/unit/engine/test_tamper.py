# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whatever is changed in a repository is noticed, with an error that says what it is, and wrong content never comes back.

The short form samples every region of every object; `make torture` flips every byte of every object, and cuts it at every place.
"""
from __future__ import annotations

import base64
import itertools
import random

import pytest

from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.errors import EngineError
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.ports import Context
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.repository import crypto, keys, known, names, repository, snapshot
from support.clock import ManualClock
from support.fault_storage import MemoryStorage
from support.tampering import examine, make

CLEAR = {"repository-damaged", "format-unknown", "repository-replaced", "restore-incomplete", "verification-failed"}
KINDS = [names.REPOSITORY, names.KEYS, names.SNAPSHOTS, names.PACKS, names.RUNS, names.VERIFICATIONS]
SAMPLES = 15  # positions in each region


@pytest.fixture(scope="module")
def victim(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        yield make(tmp_path_factory.mktemp("victim"), patch)


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    """Another repository that the same secret opens, of the same moments and files."""
    with pytest.MonkeyPatch.context() as patch:
        yield make(tmp_path_factory.mktemp("other"), patch)


def noticed(victim, objects) -> list[tuple[str, str]]:
    """What noticed the change; something must have, in words that are clear."""
    found = examine(victim, objects)
    assert found, "nobody noticed"
    assert {code for _operation, code in found} <= CLEAR
    return found


def regions(victim, name: str) -> list[tuple[int, int]]:
    """The parts of an object that may be handled by different code, as (start, end)."""
    data = victim.objects[name]
    cuts = {0, len(data)}
    if name.startswith(names.SNAPSHOTS):
        line_end = data.index(b"\n")
        cuts |= {line_end, line_end + 1, len(data) - crypto.TAG_BYTES}
    elif name.startswith(names.PACKS):
        cuts |= {victim.trailers[name], len(data) - 8, len(data) - 4, *(end for _start, end in frames_of(victim, name))}
    return list(itertools.pairwise(sorted(cut for cut in cuts if cut <= len(data))))


def expected_operation(victim, name: str, position: int) -> str:
    """The operation that must notice a change there."""
    if name == names.REPOSITORY or name.startswith(names.KEYS):
        return "open"
    if name.startswith(names.SNAPSHOTS):
        return "list" if position < victim.objects[name].index(b"\n") else "load"
    if name.startswith(names.PACKS):
        return "restore" if position < victim.trailers[name] else "verify"
    return "record"


def flip(data: bytes, position: int, mask: int) -> bytes:
    changed = bytearray(data)
    changed[position] ^= mask
    return bytes(changed)


def test_an_untouched_repository_is_fine(victim):
    assert examine(victim, victim.objects) == []
    assert all(victim.of(kind) for kind in KINDS)
    assert len(victim.of(names.PACKS)) > 2 and len(victim.of(names.SNAPSHOTS)) == 2


@pytest.mark.parametrize("kind", KINDS)
def test_a_flipped_byte_is_noticed(victim, kind):
    chance = random.Random(kind)
    for name in victim.of(kind)[:3]:
        for start, end in regions(victim, name):
            for position in {start, end - 1, *(chance.randrange(start, end) for _ in range(SAMPLES))}:
                found = noticed(victim, {**victim.objects, name: flip(victim.objects[name], position, 1 << chance.randrange(8))})
                assert expected_operation(victim, name, position) in {operation for operation, _code in found}, (name, position)


@pytest.mark.torture
@pytest.mark.parametrize("kind", KINDS)
def test_every_byte_of_every_object_flipped_is_noticed(victim, kind):
    chance = random.Random(kind)
    for name in victim.of(kind):
        for position in range(len(victim.objects[name])):
            found = noticed(victim, {**victim.objects, name: flip(victim.objects[name], position, chance.randrange(1, 256))})
            assert expected_operation(victim, name, position) in {operation for operation, _code in found}, (name, position)


@pytest.mark.parametrize("kind", KINDS)
def test_a_cut_or_lengthened_object_is_noticed(victim, kind):
    for name in victim.of(kind)[:3]:
        data = victim.objects[name]
        lengths = {0, 1, 7, 8, 9, len(data) // 2, len(data) - 1, len(data) - 8, len(data) - 16}
        lengths |= {start for start, _end in regions(victim, name)}
        for length in lengths:
            if 0 <= length < len(data):
                noticed(victim, {**victim.objects, name: data[:length]})
        for more in (b"\n", b" ", b"\x00", data):
            noticed(victim, {**victim.objects, name: data + more})
        noticed(victim, {**victim.objects, name: data[1:]})


@pytest.mark.torture
@pytest.mark.parametrize("kind", KINDS)
def test_an_object_cut_at_any_place_is_noticed(victim, kind):
    for name in victim.of(kind):
        for length in range(len(victim.objects[name])):
            noticed(victim, {**victim.objects, name: victim.objects[name][:length]})


@pytest.mark.parametrize("kind", [names.SNAPSHOTS, names.PACKS, names.RUNS])
def test_two_objects_exchanged_are_noticed(victim, kind):
    for first, second in itertools.combinations(victim.of(kind), 2):
        noticed(victim, {**victim.objects, first: victim.objects[second], second: victim.objects[first]})


def test_two_key_slots_exchanged_are_noticed(victim):
    name, content = keys.make_slot(victim.bundle, victim.secret, "second", "2026-11-20T00:00:00.000Z")
    first = victim.of(names.KEYS)[0]
    assert noticed(victim, {**victim.objects, first: content, name: victim.objects[first]}) == [("open", "repository-damaged")]


def test_a_header_with_another_snapshots_body_is_noticed(victim):
    first, second = victim.of(names.SNAPSHOTS)
    head, body = victim.objects[first].split(b"\n", 1)[0], victim.objects[second].split(b"\n", 1)[1]
    noticed(victim, {**victim.objects, first: head + b"\n" + body})


def test_two_frames_exchanged_are_noticed(victim):
    done = 0
    for name in victim.of(names.PACKS):
        for (start, middle), (_middle, end) in itertools.pairwise(frames_of(victim, name)):
            if middle - start == end - middle:
                data, done = victim.objects[name], done + 1
                noticed(victim, {**victim.objects, name: data[:start] + data[middle:end] + data[start:middle] + data[end:]})
    assert done, "there are no frames of equal length"


def frames_of(victim, name: str) -> list[tuple[int, int]]:
    """(start, end) of the frames of a pack, as its trailer has them."""
    storage = MemoryStorage(ManualClock(), {name: (victim.objects[name], 0.0)})
    pack_id = names.pack_of_object(name)
    trailer = known.read_trailer(storage, victim.bundle.catalog_key, victim.bundle.repository, pack_id, len(victim.objects[name]))
    return list(itertools.pairwise(itertools.accumulate((frame.stored for frame in trailer.frames), initial=0)))


@pytest.mark.parametrize("kind", [names.SNAPSHOTS, names.PACKS, names.RUNS, names.VERIFICATIONS])
def test_an_object_under_another_name_is_noticed(victim, kind):
    new = {names.SNAPSHOTS: names.snapshot_object("2027-01-01T00:00:00.000Z"), names.RUNS: "runs/20270101T000000.000Z-abcdef",
           names.VERIFICATIONS: victim.of(names.VERIFICATIONS)[0][:-6] + "abcdef"}
    for name in victim.of(kind):
        if kind in new:
            noticed(victim, {**victim.objects, new[kind]: victim.objects[name]})
        for instead in victim.of(kind):
            if instead != name:
                noticed(victim, {**victim.objects, instead: victim.objects[name]})


def test_a_pack_under_another_name_is_never_adopted(victim):
    copies = {names.pack_object(names.random_id()): victim.objects[name] for name in victim.of(names.PACKS)}
    clock = ManualClock()
    storage = MemoryStorage(clock, {name: (data, clock.now()) for name, data in {**victim.objects, **copies}.items()})
    stored = known.Known()
    known.adopt_unfinished(stored, storage, victim.bundle.catalog_key, victim.bundle.repository, repository.list_packs(storage))
    assert {names.pack_object(pack) for pack in stored.adopted} == set(victim.of(names.PACKS))


@pytest.mark.parametrize("kind", KINDS)
def test_an_object_of_another_repository_is_noticed(victim, other, kind):
    for mine, theirs in zip(victim.of(kind), other.of(kind)):
        noticed(victim, {**victim.objects, mine: other.objects[theirs]})


def test_a_whole_other_repository_in_its_place_is_noticed_by_a_writer(victim, other):
    assert examine(victim, other.objects, victim.bundle.writer()) == [("open", "repository-replaced")]


def test_a_snapshot_of_another_repository_beside_the_own_ones_is_noticed(victim, other):
    for name in other.of(names.SNAPSHOTS):
        new = names.snapshot_object("2027-01-01T00:00:00.000Z")
        noticed(victim, {**victim.objects, new: other.objects[name]})


def test_a_lost_pack_is_noticed(victim):
    for name in victim.of(names.PACKS):
        found = noticed(victim, {other: data for other, data in victim.objects.items() if other != name})
        assert {"restore", "verify"} <= {operation for operation, _code in found}


def test_an_older_object_of_the_same_name_is_noticed(tmp_path, monkeypatch):
    """A storage that was set back: the parent's digest shows a snapshot that was written anew under an id that was used before."""
    one = make(tmp_path / "one", monkeypatch)
    first, _second = one.of(names.SNAPSHOTS)
    old, _manifest = snapshot.decode(one.bundle, first, one.objects[first])
    header, parts = snapshot.encode(one.bundle, old, "the-first", "another note", plaintext_of(one, first))
    assert header.id == old.id
    assert examine(one, {**one.objects, first: b"".join(parts)}) == [("verify", "verification-failed")]


def plaintext_of(victim, name: str) -> bytes:
    line, body = victim.objects[name].split(b"\n", 1)
    header = snapshot.read_header(name, line)
    bound_to = crypto.context("snapshot", victim.bundle.repository) + b"\x00" + line
    key = crypto.derive(victim.bundle.catalog_key, "snapshot", victim.bundle.repository, header.id, header.salt)
    return crypto.Sealer(key).open(0, body, bound_to)


class TestAttackersWhoMakeTheChecksumsRight:
    """The checksum of plaintext objects is no secret: whoever changes one can make it right again."""

    @staticmethod
    def forged(data: bytes, **fields) -> bytes:
        value = crypto.without_checksum(data, 1 << 24)
        return crypto.with_checksum({**value, **fields})

    @pytest.mark.parametrize("fields", [
        {"files": 1}, {"packs": []}, {"omissions": 0, "bytes": 1}, {"kind": "manual"}, {"named": False}, {"parent": None},
        {"created": "2020-01-01T00:00:00.000Z"}, {"label": ""}, {"salt": "0" * 32}, {"duration_ms": 1}])
    def test_a_header_is_found_out_by_whoever_can_read_names(self, victim, fields):
        name = victim.of(names.SNAPSHOTS)[1]
        line, body = victim.objects[name].split(b"\n", 1)
        found = noticed(victim, {**victim.objects, name: self.forged(line, **fields) + b"\n" + body})
        assert {"list", "load", "restore", "verify"} <= {operation for operation, _code in found}

    def test_a_replaced_public_key_is_found_out(self, victim, other):
        key = crypto.without_checksum(other.objects[names.REPOSITORY])["public_key"]
        objects = {**victim.objects, names.REPOSITORY: self.forged(victim.objects[names.REPOSITORY], public_key=key)}
        assert noticed(victim, objects) == [("open", "repository-replaced")]
        assert examine(victim, objects, victim.bundle.writer()) == [("open", "repository-replaced")]

    @pytest.mark.parametrize("fields", [
        {"result": "failure"}, {"snapshot": "2020-01-01T00:00:00.000Z"}, {"message": ""}, {"host": "elsewhere"}])
    def test_a_record_is_found_out(self, victim, fields):
        name = victim.of(names.RUNS)[0]
        assert ("record", "repository-damaged") in noticed(victim, {**victim.objects, name: self.forged(victim.objects[name], **fields)})

    def test_a_verification_that_a_writer_makes_is_found_out(self, victim):
        """A host has the catalog key; what vouches for a snapshot is sealed with another."""
        name = victim.of(names.VERIFICATIONS)[0]
        record = crypto.without_checksum(victim.objects[name])
        del record["message"]
        bound_to = crypto.context("verification") + b"\x00" + crypto.canonical(record)
        key = crypto.derive(victim.bundle.catalog_key, "verification", victim.bundle.repository, name)
        sealed = base64.b64encode(crypto.Sealer(key).seal(0, b"", bound_to)).decode()
        noticed(victim, {**victim.objects, name: crypto.with_checksum({**record, "message": sealed})})

    @pytest.mark.parametrize("fields", [
        {"label": "another"}, {"kind": "passphrase"}, {"salt": "00" * 16}, {"kdf": {"name": "argon2id"}}, {"kdf": []},
        {"repository": "0" * 32}, {"kdf": {"name": "pbkdf2-sha512", "iterations": 1 << 40}},
        {"sealed": ""}, {"sealed": "AAAA"}, {"slot": "../../x"}, {"format": 2}])
    def test_a_key_slot_opens_nothing_then(self, victim, fields):
        name = victim.of(names.KEYS)[0]
        found = examine(victim, {**victim.objects, name: self.forged(victim.objects[name], **fields)})
        assert found in ([("open", "repository-damaged")], [("open", "wrong-key")])


@pytest.fixture(scope="module")
def locked(tmp_path_factory):
    """A repository with a passphrase that takes little memory to stretch."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(keys.ARGON2ID, "memory_kib", 64)
        yield make(tmp_path_factory.mktemp("locked"), patch, keys.passphrase("correct horse battery", new=True))


class TestAWrongKeyIsToldFromDamage:
    def code(self, objects, secret) -> str:
        storage = MemoryStorage(ManualClock(), {name: (data, 0.0) for name, data in objects.items()})
        with pytest.raises(EngineError) as error:
            repository.open_repository(storage, secret, Context())
        return error.value.code

    def test_a_wrong_passphrase(self, locked):
        for text in ("correct horse batterY", "", "correct horse battery ", "\u0000"):
            assert self.code(locked.objects, keys.passphrase(text)) == "wrong-key"

    def test_a_key_of_another_kind(self, locked):
        private, _public = keys.new_operator()
        for secret in (keys.Secret(keys.KEY_FILE, keys.new_key_file().encode()), keys.Secret(keys.KEY_FILE, b"any"),
                       keys.Secret(keys.OPERATOR, private.encode()), keys.Secret(keys.OPEN)):
            assert self.code(locked.objects, secret) == "wrong-key"

    def test_a_writer_key_of_another_repository(self, locked, other):
        assert self.code(locked.objects, other.bundle.writer()) == "repository-replaced"

    def test_damage_with_the_right_passphrase(self, locked):
        name = locked.of(names.KEYS)[0]
        for position in range(0, len(locked.objects[name]), 7):
            damaged = {**locked.objects, name: flip(locked.objects[name], position, 1)}
            assert self.code(damaged, locked.secret) == "repository-damaged"

    def test_a_damaged_slot_does_not_hide_a_good_one(self, locked):
        name, content = keys.make_slot(locked.bundle, locked.secret, "second", "2026-11-20T00:00:00.000Z")
        for damaged in (locked.of(names.KEYS)[0], name):
            objects = {**locked.objects, name: content}
            objects[damaged] = flip(objects[damaged], 100, 1)
            assert examine(locked, objects) == []

    def test_a_planted_slot_does_not_hide_a_good_one(self, locked, other):
        planted = "keys/" + "0" * 16
        value = crypto.without_checksum(other.objects[other.of(names.KEYS)[0]])
        assert examine(locked, {**locked.objects, planted: crypto.with_checksum({**value, "slot": "0" * 16, "kind": "passphrase"})}) == []

    def test_no_slot_left(self, locked):
        gone = {name: data for name, data in locked.objects.items() if not name.startswith(names.KEYS)}
        assert self.code(gone, locked.secret) == "repository-damaged"

    def test_no_description_left(self, locked):
        gone = {name: data for name, data in locked.objects.items() if name != names.REPOSITORY}
        assert self.code(gone, locked.secret) == "repository-missing"
