# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""Key bundles and key slots: who can open a repository, and to what.

A slot is one object below keys/. It holds the reader bundle, wrapped by what a passphrase, a key file or an operator's
key gives. The writer bundle lies in a file of its own on the host that writes, never in the repository.
"""
from __future__ import annotations

import base64
import binascii
import json
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
_LIMITS = {"memory_kib": 1 << 20, "iterations": 5_000_000, "lanes": 16}


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


def _from_dict(value: dict) -> WriterBundle:
    fields = {name: base64.b64decode(value[name], validate=True) for name in ("public_key", "catalog_key", "chunk_key")}
    if "private_key" in value:
        return ReaderBundle(str(value["repository"]), private_key=base64.b64decode(value["private_key"], validate=True), **fields)
    return WriterBundle(str(value["repository"]), **fields)


def _text_key(text: bytes, head: str) -> bytes | None:
    stripped = text.strip()
    if not stripped.startswith(head.encode()):
        return None
    try:
        return base64.b64decode(stripped[len(head):], validate=True)
    except (binascii.Error, ValueError):
        return None


def export_writer(bundle: WriterBundle) -> str:
    """The text of a writer key file."""
    if isinstance(bundle, ReaderBundle):
        bundle = bundle.writer()
    return WRITER_HEAD + base64.b64encode(json.dumps(_to_dict(bundle)).encode()).decode() + "\n"


def import_writer(text: bytes) -> WriterBundle:
    """The bundle of a writer key file. EngineError "key-file-invalid"."""
    content = _text_key(text, WRITER_HEAD)
    try:
        bundle = _from_dict(json.loads(content)) if content else None
    except (ValueError, KeyError, TypeError):
        bundle = None
    if bundle is None or isinstance(bundle, ReaderBundle):
        raise EngineError("key-file-invalid", "The writer key file is not one, or is cut short", "Export it again with openclaw_repository.")
    return bundle


def new_key_file() -> str:
    """The text of a new key file: 256 random bits."""
    return KEY_FILE_HEAD + base64.b64encode(crypto.random_key()).decode() + "\n"


def new_operator() -> tuple[str, str]:
    """(private text, public text) of a new operator key pair."""
    private, public = crypto.new_key_pair()
    return tuple(head + base64.b64encode(key).decode() + "\n" for head, key in ((OPERATOR_PRIVATE_HEAD, private), (OPERATOR_PUBLIC_HEAD, public)))


def operator_public(private: bytes) -> str:
    """The public text that belongs to an operator's private text. EngineError "key-file-invalid"."""
    key = _text_key(private, OPERATOR_PRIVATE_HEAD)
    if key is None or len(key) != 96:
        raise EngineError("key-file-invalid", "The identity file holds no operator's private key", "Give the file that openclaw_repository made.")
    return OPERATOR_PUBLIC_HEAD + base64.b64encode(crypto.public_of(key)).decode() + "\n"


def passphrase(text: str, *, new: bool = False) -> Secret:
    """A passphrase as a secret. A new one must have MINIMUM_PASSPHRASE characters. EngineError "passphrase-too-short"."""
    text = unicodedata.normalize("NFC", text)
    if new and len(text) < MINIMUM_PASSPHRASE:
        raise EngineError("passphrase-too-short", f"The passphrase has fewer than {MINIMUM_PASSPHRASE} characters", "Choose a longer one.")
    return Secret(PASSPHRASE, text.encode())


def _stretch(secret: Secret, kdf: dict, salt: bytes) -> bytes:
    """The wrapping key that a secret gives under these parameters, which come from the storage and are distrusted."""
    if any(not isinstance(kdf.get(name, 1), int) or not 0 < kdf.get(name, 1) <= limit for name, limit in _LIMITS.items()):
        raise ValueError("key derivation parameters out of bounds")
    if kdf["name"] == "hkdf-sha256":
        return crypto.derive(secret.value, "key file", salt.hex())
    if kdf["name"] == "argon2id":
        derivation = dependencies.argon2id()(
            salt=salt, length=32, iterations=kdf["iterations"], lanes=kdf["lanes"], memory_cost=kdf["memory_kib"])
        return derivation.derive(secret.value)
    if kdf["name"] == "pbkdf2-sha512":
        import hashlib
        return hashlib.pbkdf2_hmac("sha512", secret.value, salt, kdf["iterations"], 32)
    raise ValueError("unknown key derivation")


def make_slot(bundle: ReaderBundle, secret: Secret, label: str, created: str, *, fips: bool = False) -> tuple[str, bytes]:
    """(object name, content) of a new slot that opens the reader bundle with the secret.

    label: shown in listings, not secret. created: when, as text. fips: PBKDF2 in place of Argon2id.
    """
    slot = {"format": 1, "slot": names.random_id()[:16], "kind": secret.kind, "label": label, "created": created, "repository": bundle.repository}
    plaintext = crypto.canonical(_to_dict(bundle))
    if secret.kind == OPERATOR:
        public = _text_key(secret.value, OPERATOR_PUBLIC_HEAD)
        if public is None:
            raise EngineError("key-file-invalid", "The operator's public key is not one", "Give the text that begins with " + OPERATOR_PUBLIC_HEAD)
        sealed = crypto.seal_to(public, plaintext, crypto.context("slot", crypto.canonical(slot).decode()))
    else:
        salt = crypto.random_key()[:16]
        if secret.kind == OPEN:
            secret = Secret(OPEN, bytes(32))
        random = _text_key(secret.value, KEY_FILE_HEAD) if secret.kind == KEY_FILE else None
        if random is not None or secret.kind == OPEN:
            secret, kdf = Secret(secret.kind, random or secret.value), {"name": "hkdf-sha256"}
        else:
            kdf = dict(PBKDF2 if fips else ARGON2ID)
        slot.update(kdf=kdf, salt=salt.hex())
        sealed = crypto.Sealer(_stretch(secret, kdf, salt)).seal(0, plaintext, crypto.context("slot", crypto.canonical(slot).decode()))
    content = crypto.with_checksum({**slot, "sealed": base64.b64encode(sealed).decode()})
    return names.KEYS + slot["slot"], content


def read_slot(name: str, content: bytes) -> dict:
    """A slot as data, its checksum and name checked. EngineError "repository-damaged"."""
    try:
        slot = crypto.without_checksum(content)
        if slot["format"] != 1 or names.KEYS + slot["slot"] != name:
            raise ValueError("it says it is another slot")
        base64.b64decode(slot["sealed"], validate=True)
        bytes.fromhex(slot.get("salt", ""))
        return slot
    except (ValueError, KeyError, TypeError) as exc:
        raise damaged(f"Key slot {name}", str(exc), "Open the repository with another slot, then remove this one and make it anew.") from exc


def open_slot(slot: dict, secret: Secret) -> ReaderBundle | None:
    """The bundle that the secret opens in this slot, or None where it is not the slot's secret."""
    if slot["kind"] != secret.kind:
        return None
    sealed = base64.b64decode(slot["sealed"])
    bound_to = crypto.context("slot", crypto.canonical({key: slot[key] for key in slot if key != "sealed"}).decode())
    try:
        if secret.kind == OPERATOR:
            private = _text_key(secret.value, OPERATOR_PRIVATE_HEAD)
            if private is None or len(private) != 96:
                raise EngineError("key-file-invalid", "The identity file holds no operator's private key", "Give the file that openclaw_repository made.")
            plaintext = crypto.open_sealed(private, sealed, bound_to)
        else:
            value = bytes(32) if secret.kind == OPEN else secret.value
            if slot["kdf"]["name"] == "hkdf-sha256" and secret.kind == KEY_FILE:
                value = _text_key(value, KEY_FILE_HEAD) or b""
            plaintext = crypto.Sealer(_stretch(Secret(secret.kind, value), slot["kdf"], bytes.fromhex(slot["salt"]))).open(0, sealed, bound_to)
    except crypto.NotAuthentic:
        return None
    except (KeyError, ValueError, TypeError) as exc:
        raise damaged(f"Key slot {slot.get('slot')}", str(exc)) from exc
    bundle = _from_dict(json.loads(plaintext))
    if not isinstance(bundle, ReaderBundle) or bundle.repository != slot["repository"]:
        raise damaged(f"Key slot {slot['slot']}", "it belongs to another repository")
    return bundle
