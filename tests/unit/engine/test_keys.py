# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who can open a repository, and to what: every kind of secret opens its own slot and no other; a writer reads nothing."""
from __future__ import annotations

import base64
import hashlib
import hmac
import json
import unicodedata

import pytest

pytest.importorskip("hypothesis")
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine import dependencies, restore, snapshots, verify
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.errors import EngineError
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.options import EncryptionOptions
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.ports import Context
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.repository import access, crypto, keys, names
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.repository.pack import FrameOpener
from support.agent import Agent
from support.clock import ManualClock
from support.fault_storage import MemoryStorage

BUNDLE = keys.new_bundle("0123456789abcdef" * 2)
CREATED = "2026-11-20T02:30:00.123Z"
PRIVATE, PUBLIC = keys.new_operator()
KEY_FILE = keys.Secret(keys.KEY_FILE, keys.new_key_file().encode())
OWN_FILE = keys.Secret(keys.KEY_FILE, b"\x00any file\xff\n")
OPEN = keys.Secret(keys.OPEN)
SECRETS = {  # name: (to make a slot, to open it)
    "passphrase": (keys.passphrase("correct horse battery", new=True),) * 2,
    "key file": (KEY_FILE, KEY_FILE), "own file": (OWN_FILE, OWN_FILE),
    "operator": (keys.Secret(keys.OPERATOR, PUBLIC.encode()), keys.Secret(keys.OPERATOR, PRIVATE.encode())), "open": (OPEN, OPEN)}


@pytest.fixture(autouse=True)
def quick_stretching(monkeypatch):
    """Stretching as it is takes a tenth of a second each time."""
    monkeypatch.setitem(keys.ARGON2ID, "memory_kib", 64)
    monkeypatch.setitem(keys.PBKDF2, "iterations", 10)


def slot_of(secret: keys.Secret, label: str = "label", **options) -> tuple[str, bytes]:
    return keys.make_slot(BUNDLE, secret, label, CREATED, **options)


@pytest.mark.parametrize("made_with", SECRETS)
@pytest.mark.parametrize("fips", [False, True])
def test_a_slot_opens_with_its_secret_and_no_other(made_with, fips):
    name, content = slot_of(SECRETS[made_with][0], fips=fips)
    slot = keys.read_slot(name, content)
    for other, (_makes, opens) in SECRETS.items():
        assert keys.open_slot(slot, opens) == (BUNDLE if other == made_with else None)


@pytest.mark.parametrize("fips, kdf", [(False, "argon2id"), (True, "pbkdf2-sha512")])
def test_weak_secrets_are_stretched_and_random_ones_are_not(fips, kdf):
    found = {name: keys.read_slot(*slot_of(makes, fips=fips)).get("kdf", {}).get("name") for name, (makes, _opens) in SECRETS.items()}
    assert found == {"passphrase": kdf, "own file": kdf, "key file": "hkdf-sha256", "open": "hkdf-sha256", "operator": None}


def test_stretching_is_as_strong_as_the_page_says(monkeypatch):
    monkeypatch.undo()
    assert keys.ARGON2ID == {"name": "argon2id", "memory_kib": 65536, "iterations": 3, "lanes": 4}
    assert keys.PBKDF2 == {"name": "pbkdf2-sha512", "iterations": 600_000}
    name, content = slot_of(SECRETS["passphrase"][0])
    assert keys.open_slot(keys.read_slot(name, content), SECRETS["passphrase"][1]) == BUNDLE


def test_two_slots_of_one_secret_have_nothing_in_common():
    one, two = (json.loads(slot_of(SECRETS["passphrase"][0])[1]) for _slot in range(2))
    assert one["salt"] != two["salt"] and one["sealed"][:40] != two["sealed"][:40] and one["slot"] != two["slot"]


@given(label=st.text(max_size=50), text=st.text(min_size=1, max_size=30))
@settings(max_examples=60)
def test_any_passphrase_and_label(label, text):
    secret = keys.passphrase(text)
    slot = keys.read_slot(*slot_of(secret, label))
    assert slot["label"] == label
    assert keys.open_slot(slot, secret) == BUNDLE
    assert keys.open_slot(slot, keys.passphrase(text + "x")) is None


@given(text=st.text(min_size=1, max_size=20))
def test_a_passphrase_is_the_same_however_its_letters_are_composed(text):
    assert keys.passphrase(unicodedata.normalize("NFD", text)) == keys.passphrase(unicodedata.normalize("NFC", text))


def test_short_passphrases_make_no_slot_but_still_open_one():
    for text in ("", "short", "x" * 11, "e\u0301" * 11):
        with pytest.raises(EngineError) as error:
            keys.passphrase(text, new=True)
        assert error.value.code == "passphrase-too-short"
        assert keys.passphrase(text).kind == keys.PASSPHRASE
    assert keys.passphrase("x" * 12, new=True)


@given(field=st.sampled_from(["label", "created", "repository", "salt", "kind", "slot"]), secret=st.sampled_from(sorted(SECRETS)))
def test_what_a_slot_says_is_bound_to_what_it_holds(field, secret):
    makes, opens = SECRETS[secret]
    _name, content = slot_of(makes)
    value = crypto.without_checksum(content)
    if field not in value:
        return
    value[field] = {"salt": "00" * 16, "kind": keys.OPEN, "slot": "0" * 16, "repository": "f" * 32}.get(field, "another")
    if value == crypto.without_checksum(content) or value["kind"] != keys.OPERATOR and "kdf" not in value:
        return
    assert keys.open_slot(keys.read_slot(names.KEYS + value["slot"], crypto.with_checksum(value)), opens) is None


@pytest.mark.parametrize("text", [
    "", "OPENCLAW-BACKUP-KEY-1:", "OPENCLAW-BACKUP-KEY-1:AAAA", "OPENCLAW-BACKUP-KEY-1:not base64", KEY_FILE.value.decode()[:-6],
    KEY_FILE.value.decode().strip() + "AAAA"], ids=["empty", "only a prefix", "short", "no base64", "cut", "too long"])
def test_a_key_file_that_was_cut_short_is_said_to_be_that(text):
    """It must not count as any file, stretched or not: its end may be the same in everybody's."""
    secret = keys.Secret(keys.KEY_FILE, text.encode())
    slot = keys.read_slot(*slot_of(KEY_FILE))
    if not text:
        assert keys.open_slot(slot, secret) is None
        return
    for attempt in (lambda: slot_of(secret), lambda: keys.open_slot(slot, secret)):
        with pytest.raises(EngineError) as error:
            attempt()
        assert error.value.code == "key-file-invalid"


@pytest.mark.parametrize("white", [b"", b"\n", b"\r\n", b"  \n\n", b"\t"])
def test_white_space_around_keys_does_not_matter(white):
    for kind, makes, opens in ((keys.KEY_FILE, KEY_FILE.value, KEY_FILE.value), (keys.OPERATOR, PUBLIC.encode(), PRIVATE.encode())):
        slot = keys.read_slot(*slot_of(keys.Secret(kind, white + makes.strip() + white)))
        assert keys.open_slot(slot, keys.Secret(kind, white + opens.strip() + white)) == BUNDLE


@pytest.mark.parametrize("text", [b"", b"text", PUBLIC.encode(), PRIVATE.encode()[:-20], KEY_FILE.value], ids=[
    "empty", "text", "public", "cut", "key file"])
def test_what_is_no_identity_is_said_to_be_none(text):
    slot = keys.read_slot(*slot_of(SECRETS["operator"][0]))
    with pytest.raises(EngineError) as error:
        keys.open_slot(slot, keys.Secret(keys.OPERATOR, text))
    assert error.value.code == "key-file-invalid"


@pytest.mark.parametrize("text", [b"", b"text", PRIVATE.encode(), PUBLIC.encode()[:-20]])
def test_what_is_no_operators_public_key_makes_no_slot(text):
    with pytest.raises(EngineError) as error:
        slot_of(keys.Secret(keys.OPERATOR, text))
    assert error.value.code == "key-file-invalid"


def test_a_public_key_comes_from_its_private_one():
    assert keys.operator_public(PRIVATE.encode()) == PUBLIC


ARGON = {"name": "argon2id", "memory_kib": 64, "iterations": 1, "lanes": 1}


@pytest.mark.parametrize("kdf", [
    {}, {"name": "none"}, {"name": []}, {"name": "argon2id"}, {**ARGON, "memory_kib": 1 << 21},
    {**ARGON, "memory_kib": 1 << 20, "iterations": 5},
    {**ARGON, "iterations": 65}, {**ARGON, "lanes": 17}, {**ARGON, "memory_kib": 8, "lanes": 2}, {**ARGON, "iterations": 0},
    {**ARGON, "memory_kib": True}, {**ARGON, "memory_kib": "64"}, {**ARGON, "more": 1}, {"name": "pbkdf2-sha512", "iterations": 10_000_001},
    {"name": "pbkdf2-sha512", "iterations": -1}, {"name": "pbkdf2-sha512", "iterations": 1, "more": 1}])
def test_a_planted_slot_cannot_exhaust_the_host(kdf):
    name, content = slot_of(SECRETS["passphrase"][0])
    slot = keys.read_slot(name, crypto.with_checksum({**crypto.without_checksum(content), "kdf": kdf}))
    with pytest.raises(EngineError) as error:
        keys.open_slot(slot, SECRETS["passphrase"][1])
    assert error.value.code == "repository-damaged"


@pytest.mark.parametrize("field", ["public_key", "catalog_key", "chunk_key", "private_key", "repository"])
@pytest.mark.parametrize("value", ["", "AAAA", None, 7, base64.b64encode(bytes(1216)).decode(), base64.b64encode(bytes(96)).decode()])
def test_a_bundle_that_is_none_is_damage(field, value):
    """Whoever has an operator's public key can seal any bundle to it."""
    bundle = {**keys._to_dict(BUNDLE), field: value}
    name, content = slot_of(SECRETS["operator"][0])
    slot = crypto.without_checksum(content)
    bound_to = keys._bound_to({key: found for key, found in slot.items() if key != "sealed"})
    public = base64.b64decode(PUBLIC.removeprefix(keys.OPERATOR_PUBLIC_HEAD))
    sealed = crypto.seal_to(public, crypto.canonical(bundle), bound_to)
    planted = keys.read_slot(name, crypto.with_checksum({**slot, "sealed": base64.b64encode(sealed).decode()}))
    with pytest.raises(EngineError) as error:
        keys.open_slot(planted, SECRETS["operator"][1])
    assert error.value.code == "repository-damaged"


class TestWriters:
    def test_a_writer_key_file_holds_no_private_key(self):
        text = keys.export_writer(BUNDLE)
        assert base64.b64encode(BUNDLE.private_key).decode() not in base64.b64decode(text.removeprefix(keys.WRITER_HEAD)).decode()
        imported = keys.import_writer(text.encode())
        assert imported == BUNDLE.writer() and not isinstance(imported, keys.ReaderBundle)
        assert keys.export_writer(imported) == text

    @pytest.mark.parametrize("text", [
        b"", b"text", keys.export_writer(BUNDLE).encode()[:-9], b"OPENCLAW-BACKUP-WRITER-1:e30=", PRIVATE.encode(),
        keys.WRITER_HEAD.encode() + base64.b64encode(crypto.canonical(keys._to_dict(BUNDLE)))])
    def test_what_is_no_writer_key_is_said_to_be_none(self, text):
        with pytest.raises(EngineError) as error:
            keys.import_writer(text)
        assert error.value.code == "key-file-invalid"

    def test_it_backs_up_and_lists_and_neither_restores_nor_reads(self, tmp_path):
        clock = ManualClock()
        storage = MemoryStorage(clock)
        agent = Agent(tmp_path, storage, clock)
        agent.write("openclaw.json", "{}")
        bundle = agent.open().bundle
        agent.secret = bundle.writer()
        header = agent.backup(name="by-a-writer")
        opened = agent.open()
        assert [info.name for info in snapshots.list_infos(opened)] == ["by-a-writer"]
        assert verify.execute(verify.plan(opened, verify.VerifyOptions(level="quick"), Context()), Context()).ok
        for attempt in (
                lambda: opened.reader(),
                lambda: restore.plan(opened, restore.RestoreOptions(target=str(tmp_path / "out")), Context()),
                lambda: verify.plan(opened, verify.VerifyOptions(level="data"), Context()),
                lambda: opened.data_key(opened.load(opened.snapshots()[0])[1].tables.keys[0])):
            with pytest.raises(EngineError) as error:
                attempt()
            assert error.value.code == "key-cannot-read"
        assert not (tmp_path / "out").exists() and header.files == 1

    def test_none_of_its_keys_opens_a_frame(self, tmp_path):
        """Whatever a writer derives from what it holds, the data key of a pack is not among it."""
        clock = ManualClock()
        agent = Agent(tmp_path, MemoryStorage(clock), clock)
        agent.write("secret", b"the content " * 100)
        agent.backup()
        opened = agent.open()
        writer = opened.bundle.writer()
        tables = opened.load(opened.snapshots()[0])[1].tables
        stored = agent.storage.get(names.pack_object(tables.packs[0].pack), 0, tables.frame_stored[0])
        right = opened.data_key(tables.keys[0])
        assert FrameOpener(right, writer.repository, tables.packs[0].pack).open(0, stored, tables.frame_length[0])
        for secret in (writer.catalog_key, writer.chunk_key, writer.public_key[:32], tables.keys[0][:32], bytes(32)):
            for key in (secret, crypto.derive(secret, "data key", writer.repository), crypto.derive(secret, "pack", writer.repository)):
                with pytest.raises(ValueError):
                    FrameOpener(key, writer.repository, tables.packs[0].pack).open(0, stored, tables.frame_length[0])

    def test_nothing_stored_holds_content_or_names_in_plain(self, tmp_path):
        clock = ManualClock()
        agent = Agent(tmp_path, MemoryStorage(clock), clock, keys.passphrase("correct horse battery", new=True))
        agent.write("a-telling-file-name", b"a telling content " * 10)
        agent.backup(name="a-telling-label", note="a telling note")
        stored = b"".join(data for data, _modified in agent.storage.objects.values())
        bundle = agent.open().reader()
        for secret in (b"telling", b"correct horse", bundle.catalog_key, bundle.chunk_key, bundle.private_key):
            assert secret not in stored and base64.b64encode(secret).strip(b"=") not in stored


class TestReferences:
    """From options to secrets."""

    def load(self, tmp_path, content: bytes = b"", environment=None, **options):
        path = tmp_path / "file"
        path.write_bytes(content)
        options = {name: str(path) if value is True else value for name, value in options.items()}
        return access.load(EncryptionOptions(**options), Context(environment=environment or {}))

    def test_each_reference_gives_its_kind(self, tmp_path):
        assert self.load(tmp_path, "pass\u00e9 \n".encode(), passphrase_file=True) == keys.passphrase("pass\u00e9 ")
        assert self.load(tmp_path, passphrase_env="X", environment={"X": "pass"}) == keys.passphrase("pass")
        assert self.load(tmp_path, b"key\n", key_file=True) == keys.Secret(keys.KEY_FILE, b"key\n")
        assert self.load(tmp_path, b"identity", identity_file=True) == keys.Secret(keys.OPERATOR, b"identity")
        assert self.load(tmp_path, keys.export_writer(BUNDLE).encode(), writer_key_file=True) == BUNDLE.writer()
        assert access.load(EncryptionOptions(enabled=False), Context()) == OPEN

    @pytest.mark.parametrize("code, content, options", [
        ("key-not-given", b"x", {}), ("key-ambiguous", b"x", {"key_file": True, "identity_file": True}),
        ("key-not-given", b"x", {"passphrase_env": "NOT_SET"}), ("key-file-invalid", b"x", {"passphrase_env": "NOT_TEXT"}),
        ("key-file-invalid", b"\xff\xfe", {"passphrase_file": True}), ("key-file-invalid", b" \n", {"key_file": True}),
        ("key-file-unreadable", b"x", {"key_file": "/nowhere/at/all"}), ("key-ambiguous", b"x", {"enabled": False, "key_file": True})])
    def test_what_is_wrong_is_said(self, tmp_path, code, content, options):
        with pytest.raises(EngineError) as error:
            self.load(tmp_path, content, environment={"NOT_TEXT": "pass\udcff"}, **options)
        assert error.value.code == code
        assert error.value.hint


def test_hpke_is_what_the_page_says():
    """RFC 9180 and X-Wing by hand, from primitives: so any other implementation opens what ours seals."""
    mlkem, x25519 = dependencies.mlkem_and_x25519()
    private, public = crypto.new_key_pair()
    assert (len(private), len(public)) == (crypto.PRIVATE_BYTES, crypto.PUBLIC_BYTES) and crypto.public_of(private) == public
    sealed = crypto.seal_to(public, b"plaintext", b"info")
    assert len(sealed) == len(b"plaintext") + crypto.SEALED_BYTES
    encapsulated, ciphertext = sealed[:1120], sealed[1120:]
    first = mlkem.MLKEM768PrivateKey.from_seed_bytes(private[:64]).decapsulate(encapsulated[:1088])
    theirs = x25519.X25519PublicKey.from_public_bytes(encapsulated[1088:])
    second = x25519.X25519PrivateKey.from_private_bytes(private[64:]).exchange(theirs)
    shared = hashlib.sha3_256(first + second + encapsulated[1088:] + public[1184:] + bytes.fromhex("5c2e2f2f5e5c")).digest()
    suite = b"HPKE" + bytes.fromhex("647a00010002")

    def extract(salt: bytes, label: bytes, material: bytes) -> bytes:
        return hmac.digest(salt or bytes(32), b"HPKE-v1" + suite + label + material, "sha256")

    def expand(key: bytes, label: bytes, info: bytes, length: int) -> bytes:
        return hmac.digest(key, length.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info + b"\x01", "sha256")[:length]

    context = b"\x00" + extract(b"", b"psk_id_hash", b"") + extract(b"", b"info_hash", b"info")
    secret = extract(shared, b"secret", b"")
    key, nonce = expand(secret, b"key", context, 32), expand(secret, b"base_nonce", context, 12)
    assert dependencies.aes_gcm()(key).decrypt(nonce, ciphertext, b"") == b"plaintext"


@given(plaintext=st.binary(max_size=200), info=st.binary(max_size=50), position=st.integers(0, 10_000))
@settings(max_examples=40)
def test_what_was_sealed_opens_unchanged_or_not_at_all(plaintext, info, position):
    sealed = crypto.seal_to(BUNDLE.public_key, plaintext, info)
    assert crypto.open_sealed(BUNDLE.private_key, sealed, info) == plaintext
    changed = bytearray(sealed)
    changed[position % len(sealed)] ^= 1
    for wrong, bound_to in ((bytes(changed), info), (sealed, info + b"x"), (sealed[:-1], info), (sealed + b"x", info), (b"", info)):
        with pytest.raises(crypto.NotAuthentic):
            crypto.open_sealed(BUNDLE.private_key, wrong, bound_to)


@given(parts=st.lists(st.text(alphabet=st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=5), max_size=4),
       others=st.lists(st.text(alphabet=st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=5), max_size=4))
def test_different_purposes_have_different_keys(parts, others):
    key = bytes(32)
    assert (crypto.derive(key, *parts) == crypto.derive(key, *others)) == (parts == others)


def test_a_set_up_that_was_killed_leaves_no_riddle(tmp_path):
    """The slot goes first: the same secret then opens two slots, and the one that belongs to the repository counts."""
    clock = ManualClock()
    agent = Agent(tmp_path, MemoryStorage(clock), clock)
    for _slot in range(20):
        name, content = keys.make_slot(keys.new_bundle(names.random_id()), OPEN, "first", CREATED)
        agent.storage.create(name, [content])
    assert agent.open().id == json.loads(agent.storage.get(names.REPOSITORY))["repository"]


def test_secrets_do_not_show_in_errors():
    for secret, _opens in SECRETS.values():
        name, content = slot_of(secret)
        with pytest.raises(EngineError) as error:
            keys.read_slot(name, content[:-3])
        shown = f"{error.value} {error.value.hint} {error.value.details}"
        assert secret.value.decode("latin-1") not in shown or not secret.value
