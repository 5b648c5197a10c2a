# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""Key bundles and key slots: who can open a repository, and to what.

A slot is one object below keys/. It holds the reader bundle, wrapped by what a passphrase, a key file or an operator's
key gives. The writer bundle lies in a file of its own on the host that writes, never in the repository.
"""
# pylint: disable=unidiomatic-typecheck  # what was stored is distrusted: a bool is no number here, a subclass no text
from __future__ import annotations

import base64
import hashlib
import unicodedata
from dataclasses import dataclass

from .. import dependencies
from ..errors import EngineError, damaged
from . import crypto, names

PASSPHRASE, KEY_FILE, OPERATOR, OPEN = "passphrase", "key-file", "operator", "open"
MINIMUM_PASSPHRASE = 12  # characters
KEY_FILE_HEAD = "OPENCLAW-BACKUP-KEY-1:"
WRITER_HEAD = "OPENCLAW-BACKUP-WRITER-1:"
OPERATOR_PRIVATE_HEAD = "OPENCLAW-BACKUP-OPERATOR-PRIVATE-1:"
OPERATOR_PUBLIC_HEAD = "OPENCLAW-BACKUP-OPERATOR-PUBLIC-1:"
# RFC 9106, section 4, second recommended option; the limits keep a planted slot from exhausting a host.
ARGON2ID = {"name": "argon2id", "memory_kib": 65536, "iterations": 3, "lanes": 4}
PBKDF2 = {"name": "pbkdf2-sha512", "iterations": 600_000}
_KDF_FIELDS = {"argon2id": {"name", "memory_kib", "iterations", "lanes"}, "pbkdf2-sha512": {"name", "iterations"}, "hkdf-sha256": {"name"}}
_LIMITS = {"memory_kib": 1 << 20, "lanes": 16}
_MOST_ITERATIONS = {"argon2id": 64, "pbkdf2-sha512": 10_000_000}
_MOST_WORK = 4 << 20  # KiB times iterations: some ten seconds


@dataclass(frozen=True)
class WriterBundle:
    """What a host needs to back up and to list names. It reads no content."""

    repository: str
    public_key: bytes
    catalog_key: bytes
    chunk_key: bytes


@dataclass(frozen=True)
class ReaderBundle(WriterBundle):
    """All of it: the private key opens the content of every snapshot."""

    private_key: bytes = b""

    def writer(self) -> WriterBundle:
        """The part that a host may hold."""
        return WriterBundle(self.repository, self.public_key, self.catalog_key, self.chunk_key)


@dataclass(frozen=True)
class Secret:
    """What someone opens or makes a slot with. kind: PASSPHRASE, KEY_FILE, OPERATOR or OPEN; OPEN needs no value.

    value: the passphrase (UTF-8, NFC), the file's bytes, or an operator's key (private to open, public to make a slot).
    """

    kind: str
    value: bytes = b""


def new_bundle(repository: str) -> ReaderBundle:
    """The keys of a new repository."""
    private, public = crypto.new_key_pair()
    return ReaderBundle(repository, public, crypto.random_key(), crypto.random_key(), private)


def _to_dict(bundle: WriterBundle) -> dict:
    value = {"repository": bundle.repository}
    for name in ("public_key", "catalog_key", "chunk_key"):
        value[name] = base64.b64encode(getattr(bundle, name)).decode()
    if isinstance(bundle, ReaderBundle):
        value["private_key"] = base64.b64encode(bundle.private_key).decode()
    return value


def _from_dict(value) -> WriterBundle:
    """The bundle that _to_dict() wrote. ValueError."""
    if type(value) is not dict or not crypto.is_hex(value.get("repository"), 32):
        raise ValueError("it names no repository")
    lengths = {"public_key": crypto.PUBLIC_BYTES, "catalog_key": crypto.KEY_BYTES, "chunk_key": crypto.KEY_BYTES}
    fields = {name: crypto.binary(value, name, length) for name, length in lengths.items()}
    if "private_key" not in value:
        return WriterBundle(value["repository"], **fields)
    private = crypto.binary(value, "private_key", crypto.PRIVATE_BYTES)
    if crypto.public_of(private) != fields["public_key"]:
        raise ValueError("its public key is another one's")
    return ReaderBundle(value["repository"], private_key=private, **fields)


def _text_key(text: bytes, head: str, length: int | None = None) -> bytes | None:
    """The bytes that a key's text stands for; None where it does not begin with this head. EngineError "key-file-invalid"."""
    stripped = text.strip()
    if not stripped.startswith(head.encode()):
        return None
    try:
        found = base64.b64decode(stripped[len(head):], validate=True)
    except ValueError:
        found = b""
    if not found or length not in (None, len(found)):
        raise EngineError("key-file-invalid", f"The key that begins with {head} is cut short or changed", "Give the file as it was made.")
    return found


def export_writer(bundle: WriterBundle) -> str:
    """The text of a writer key file."""
    if isinstance(bundle, ReaderBundle):
        bundle = bundle.writer()
    return WRITER_HEAD + base64.b64encode(crypto.canonical(_to_dict(bundle))).decode() + "\n"


def import_writer(text: bytes) -> WriterBundle:
    """The bundle of a writer key file. EngineError "key-file-invalid"."""
    content = _text_key(text, WRITER_HEAD)
    try:
        bundle = _from_dict(crypto.parse(content)) if content else None
    except ValueError:
        bundle = None
    if bundle is None or isinstance(bundle, ReaderBundle):
        raise EngineError(
            "key-file-invalid", "The writer key file is not one, or is cut short", "Export it again with openclaw_repository.")
    return bundle


def new_key_file() -> str:
    """The text of a new key file: 256 random bits."""
    return KEY_FILE_HEAD + base64.b64encode(crypto.random_key()).decode() + "\n"


def new_operator() -> tuple[str, str]:
    """(private text, public text) of a new operator key pair."""
    private, public = crypto.new_key_pair()
    both = ((OPERATOR_PRIVATE_HEAD, private), (OPERATOR_PUBLIC_HEAD, public))
    return tuple(head + base64.b64encode(key).decode() + "\n" for head, key in both)


def operator_public(private: bytes) -> str:
    """The public text that belongs to an operator's private text. EngineError "key-file-invalid"."""
    return OPERATOR_PUBLIC_HEAD + base64.b64encode(crypto.public_of(_operator_private(private))).decode() + "\n"


def _operator_private(text: bytes) -> bytes:
    key = _text_key(text, OPERATOR_PRIVATE_HEAD, crypto.PRIVATE_BYTES)
    if key is None:
        raise EngineError(
            "key-file-invalid", "The identity file holds no operator's private key", "Give the file that openclaw_repository made.")
    return key


def passphrase(text: str, *, new: bool = False) -> Secret:
    """A passphrase as a secret. A new one must have MINIMUM_PASSPHRASE characters.

    EngineError "passphrase-too-short", "key-file-invalid".
    """
    text = unicodedata.normalize("NFC", text)
    if new and len(text) < MINIMUM_PASSPHRASE:
        raise EngineError("passphrase-too-short", f"The passphrase has fewer than {MINIMUM_PASSPHRASE} characters", "Choose a longer one.")
    try:
        return Secret(PASSPHRASE, text.encode())
    except UnicodeEncodeError as exc:
        raise EngineError("key-file-invalid", "The passphrase is not text in UTF-8", "Give it as key_file.") from exc


def _stretch(secret: Secret, kdf: dict, salt: bytes) -> bytes:
    """The wrapping key that a secret gives under these parameters. They come from the storage and are distrusted. ValueError."""
    name = kdf.get("name")
    if type(name) is not str or set(kdf) != _KDF_FIELDS.get(name) or len(salt) != 16:
        raise ValueError("unknown key derivation")
    limits = {**_LIMITS, "iterations": _MOST_ITERATIONS.get(name, 1)}
    if any(type(kdf[field]) is not int or not 0 < kdf[field] <= limits[field] for field in kdf if field != "name"):
        raise ValueError("key derivation parameters out of bounds")
    if name == "hkdf-sha256":
        return crypto.derive(secret.value, "key file", salt.hex())
    if name == "pbkdf2-sha512":
        return hashlib.pbkdf2_hmac("sha512", secret.value, salt, kdf["iterations"], 32)
    if not 8 * kdf["lanes"] <= kdf["memory_kib"] <= _MOST_WORK // kdf["iterations"]:
        raise ValueError("key derivation parameters out of bounds")
    argon2id = dependencies.argon2id()
    return argon2id(
        salt=salt, length=32, iterations=kdf["iterations"], lanes=kdf["lanes"], memory_cost=kdf["memory_kib"]).derive(secret.value)


def _hkdf_key(secret: Secret) -> bytes | None:
    """The 256 random bits that a secret consists of, or None where it must be stretched. EngineError "key-file-invalid"."""
    if secret.kind == OPEN:
        return bytes(crypto.KEY_BYTES)
    return _text_key(secret.value, KEY_FILE_HEAD, crypto.KEY_BYTES) if secret.kind == KEY_FILE else None


def make_slot(bundle: ReaderBundle, secret: Secret, label: str, created: str, *, fips: bool = False) -> tuple[str, bytes]:
    """(object name, content) of a new slot that opens the reader bundle with the secret.

    label: shown in listings, not secret. created: when, as text. fips: PBKDF2 in place of Argon2id.
    """
    slot = {
        "format": 1, "slot": names.random_id()[:16], "kind": secret.kind, "label": label, "created": created,
        "repository": bundle.repository}
    plaintext = crypto.canonical(_to_dict(bundle))
    if secret.kind == OPERATOR:
        public = _text_key(secret.value, OPERATOR_PUBLIC_HEAD, crypto.PUBLIC_BYTES)
        if public is None:
            raise EngineError(
                "key-file-invalid", "The operator's public key is not one", "Give the text that begins with " + OPERATOR_PUBLIC_HEAD)
        sealed = crypto.seal_to(public, plaintext, _bound_to(slot))
    else:
        salt, random = crypto.random_key()[:16], _hkdf_key(secret)
        kdf = {"name": "hkdf-sha256"} if random else dict(PBKDF2 if fips else ARGON2ID)
        slot.update(kdf=kdf, salt=salt.hex())
        key = _stretch(Secret(secret.kind, random or secret.value), kdf, salt)
        sealed = crypto.Sealer(key).seal(0, plaintext, _bound_to(slot))
    content = crypto.with_checksum({**slot, "sealed": base64.b64encode(sealed).decode()})
    return names.KEYS + slot["slot"], content


def _bound_to(slot: dict) -> bytes:
    """All of a slot but what is sealed in it."""
    return crypto.context("slot", crypto.canonical({name: value for name, value in slot.items() if name != "sealed"}).decode())


def read_slot(name: str, content: bytes) -> dict:
    """A slot as data, its checksum, name and fields checked. EngineError "repository-damaged"."""
    try:
        slot = crypto.without_checksum(content)
        for field in ("slot", "kind", "label", "created", "repository"):
            crypto.text(slot, field)
        if type(slot.get("format")) is not int or slot["format"] != 1 or names.KEYS + slot["slot"] != name:
            raise ValueError("it says it is another slot")
        crypto.binary(slot, "sealed")
        if slot["kind"] not in (PASSPHRASE, KEY_FILE, OPERATOR, OPEN):
            raise ValueError("it is of an unknown kind")
        if slot["kind"] != OPERATOR and (type(slot.get("kdf")) is not dict or not crypto.is_hex(slot.get("salt"), 32)):
            raise ValueError("its key derivation is not one")
        return slot
    except ValueError as exc:
        hint = "Open the repository with another slot, then remove this one and make it anew."
        raise damaged(f"Key slot {name}", str(exc), hint) from exc


def open_slot(slot: dict, secret: Secret) -> ReaderBundle | None:
    """The bundle that the secret opens in this slot, which read_slot() gave; None where it is not the slot's secret.

    EngineError "repository-damaged", "key-file-invalid".
    """
    if slot["kind"] != secret.kind:
        return None
    try:
        plaintext = _unwrap(slot, secret)
        bundle = _from_dict(crypto.parse(plaintext)) if plaintext is not None else None
    except crypto.NotAuthentic:
        return None
    except ValueError as exc:
        raise damaged(f"Key slot {slot['slot']}", str(exc)) from exc
    if bundle is not None and (not isinstance(bundle, ReaderBundle) or bundle.repository != slot["repository"]):
        raise damaged(f"Key slot {slot['slot']}", "it belongs to another repository")
    return bundle


def _unwrap(slot: dict, secret: Secret) -> bytes | None:
    """What is sealed in a slot, or None where the secret is of another kind than the one it was made with. NotAuthentic, ValueError."""
    sealed = crypto.binary(slot, "sealed")
    if secret.kind == OPERATOR:
        return crypto.open_sealed(_operator_private(secret.value), sealed, _bound_to(slot))
    random = _hkdf_key(secret)
    if (random is not None) != (slot["kdf"].get("name") == "hkdf-sha256"):
        return None
    key = _stretch(Secret(secret.kind, random or secret.value), slot["kdf"], bytes.fromhex(slot["salt"]))
    return crypto.Sealer(key).open(0, sealed, _bound_to(slot))
