# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""The few cryptographic operations of the format, each in one place, and the one spelling of JSON that they are made over.

Everything is AES-256-GCM, HKDF-SHA256 and HPKE (RFC 9180) with the hybrid KEM ML-KEM-768 + X25519, as the
package cryptography implements them. docs/format.md is the specification.
"""
# pylint: disable=unidiomatic-typecheck  # what was stored is distrusted: a bool is no number here, a subclass no text
from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets

from .. import dependencies

KEY_BYTES = 32
TAG_BYTES = 16
PRIVATE_BYTES, PUBLIC_BYTES = 64 + 32, 1184 + 32
SEALED_BYTES = 1088 + 32 + TAG_BYTES  # longer than the plaintext: what seal_to() adds
MAXIMUM_JSON = 1 << 20  # bytes of a key slot, a record or repository.json
MAXIMUM_ITEMS = 4 << 20  # values in one JSON text: they take up to a hundred times their length in memory
_DOMAIN = "openclaw-backup 1"


class NotAuthentic(Exception):
    """A ciphertext does not belong to this key and place, or was changed. Callers say what it was."""


def random_key() -> bytes:
    """A fresh 256-bit key."""
    return secrets.token_bytes(KEY_BYTES)


def context(*parts: str) -> bytes:
    """What a key is derived for, or what a ciphertext is bound to: parts joined by NUL, which none may hold."""
    if any("\x00" in part for part in parts):
        raise ValueError("a context part holds a NUL")
    return "\x00".join((_DOMAIN, *parts)).encode()


def derive(key: bytes, *parts: str) -> bytes:
    """A 256-bit key for one purpose: HKDF-Expand (RFC 5869) of a uniformly random key, one block."""
    return hmac.new(key, context(*parts) + b"\x01", hashlib.sha256).digest()


class Sealer:
    """AES-256-GCM under one key with counted nonces. A key serves one object only, so a counter never repeats."""

    def __init__(self, key: bytes) -> None:
        self._cipher = dependencies.aes_gcm()(key)
        self._invalid_tag = dependencies.invalid_tag()

    def seal(self, counter: int, plaintext: bytes, bound_to: bytes) -> bytes:
        """Ciphertext and tag, TAG_BYTES longer than the plaintext."""
        return self._cipher.encrypt(counter.to_bytes(12, "big"), plaintext, bound_to)

    def open(self, counter: int, ciphertext: bytes, bound_to: bytes) -> bytes:
        """The plaintext. NotAuthentic."""
        try:
            return self._cipher.decrypt(counter.to_bytes(12, "big"), ciphertext, bound_to)
        except (self._invalid_tag, ValueError) as exc:
            raise NotAuthentic() from exc


def _suite():
    hpke = dependencies.hpke()
    return hpke.Suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)


def new_key_pair() -> tuple[bytes, bytes]:
    """(private, public): ML-KEM-768 seed (64 bytes) then X25519 (32); ML-KEM-768 (1,184) then X25519 (32)."""
    mlkem, x25519 = dependencies.mlkem_and_x25519()
    first, second = mlkem.MLKEM768PrivateKey.generate(), x25519.X25519PrivateKey.generate()
    private = first.private_bytes_raw() + second.private_bytes_raw()
    return private, first.public_key().public_bytes_raw() + second.public_key().public_bytes_raw()


def public_of(private: bytes) -> bytes:
    """The public half of a private key of new_key_pair(). ValueError for a bad key."""
    mlkem, x25519 = dependencies.mlkem_and_x25519()
    if len(private) != PRIVATE_BYTES:
        raise ValueError("a private key has 96 bytes")
    first, second = mlkem.MLKEM768PrivateKey.from_seed_bytes(private[:64]), x25519.X25519PrivateKey.from_private_bytes(private[64:])
    return first.public_key().public_bytes_raw() + second.public_key().public_bytes_raw()


def seal_to(public: bytes, plaintext: bytes, bound_to: bytes) -> bytes:
    """HPKE single-shot encryption to a public key: encapsulated key, then ciphertext. ValueError for a bad key."""
    mlkem, x25519 = dependencies.mlkem_and_x25519()
    hpke = dependencies.hpke()
    if len(public) != PUBLIC_BYTES:
        raise ValueError("a public key has 1,216 bytes")
    key = hpke.MLKEM768X25519PublicKey(
        mlkem.MLKEM768PublicKey.from_public_bytes(public[:1184]), x25519.X25519PublicKey.from_public_bytes(public[1184:]))
    return _suite().encrypt(plaintext, key, info=bound_to)


def open_sealed(private: bytes, sealed: bytes, bound_to: bytes) -> bytes:
    """What was sealed to the public half of this private key. NotAuthentic."""
    mlkem, x25519 = dependencies.mlkem_and_x25519()
    hpke = dependencies.hpke()
    try:
        key = hpke.MLKEM768X25519PrivateKey(
            mlkem.MLKEM768PrivateKey.from_seed_bytes(private[:64]), x25519.X25519PrivateKey.from_private_bytes(private[64:]))
        return _suite().decrypt(sealed, key, info=bound_to)
    except (dependencies.invalid_tag(), ValueError) as exc:
        raise NotAuthentic() from exc


def _refuse(text: str):
    raise ValueError(f"{text[:20]} is not a whole number")


_DECODE = json.JSONDecoder(parse_float=_refuse, parse_constant=_refuse).decode


def parse(data: bytes, limit: int = MAXIMUM_JSON):
    """The value of a JSON text in ASCII without fractions. ValueError for anything else, and for what is too large or too deep."""
    if len(data) > limit:
        raise ValueError("it is too large")
    data = bytes(data)
    if len(data) > MAXIMUM_ITEMS and data.count(b",") + data.count(b"[") + data.count(b"{") > MAXIMUM_ITEMS:
        raise ValueError("it has too many values")
    try:
        return _DECODE(data.decode("ascii"))
    except RecursionError as exc:
        raise ValueError("it is nested too deeply") from exc


def canonical(value) -> bytes:
    """The one spelling of JSON that checksums and associated data are made over. ValueError for a fraction."""
    if _has_fraction(value):
        raise ValueError("a record holds a fraction")
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode()


def _has_fraction(value) -> bool:
    if isinstance(value, dict):
        return any(map(_has_fraction, value.values()))
    if isinstance(value, (list, tuple)):
        return any(map(_has_fraction, value))
    return isinstance(value, float)


def with_checksum(value: dict) -> bytes:
    """JSON of a plaintext object with a SHA-256 of its canonical rest: tells damage from a wrong key, not an attack."""
    return canonical({**value, "checksum": hashlib.sha256(canonical(value)).hexdigest()})


def without_checksum(data: bytes, limit: int = MAXIMUM_JSON) -> dict:
    """The object that with_checksum() wrote, spelled as it does to the byte. ValueError if it is damaged or no such object."""
    value = parse(data, limit)
    if type(value) is not dict:
        raise ValueError("it is not a JSON object")
    value.pop("checksum", None)
    try:
        same = with_checksum(value) == data
    except RecursionError as exc:
        raise ValueError("it is nested too deeply") from exc
    if not same:
        raise ValueError("its checksum does not match")
    return value


def text(value: dict, name: str, limit: int = 4096) -> str:
    """A field that must be text of at most so many characters. ValueError."""
    found = value.get(name)
    if type(found) is not str or len(found) > limit:
        raise ValueError(f"{name} is not text, or too long")
    return found


def binary(value: dict, name: str, length: int | None = None) -> bytes:
    """A field that must be base64 with padding, of this many bytes where a length is given. ValueError."""
    spelled = text(value, name, MAXIMUM_JSON)
    try:
        found = base64.b64decode(spelled, validate=True)
    except ValueError as exc:
        raise ValueError(f"{name} is not base64") from exc
    if base64.b64encode(found).decode() != spelled or length not in (None, len(found)):
        raise ValueError(f"{name} has another length than it should")
    return found


def is_hex(value, length: int) -> bool:
    """Whether value is text of this many lower-case hexadecimal digits."""
    return type(value) is str and len(value) == length and not value.strip("0123456789abcdef")
