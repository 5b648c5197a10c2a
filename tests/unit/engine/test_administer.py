# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Making a repository and changing who opens it: never without a way in, and never with a secret in what it says."""
from __future__ import annotations

import dataclasses
import json
import os
import stat

import pytest
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine import administer
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.errors import EngineError
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.options import EncryptionOptions, RepositoryOptions, SlotOptions
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.ports import Context
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.repository import access, keys, names, repository
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.storage.base import Capabilities
from support.agent import Agent
from support.clock import ManualClock
from support.fault_storage import FaultStorage, Killed, MemoryStorage

PASSPHRASE = "correct horse battery staple"


class Place:
    """A storage and a directory for keys, with a passphrase, a key file and an operator's pair in it."""

    def __init__(self, directory) -> None:
        self.clock = ManualClock()
        self.directory = directory
        self.storage = MemoryStorage(self.clock)
        self.context = Context(clock=self.clock, environment={"SECRET": "another " + PASSPHRASE})
        private, public = keys.new_operator()
        for name, text in (("passphrase", PASSPHRASE), ("key", keys.new_key_file()), ("operator", private), ("operator.pub", public)):
            (directory / name).write_text(text)
        self.passphrase = EncryptionOptions(passphrase_file=self.path("passphrase"))
        self.key = EncryptionOptions(key_file=self.path("key"))
        self.operator = EncryptionOptions(identity_file=self.path("operator"))

    def path(self, name: str) -> str:
        return str(self.directory / name)

    def plan(self, encryption=None, **options) -> administer.AdministerPlan:
        return administer.plan(self.storage, "agent", encryption or self.passphrase, RepositoryOptions(**options), self.context)

    def run(self, encryption=None, **options) -> administer.AdministerResult:
        made = self.plan(encryption, **options)
        json.dumps([made.to_dict(), made.before(), made.after()])
        return administer.execute(made, self.context)

    def open(self, encryption) -> repository.Repository:
        return repository.open_repository(self.storage, access.load(encryption, self.context), self.context)

    def labels(self) -> list[str]:
        return sorted(slot.label for slot in administer.list_slots(self.storage))


@pytest.fixture
def place(tmp_path, monkeypatch):
    for name, value in (("memory_kib", 64), ("iterations", 1)):  # what a passphrase costs is tested elsewhere
        monkeypatch.setitem(keys.ARGON2ID, name, value)
    return Place(tmp_path)


def refused(code: str):
    """The block fails with this code."""
    class Refusal:
        def __enter__(self):
            self.caught = pytest.raises(EngineError)
            self.info = self.caught.__enter__()
            return self.info

        def __exit__(self, *exc):
            done = self.caught.__exit__(*exc)
            assert self.info.value.code == code
            assert self.info.value.hint
            return done
    return Refusal()


def add(label: str, **reference) -> SlotOptions:
    return SlotOptions(label=label, **reference)


def gone(label: str) -> SlotOptions:
    return SlotOptions(label=label, state="absent")


# --- making

def test_a_repository_is_made_once(place):
    first = place.run(label="owner")
    assert first.changed and first.create_only and first.can_delete and place.labels() == ["owner"]
    again = place.run(label="owner")
    assert not again.changed and again.id == first.id and again.create_only is None


def test_planning_makes_nothing(place, tmp_path):
    before = sorted(os.listdir(tmp_path))
    made = place.plan(
        EncryptionOptions(key_file=place.path("new.key")), create_key_file=True, writer_key_dest=place.path("writer"),
        operator_identity_dest=place.path("new-operator"))
    assert made.changed and made.to_dict()["create_repository"]
    assert made.to_dict()["write_files"] == [place.path(name) for name in ("new.key", "new-operator", "new-operator.pub", "writer")]
    assert not place.storage.objects and sorted(os.listdir(tmp_path)) == before


def test_making_it_says_that_losing_the_keys_loses_the_backups(place):
    assert administer.LOSING_KEYS in place.run().to_dict()["warnings"]
    assert place.run().to_dict()["warnings"] == []


def test_a_storage_that_overwrites_is_named_as_one(place):
    place.storage.probe = lambda: Capabilities(create_only=False, can_delete=True)
    result = place.run().to_dict()
    assert administer.OVERWRITES in result["warnings"] and result["repository"]["create_only"] is False


def test_without_encryption_it_says_who_can_read(place):
    assert administer.READABLE in place.run(EncryptionOptions(enabled=False)).warnings


def test_a_key_file_is_made_for_its_owner_only(place):
    encryption = EncryptionOptions(key_file=place.path("deep/new.key"))
    place.run(encryption, create_key_file=True)
    assert stat.S_IMODE(os.stat(encryption.key_file).st_mode) == 0o600
    assert place.open(encryption).reader()
    before = open(encryption.key_file, "rb").read()
    assert not place.run(encryption, create_key_file=True).changed
    assert open(encryption.key_file, "rb").read() == before


@pytest.mark.parametrize("which", ["operator", "writer"])
def test_a_key_that_only_opens_makes_no_repository(place, which):
    encryption = {"operator": place.operator, "writer": EncryptionOptions(writer_key_file=place.path("key"))}[which]
    with refused("key-cannot-create"):
        place.run(encryption)
    assert not place.storage.objects


def test_a_short_passphrase_makes_nothing(place):
    (place.directory / "passphrase").write_text("short")
    with refused("passphrase-too-short"):
        place.run()
    assert not place.storage.objects


@pytest.mark.parametrize("when", ["before", "after"])
def test_making_killed_at_any_request_can_be_repeated(place, when):
    clean = FaultStorage(MemoryStorage(place.clock))
    place.storage = clean
    place.run(place.key)
    for k in range(1, clean.requests + 1):
        objects: dict = {}
        place.storage = FaultStorage(MemoryStorage(place.clock, objects), at=k, when=when)
        with pytest.raises(Killed):
            place.run(place.key)
        place.storage = MemoryStorage(place.clock, objects)
        for _attempt in range(3):
            result = place.run(place.key)
        assert place.open(place.key).id == result.id, f"killed at request {k}"


# --- slots

def test_every_kind_of_slot_opens_the_same_content(place):
    first = place.run()
    place.run(slots=(add("file", key_file=place.path("key")), add("alice", operator_public_file=place.path("operator.pub")),
                     add("variable", passphrase_env="SECRET")))
    for encryption in (place.passphrase, place.key, place.operator, EncryptionOptions(passphrase_env="SECRET")):
        opened = place.open(encryption)
        assert opened.id == first.id and opened.reader().private_key == place.open(place.passphrase).reader().private_key


def test_slots_that_are_there_are_left_alone(place):
    slots = (add("file", key_file=place.path("key")),)
    place.run(slots=slots)
    objects = dict(place.storage.objects)
    assert not place.run(slots=slots).changed and place.storage.objects == objects


def test_a_key_is_rotated_in_one_go_without_touching_data(place, tmp_path):
    agent = Agent(tmp_path / "agent", place.storage, place.clock, secret=keys.passphrase(PASSPHRASE))
    agent.write("openclaw.json", "{}")
    agent.backup()
    data = {name for name in place.storage.objects if not name.startswith(names.KEYS)}
    result = place.run(slots=(add("2027", key_file=place.path("key")), gone("first")))
    assert [slot.label for slot in result.slots] == ["2027"] and administer.LOSING_KEYS in result.warnings
    assert {name for name in place.storage.objects if not name.startswith(names.KEYS)} == data
    assert place.open(place.key).snapshots()
    with refused("wrong-key"):
        place.open(place.passphrase)


def test_the_copies_on_this_host_do_not_keep_an_old_slot_alive(place, tmp_path):
    place.run()
    place.context = dataclasses.replace(place.context, cache_dir=str(tmp_path / "cache"))
    place.open(place.passphrase).remember_keys()
    place.run(slots=(add("new", key_file=place.path("key")), gone("first")))
    with refused("wrong-key"):
        place.open(place.passphrase)
    assert place.open(place.key)


def test_the_last_slot_stays(place):
    place.run()
    with refused("last-slot"):
        place.run(slots=(gone("first"),))
    assert place.labels() == ["first"] and place.open(place.passphrase)


def test_a_slot_removed_by_somebody_else_meanwhile_counts(place):
    place.run(slots=(add("second", key_file=place.path("key")),))
    made = place.plan(slots=(gone("first"),))
    place.run(slots=(gone("second"),))
    with refused("last-slot"):
        administer.execute(made, place.context)
    assert place.labels() == ["first"]


def test_a_new_slot_is_there_before_an_old_one_goes(place):
    place.run()
    place.storage = FaultStorage(place.storage)
    place.run(slots=(add("new", key_file=place.path("key")), gone("first")))
    verbs = [verb for verb, _name in place.storage.log if verb in ("put", "delete")]
    assert verbs == ["put", "delete"]


def test_a_slot_that_cannot_be_removed_is_no_success(place):
    place.run(slots=(add("second", key_file=place.path("key")),))
    deletion = type("Deletion", (), {"failed": [("keys/x", "locked")], "deleted": []})
    place.storage.delete = lambda names: deletion
    with refused("slot-not-removed"):
        place.run(slots=(gone("first"),))


def test_a_damaged_slot_is_listed_and_goes_by_its_id(place):
    place.run(slots=(add("second", key_file=place.path("key")),))
    damaged = next(slot for slot in administer.list_slots(place.storage) if slot.label == "first").id
    data, modified = place.storage.objects[names.KEYS + damaged]
    place.storage.objects[names.KEYS + damaged] = data[:-20], modified
    result = place.run(place.key)
    assert [(slot.id, slot.kind) for slot in result.slots if slot.kind == administer.DAMAGED] == [(damaged, administer.DAMAGED)]
    assert any(damaged in warning for warning in result.warnings)
    with refused("last-slot"):
        place.run(place.key, slots=(gone("second"),))
    assert place.run(place.key, slots=(gone(damaged),)).changed and place.labels() == ["second"]


def test_a_slot_planted_for_a_public_key_does_not_lock_the_operator_out(place):
    """Whoever may write can seal a bundle of his own to a public key. It must not be taken for the repository's."""
    first = place.run(slots=(add("alice", operator_public_file=place.path("operator.pub")),))
    public = keys.Secret(keys.OPERATOR, (place.directory / "operator.pub").read_bytes())
    for _number in range(8):  # some of their random names sort before the true one's
        for forged in (keys.new_bundle(first.id), keys.new_bundle(names.random_id())):
            name, content = keys.make_slot(forged, public, "alice", first.created)
            place.storage.create(name, [content])
    assert place.open(place.operator).reader().private_key == place.open(place.passphrase).reader().private_key


@pytest.mark.parametrize("slots", [
    (add("", key_file="/k"),), (add("a"),), (add("a", key_file="/k", passphrase_env="X"),), (add("a", key_file="/k"), gone("a")),
    (add("first", key_file="/k"),),
])
def test_slots_that_are_unclear_are_refused(place, slots):
    with refused("option-invalid"):
        place.run(slots=slots)
    assert not place.storage.objects


def test_a_writer_key_adds_no_slot(place):
    place.run(writer_key_dest=place.path("writer"))
    with refused("key-cannot-read"):
        place.run(EncryptionOptions(writer_key_file=place.path("writer")), slots=(add("second", key_file=place.path("key")),))


# --- files

def test_a_writer_key_is_written_once_and_nothing_is_overwritten(place):
    path = place.path("keys/writer")
    assert place.run(writer_key_dest=path).changed
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert not place.run(writer_key_dest=path).changed
    with refused("key-cannot-read"):
        place.open(EncryptionOptions(writer_key_file=path)).reader()
    with refused("file-exists"):
        place.run(writer_key_dest=place.path("passphrase"))
    assert (place.directory / "passphrase").read_text() == PASSPHRASE


def test_an_operators_pair_is_made_and_a_lost_public_half_made_anew(place):
    place.run()
    path = place.path("new/operator")
    assert place.run(operator_identity_dest=path).changed and not place.run(operator_identity_dest=path).changed
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600 and stat.S_IMODE(os.stat(path + ".pub").st_mode) == 0o644
    public = open(path + ".pub", "rb").read()
    os.unlink(path + ".pub")
    assert place.run(operator_identity_dest=path).changed and open(path + ".pub", "rb").read() == public
    place.run(slots=(add("bob", operator_public_file=path + ".pub"),))
    assert place.open(EncryptionOptions(identity_file=path)).reader()


def test_a_public_key_without_its_private_half_is_not_paired_with_another(place):
    place.run()
    os.unlink(place.path("operator"))
    with refused("file-exists"):
        place.run(operator_identity_dest=place.path("operator"))
    assert not os.path.exists(place.path("operator"))


def test_a_key_file_that_cannot_be_written_whole_is_removed(place, monkeypatch):
    def full(_descriptor):
        raise OSError(28, "No space left on device")
    monkeypatch.setattr(administer.os, "fsync", full)
    with refused("file-not-written"):
        administer.write_secret(place.path("half"), "secret")
    assert not os.path.exists(place.path("half"))


def test_a_link_in_place_of_a_key_file_is_not_followed(place):
    os.symlink(place.path("elsewhere"), place.path("link"))
    with refused("file-exists"):
        administer.write_secret(place.path("link"), "secret")
    assert not os.path.exists(place.path("elsewhere"))


def test_no_secret_is_in_a_plan_a_result_or_the_storage(place):
    encryption = EncryptionOptions(passphrase_file=place.path("passphrase"))
    slots = add("file", key_file=place.path("key")), add("variable", passphrase_env="SECRET")
    made = place.plan(encryption, slots=slots, writer_key_dest=place.path("writer"))
    result = administer.execute(made, place.context)
    bundle = place.open(encryption).reader()
    said = json.dumps([made.to_dict(), made.before(), made.after(), result.to_dict()]).encode()
    stored = b"".join(data for data, _modified in place.storage.objects.values())
    texts = [PASSPHRASE.encode(), (place.directory / "key").read_bytes().strip(), (place.directory / "writer").read_bytes().strip()]
    for secret in texts + [bundle.private_key, bundle.catalog_key, bundle.chunk_key]:
        assert secret not in said and secret not in stored
