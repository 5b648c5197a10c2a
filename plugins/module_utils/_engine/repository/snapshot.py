# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""A snapshot object: one plaintext header line, then the encrypted manifest. Its creation is the backup."""
# pylint: disable=unidiomatic-typecheck  # what was stored is distrusted: a bool is no number here, a subclass no text
from __future__ import annotations

import base64
import hashlib
from dataclasses import asdict, dataclass, fields, replace

from ..errors import EngineError, damaged
from . import crypto, names
from .keys import WriterBundle
from .manifest import Manifest

MAXIMUM_HEADER = 16 << 20
MAXIMUM_OBJECT = 1 << 30
MAXIMUM_NOTE = 4096  # characters
_MOST = 1 << 63


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
    duration_ms: int = 0
    openclaw_version: str = ""
    packs: tuple[str, ...] = ()
    parent: dict | None = None
    label: str = ""
    salt: str = ""
    body_bytes: int = 0
    format: int = 1
    features: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        return self.omissions == 0

    @property
    def duration_s(self) -> float:
        return self.duration_ms / 1000


def _sealer(bundle: WriterBundle, header: Header, purpose: str) -> crypto.Sealer:
    return crypto.Sealer(crypto.derive(bundle.catalog_key, purpose, bundle.repository, header.id, header.salt))


def _bound_to_label(header: Header) -> bytes:
    """Everything else that a header says: whoever can read a name knows that the whole header is as it was written."""
    rest = {name: value for name, value in asdict(header).items() if name != "label"}
    return crypto.context("label", header.repository) + b"\x00" + crypto.canonical(rest)


def open_label(bundle: WriterBundle, header: Header) -> tuple[str | None, str]:
    """(name, note) of a snapshot; its header is authentic if this succeeds. EngineError "repository-damaged"."""
    try:
        if header.repository != bundle.repository:
            raise ValueError(f"it belongs to repository {header.repository}")
        sealed = base64.b64decode(header.label)
        value = crypto.parse(_sealer(bundle, header, "label").open(0, sealed, _bound_to_label(header)))
        if type(value) is not dict or value.get("name") is not None and not crypto.text(value, "name"):
            raise ValueError("its label is not one")
        return value.get("name"), crypto.text(value, "note")
    except crypto.NotAuthentic as exc:
        raise damaged(f"The header of snapshot {header.id}", "it does not authenticate") from exc
    except ValueError as exc:
        raise damaged(f"The header of snapshot {header.id}", str(exc)) from exc


def encode(bundle: WriterBundle, header: Header, name: str | None, note: str, plaintext: bytes) -> tuple[Header, list[bytes]]:
    """(header, parts of the snapshot object). The header's label and body_bytes are filled in here. EngineError "snapshot-too-large"."""
    header = replace(header, label="", body_bytes=len(plaintext) + crypto.TAG_BYTES)
    label = crypto.canonical({"name": name, "note": note})
    sealed = _sealer(bundle, header, "label").seal(0, label, _bound_to_label(header))
    header = replace(header, label=base64.b64encode(sealed).decode())
    line = crypto.with_checksum(asdict(header))
    if len(line) >= MAXIMUM_HEADER or len(line) + header.body_bytes >= MAXIMUM_OBJECT:
        raise EngineError(
            "snapshot-too-large",
            f"The description of the snapshot takes {len(line) + header.body_bytes:,} bytes, and {MAXIMUM_OBJECT:,} is the limit",
            "Exclude directories with very many files, or split the instance's extra paths over several instances.")
    body = _sealer(bundle, header, "snapshot").seal(0, plaintext, crypto.context("snapshot", bundle.repository) + b"\x00" + line)
    return header, [line + b"\n", body]


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
        if type(value.get("format")) is not int or type(value.get("features")) is not list:
            raise ValueError("it has no format")
    except ValueError as exc:
        raise damaged(what, str(exc)) from exc
    if value["format"] != 1 or value["features"]:
        raise EngineError(
            "format-unknown", f"{what} has format {value['format']} and features {value['features']}, and this version reads format 1",
            "Use a newer version of this collection.")
    try:
        if set(value) != {item.name for item in fields(Header)}:
            raise ValueError("it has other fields than format 1 has")
        _check_types(value)
    except ValueError as exc:
        raise damaged(what, str(exc)) from exc
    header = Header(**{**value, "packs": tuple(value["packs"]), "features": ()})
    if names.snapshot_of_object(name) != header.id:
        raise damaged(what, f"it says it is snapshot {header.id}")
    return header


def _check_types(value: dict) -> None:
    """ValueError unless every field is what a header has there."""
    for name in ("files", "bytes", "bytes_stored", "omissions", "excluded", "body_bytes", "chunks_new", "chunks_reused", "duration_ms"):
        if type(value[name]) is not int or not 0 <= value[name] < _MOST:
            raise ValueError(f"{name} is not a count")
    for name in ("id", "created", "kind", "scope", "openclaw_version"):
        crypto.text(value, name)
    crypto.binary(value, "label")
    if type(value["named"]) is not bool or type(value["packs"]) is not list or not all(crypto.is_hex(pack, 32) for pack in value["packs"]):
        raise ValueError("a field has a wrong type")
    if not crypto.is_hex(value["repository"], 32) or not crypto.is_hex(value["salt"], 32):
        raise ValueError("an id is not one")
    if len(set(value["packs"])) != len(value["packs"]):
        raise ValueError("it names a pack twice")
    parent = value["parent"]
    if parent is None:
        return
    if type(parent) is not dict or set(parent) != {"id", "digest"} or not crypto.is_hex(parent["digest"], 64) or not _is_id(parent["id"]):
        raise ValueError("parent is not one")
    if parent["id"] >= value["id"]:
        raise ValueError("its parent is not older than it")


def _is_id(text) -> bool:
    try:
        return type(text) is str and names.id_of_time(names.time_of_id(text)) == text
    except EngineError:
        return False


def decode(bundle: WriterBundle, name: str, data: bytes) -> tuple[Header, Manifest]:
    """Header and manifest of a whole object, authenticated. EngineError "repository-damaged", "format-unknown"."""
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
        manifest = Manifest(plaintext)
        if header.packs != tuple(row.pack for row in manifest.tables.packs):
            raise ValueError("its header names other packs than its body")
    except ValueError as exc:
        raise damaged(name, str(exc)) from exc
    return header, manifest
