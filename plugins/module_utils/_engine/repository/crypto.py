# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""The few cryptographic operations of the format, each in one place.

Everything is AES-256-GCM, HKDF-SHA256 and HPKE (RFC 9180) with the hybrid KEM ML-KEM-768 + X25519, as the
package cryptography implements them. docs/format.md is the specification.
"""
from __future__ import annotations

import hashlib
import hmac
import json
import secrets

from .. import dependencies
from ..errors import EngineError

KEY_BYTES = 32
TAG_BYTES = 16
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


def _halves():
    try:
        from cryptography.hazmat.primitives.asymmetric import mlkem, x25519
    except ImportError as exc:
        raise EngineError("missing-dependency", f"Python package cryptography >= 48 is missing: {exc}") from exc
    return mlkem, x25519


def new_key_pair() -> tuple[bytes, bytes]:
    """(private, public): ML-KEM-768 seed (64 bytes) then X25519 (32); ML-KEM-768 (1,184) then X25519 (32)."""
    mlkem, x25519 = _halves()
    first, second = mlkem.MLKEM768PrivateKey.generate(), x25519.X25519PrivateKey.generate()
    private = first.private_bytes_raw() + second.private_bytes_raw()
    return private, first.public_key().public_bytes_raw() + second.public_key().public_bytes_raw()


def public_of(private: bytes) -> bytes:
    """The public half of a private key of new_key_pair(). ValueError for a bad key."""
    mlkem, x25519 = _halves()
    if len(private) != 96:
        raise ValueError("a private key has 96 bytes")
    first, second = mlkem.MLKEM768PrivateKey.from_seed_bytes(private[:64]), x25519.X25519PrivateKey.from_private_bytes(private[64:])
    return first.public_key().public_bytes_raw() + second.public_key().public_bytes_raw()


def seal_to(public: bytes, plaintext: bytes, bound_to: bytes) -> bytes:
    """HPKE single-shot encryption to a public key: encapsulated key, then ciphertext. ValueError for a bad key."""
    mlkem, x25519 = _halves()
    hpke = dependencies.hpke()
    if len(public) != 1184 + 32:
        raise ValueError("a public key has 1,216 bytes")
    key = hpke.MLKEM768X25519PublicKey(
        mlkem.MLKEM768PublicKey.from_public_bytes(public[:1184]), x25519.X25519PublicKey.from_public_bytes(public[1184:]))
    return _suite().encrypt(plaintext, key, info=bound_to)


def open_sealed(private: bytes, sealed: bytes, bound_to: bytes) -> bytes:
    """What was sealed to the public half of this private key. NotAuthentic."""
    mlkem, x25519 = _halves()
    hpke = dependencies.hpke()
    key = hpke.MLKEM768X25519PrivateKey(
        mlkem.MLKEM768PrivateKey.from_seed_bytes(private[:64]), x25519.X25519PrivateKey.from_private_bytes(private[64:]))
    try:
        return _suite().decrypt(sealed, key, info=bound_to)
    except (dependencies.invalid_tag(), ValueError) as exc:
        raise NotAuthentic() from exc


def canonical(value) -> bytes:
    """The one spelling of JSON that checksums and associated data are made over."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def with_checksum(value: dict) -> bytes:
    """JSON of a plaintext object with a SHA-256 of its canonical rest: tells damage from a wrong key, not an attack."""
    return canonical({**value, "checksum": hashlib.sha256(canonical(value)).hexdigest()})


def without_checksum(data: bytes, limit: int = 1 << 20) -> dict:
    """The object that with_checksum() wrote. ValueError if it is damaged or no such object."""
    if len(data) > limit:
        raise ValueError("too large")
    value = json.loads(data)
    if not isinstance(value, dict):
        raise ValueError("not an object")
    checksum = value.pop("checksum", None)
    if checksum != hashlib.sha256(canonical(value)).hexdigest():
        raise ValueError("its checksum does not match")
    return value
