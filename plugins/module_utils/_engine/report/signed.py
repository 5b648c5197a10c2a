# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause
"""A fleet's status as a signed report for auditors: a JSON file, and beside it a signature that any OpenSSL checks.

The signature is Ed25519 over the file's bytes as they are, so that nothing need be parsed to check it.
"""
from __future__ import annotations

import hashlib
import json
import os

from .. import dependencies
from .._version import VERSION
from ..errors import EngineError
from ..status.model import Fleet

SIGNATURE, PUBLIC = ".sig", ".pub"  # what is appended to the report's path, and to the key's
_MOST = 1 << 16  # bytes of a key file


class Signer:
    """Signs with the Ed25519 key of a file, PKCS 8 in PEM. A file that is missing is made, for its owner alone, with PUBLIC beside it."""

    def __init__(self, path: str) -> None:
        """EngineError "signing-key-unusable"."""
        self._module, self._formats = dependencies.ed25519()
        self.made = not os.path.lexists(path)
        try:
            self._key = self._make(path) if self.made else self._load(path)
        except OSError as exc:
            raise _unusable(path, os.strerror(exc.errno or 0)) from exc

    @property
    def public(self) -> str:
        """The public half in PEM."""
        form = self._formats
        return self._key.public_key().public_bytes(form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo).decode()

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the public half as DER, in hexadecimal: what to compare by telephone."""
        form = self._formats
        return hashlib.sha256(self._key.public_key().public_bytes(form.Encoding.DER, form.PublicFormat.SubjectPublicKeyInfo)).hexdigest()

    def sign(self, document: bytes) -> bytes:
        """The signature, 64 bytes."""
        return self._key.sign(document)

    def _load(self, path: str):
        with open(path, "rb") as stream:
            content = stream.read(_MOST)
        try:
            key = self._formats.load_pem_private_key(content, None)
        except (ValueError, TypeError) as exc:
            raise _unusable(path, "it holds no private key in PEM without a passphrase") from exc
        if not isinstance(key, self._module.Ed25519PrivateKey):
            raise _unusable(path, "its key is no Ed25519 key")
        return key

    def _make(self, path: str):
        form = self._formats
        key = self._module.Ed25519PrivateKey.generate()
        self._key = key
        content = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption())
        for name, data, mode in ((path, content, 0o600), (path + PUBLIC, self.public.encode(), 0o644)):
            with open(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as stream:
                stream.write(data)
        return key


def _unusable(path: str, why: str) -> EngineError:
    return EngineError(
        "signing-key-unusable", f"The report cannot be signed with {path}: {why}",
        "Name an Ed25519 key in PEM, or a path where none is yet and one can be made.")


def document(fleet: Fleet, signer: Signer, host: str) -> bytes:
    """The report. host: where it is made, for people."""
    content = {
        "type": "openclaw-backup-report", "made_on": host, "engine": VERSION, "signed_by": signer.fingerprint, **fleet.to_dict()}
    return json.dumps(content, indent=1).encode() + b"\n"
