# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""A snapshot object: one plaintext header line, then the encrypted manifest. Its creation is the backup."""
from __future__ import annotations

import base64
import binascii
import hashlib
import json
from dataclasses import asdict, dataclass, field

from ..errors import EngineError, damaged
from . import crypto, names
from .keys import WriterBundle
from .manifest import Manifest

MAXIMUM_HEADER = 64 << 20


@dataclass(frozen=True)
class Header:
    """What listing, monitoring and pruning need, readable without a key and authenticated with one.

    bytes: content of all files. bytes_stored: what this run added to the storage. complete: nothing was omitted.
    packs: ids of every pack that the snapshot needs. parent: {"id", "digest"} of the snapshot before, or None;
    the digest is SHA-256 of that whole object. label: name and note, sealed under the catalog key.
    named: it has a name, so it is never pruned automatically.
    """

    repository: str
    id: str
    created: str
    kind: str
    scope: str
    named: bool = False
    files: int = 0
    bytes: int = 0
    bytes_stored: int = 0
    chunks_new: int = 0
    chunks_reused: int = 0
    omissions: int = 0
    excluded: int = 0
    duration_s: float = 0.0
    openclaw_version: str = ""
    packs: tuple[str, ...] = ()
    parent: dict | None = None
    label: str = ""
    salt: str = ""
    body_bytes: int = 0
    format: int = 1
    features: tuple[str, ...] = field(default=())

    @property
    def complete(self) -> bool:
        return self.omissions == 0


def _sealer(bundle: WriterBundle, header: Header, purpose: str) -> crypto.Sealer:
    return crypto.Sealer(crypto.derive(bundle.catalog_key, purpose, bundle.repository, header.id, header.salt))


def seal_label(bundle: WriterBundle, snapshot_id: str, salt: str, name: str | None, note: str) -> str:
    """Name and note for the header, readable only with a key."""
    header = Header(bundle.repository, snapshot_id, "", "", "", salt=salt)
    sealed = _sealer(bundle, header, "label").seal(0, crypto.canonical({"name": name, "note": note}), crypto.context("label", snapshot_id))
    return base64.b64encode(sealed).decode()


def open_label(bundle: WriterBundle, header: Header) -> tuple[str | None, str]:
    """(name, note) of a snapshot. EngineError "repository-damaged"."""
    try:
        sealed = base64.b64decode(header.label, validate=True)
        value = json.loads(_sealer(bundle, header, "label").open(0, sealed, crypto.context("label", header.id)))
        return value["name"], value["note"]
    except (crypto.NotAuthentic, binascii.Error, ValueError, KeyError) as exc:
        raise damaged(f"The header of snapshot {header.id}", "its label does not authenticate") from exc


def encode(bundle: WriterBundle, header: Header, plaintext: bytes) -> list[bytes]:
    """The parts of a snapshot object. The header's body_bytes is filled in here."""
    header = Header(**{**asdict(header), "body_bytes": len(plaintext) + crypto.TAG_BYTES})
    line = crypto.with_checksum(asdict(header))
    body = _sealer(bundle, header, "snapshot").seal(0, plaintext, crypto.context("snapshot", bundle.repository) + b"\x00" + line)
    return [line + b"\n", body]


def digest(parts: list[bytes]) -> str:
    """SHA-256 of a whole snapshot object, as the next one's header records it."""
    total = hashlib.sha256()
    for part in parts:
        total.update(part)
    return total.hexdigest()


def read_header(name: str, line: bytes) -> Header:
    """The header of the object of this name, checked as far as it can be without a key. EngineError."""
    what = f"The header of {name}"
    try:
        value = crypto.without_checksum(line, MAXIMUM_HEADER)
        if value.get("format") != 1:
            raise EngineError(
                "format-unknown", f"{what} has format {value.get('format')!r}, and this version reads format 1", "Use a newer version of this collection.")
        if value.get("features"):
            raise EngineError(
                "format-unknown", f"{what} needs features {value['features']} that this version does not know", "Use a newer version of this collection.")
        value["packs"], value["features"] = tuple(value["packs"]), ()
        header = Header(**value)
        _check_types(header)
    except (ValueError, TypeError, KeyError) as exc:
        raise damaged(what, str(exc)) from exc
    if names.snapshot_of_object(name) != header.id:
        raise damaged(what, f"it says it is snapshot {header.id}")
    return header


def _check_types(header: Header) -> None:
    """ValueError unless the fields that programs count with are what they should be."""
    for name in ("files", "bytes", "bytes_stored", "omissions", "excluded", "body_bytes", "chunks_new", "chunks_reused"):
        if type(getattr(header, name)) is not int or getattr(header, name) < 0:
            raise ValueError(f"{name} is not a count")
    for name in ("repository", "id", "created", "kind", "scope", "label", "salt", "openclaw_version"):
        if type(getattr(header, name)) is not str:
            raise ValueError(f"{name} is not text")
    if type(header.named) is not bool or not all(type(pack) is str and len(pack) == 32 for pack in header.packs):
        raise ValueError("a field has a wrong type")
    if header.parent is not None and not {"id", "digest"} <= set(header.parent):
        raise ValueError("parent is not one")


def decode(bundle: WriterBundle, name: str, data: bytes) -> tuple[Header, Manifest]:
    """Header and manifest of a whole object, authenticated. EngineError "repository-damaged"."""
    end = data.find(b"\n", 0, MAXIMUM_HEADER)
    header = read_header(name, data[:max(end, 0)])
    if header.repository != bundle.repository:
        raise damaged(name, f"it belongs to repository {header.repository}")
    body = memoryview(data)[end + 1:]
    if len(body) != header.body_bytes:
        raise damaged(name, f"it has {len(body)} bytes after its header and should have {header.body_bytes}")
    try:
        plaintext = _sealer(bundle, header, "snapshot").open(
            0, body, crypto.context("snapshot", bundle.repository) + b"\x00" + data[:end])
    except crypto.NotAuthentic as exc:
        raise damaged(name, "it does not authenticate") from exc
    try:
        return header, Manifest(plaintext)
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as exc:
        raise damaged(name, str(exc)) from exc
