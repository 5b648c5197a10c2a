# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""Records of runs and of verifications: readable without a key but for the message, and authenticated with one."""
from __future__ import annotations

import base64

from ..errors import EngineError, damaged
from . import crypto
from .keys import ReaderBundle, WriterBundle

MAXIMUM_MESSAGE = 64 << 10  # bytes
RUN, VERIFICATION = "run", "verification"


def _sealer(bundle: WriterBundle, kind: str, name: str) -> crypto.Sealer:
    """A host that backs up must not be able to vouch for its own snapshots: only readers can seal a verification."""
    if kind == RUN:
        secret = bundle.catalog_key
    elif isinstance(bundle, ReaderBundle):
        secret = bundle.private_key
    else:
        raise EngineError(
            "key-cannot-read", "A writer key neither makes nor authenticates verifications",
            "Give a passphrase, a key file or an operator's identity.")
    return crypto.Sealer(crypto.derive(secret, kind, bundle.repository, name))


def encode(bundle: WriterBundle, kind: str, name: str, fields: dict, message: str = "") -> bytes:
    """A record: the fields in plain, the message sealed, all of it authenticated.

    kind: RUN, or VERIFICATION, which takes a reader's bundle. name: of the object, which is written once. fields: JSON without
    fractions, in ASCII names. message: may name files; cut where it is longer than MAXIMUM_MESSAGE.
    EngineError "key-cannot-read".
    """
    record = {"format": 1, "type": kind, "repository": bundle.repository, "name": name, **fields}
    plaintext = message.encode("utf-8", "backslashreplace")[:MAXIMUM_MESSAGE]
    bound_to = crypto.context(kind) + b"\x00" + crypto.canonical(record)
    sealed = _sealer(bundle, kind, name).seal(0, plaintext, bound_to)
    return crypto.with_checksum({**record, "message": base64.b64encode(sealed).decode()})


def read(name: str, data: bytes, kind: str) -> dict:
    """A record as data, as far as it can be checked without a key. EngineError "repository-damaged"."""
    try:
        record = crypto.without_checksum(data)
        if [record.get("format"), record.get("type"), record.get("name")] != [1, kind, name]:
            raise ValueError("it says it is another object")
        crypto.text(record, "repository")
        crypto.binary(record, "message")
        return record
    except ValueError as exc:
        raise damaged(f"The record {name}", str(exc)) from exc


def decode(bundle: WriterBundle, kind: str, name: str, data: bytes) -> tuple[dict, str]:
    """(fields, message) of a record, authenticated. EngineError "repository-damaged", "key-cannot-read"."""
    record = read(name, data, kind)
    sealed = crypto.binary(record, "message")
    del record["message"]
    if record["repository"] != bundle.repository:
        raise damaged(f"The record {name}", f"it belongs to repository {record['repository'][:80]}")
    try:
        plaintext = _sealer(bundle, kind, name).open(0, sealed, crypto.context(kind) + b"\x00" + crypto.canonical(record))
    except crypto.NotAuthentic as exc:
        raise damaged(f"The record {name}", "it does not authenticate") from exc
    return record, plaintext.decode("utf-8", "replace")
