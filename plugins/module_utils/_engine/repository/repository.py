# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""A repository: everything kept for one instance. Opening it with a key, and reading what it holds."""
# pylint: disable=unidiomatic-typecheck  # what was stored is distrusted: a bool is no number here, a subclass no text
from __future__ import annotations

import base64
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Iterable

from .. import dependencies
from ..errors import EngineError, ObjectExists, ObjectMissing, damaged
from ..ports import Context
from ..storage.base import ObjectInfo, Storage
from . import crypto, keys, names, records, snapshot
from .cache import Cache
from .manifest import Manifest

_HEADER_READ = 1 << 16


@dataclass(frozen=True)
class SnapshotRef:
    """A snapshot object of a listing. modified: when it was stored, by the storage's clock."""

    id: str
    name: str
    size: int
    modified: float


def _describe(bundle: keys.WriterBundle, instance: str, created: str) -> bytes:
    return crypto.with_checksum({
        "type": "openclaw-backup repository", "format": 1, "features": [], "repository": bundle.repository, "instance": instance,
        "created": created, "public_key": base64.b64encode(bundle.public_key).decode()})


def read_description(content: bytes) -> dict:
    """repository.json as data. EngineError "repository-damaged" or "format-unknown"."""
    try:
        value = crypto.without_checksum(content)
        if value.get("type") != "openclaw-backup repository":
            raise ValueError("it describes something else")
        if type(value.get("format")) is not int or type(value.get("features")) is not list:
            raise ValueError("it has no format")
        if not crypto.is_hex(value.get("repository"), 32):
            raise ValueError("it has no repository id")
        crypto.text(value, "instance")
        crypto.text(value, "created")
        if value["format"] == 1 and not value["features"]:
            crypto.binary(value, "public_key", crypto.PUBLIC_BYTES)
            return value
    except ValueError as exc:
        raise damaged(names.REPOSITORY, str(exc), "Restore this one object from a copy, or the repository from its mirror.") from exc
    raise EngineError(
        "format-unknown", f"The repository has format {value['format']} and features {value['features']}", "Use a newer version.")


def create(storage: Storage, secret: keys.Secret, instance: str, context: Context, *, label: str = "", fips: bool = False) -> "Repository":
    """Make a new repository with one key slot. EngineError "repository-exists"."""
    if any(storage.list(names.SNAPSHOTS)):
        raise EngineError("repository-exists", f"{storage.url} already holds snapshots", "Open it with its key, or choose another place.")
    created = names.id_of_time(context.clock.now())
    bundle = keys.new_bundle(names.random_id())
    name, slot = keys.make_slot(bundle, secret, label or "first", created, fips=fips)
    try:
        # The slot goes first: a repository.json without any slot would be a repository that nobody can open.
        storage.create(name, [slot])
        storage.create(names.REPOSITORY, [_describe(bundle, instance, created)])
    except ObjectExists as exc:
        raise EngineError(
            "repository-exists", f"{storage.url} already holds a repository", "Open it with its key, or choose another place.") from exc
    return Repository(storage, bundle, context)


def _read_cached(storage: Storage, cache: Cache, name: str) -> bytes:
    content = cache.read(name)
    if content is None:
        content = storage.get(name)
    return content


def open_repository(storage: Storage, secret: keys.Secret | keys.WriterBundle, context: Context, *, use_cache: bool = True) -> "Repository":
    """Open the repository at a storage. EngineError "repository-missing", "wrong-key", "repository-damaged", ….

    use_cache: read its description and key slots from the copies on this host; Repository.snapshots() finds out
    whether they are still those of the repository there.
    """
    cache = Cache(context.cache_dir if use_cache else None, storage.url)
    try:
        return _open(storage, secret, context, cache)
    except EngineError as exc:
        if exc.code != "repository-replaced" or cache.read(names.REPOSITORY) is None:
            raise
        cache.clear()  # the copies may be of a repository that was here before
        return _open(storage, secret, context, Cache(None, ""))


def _open(storage: Storage, secret: keys.Secret | keys.WriterBundle, context: Context, cache: Cache) -> "Repository":
    try:
        description = read_description(_read_cached(storage, cache, names.REPOSITORY))
    except ObjectMissing as exc:
        raise EngineError(
            "repository-missing", f"There is no repository at {storage.url}",
            "Check the place (is the disk mounted, is the prefix right?), or make a repository there with openclaw_repository.") from exc
    if isinstance(secret, keys.WriterBundle):
        bundle: keys.WriterBundle = secret
    else:
        bundle = _open_any_slot(storage, cache, secret, description)
    if not _belongs(bundle, description):
        raise EngineError(
            "repository-replaced",
            f"The repository at {storage.url} is not the one that this key belongs to, or its public key was replaced",
            "Do not back up into it before you know who changed it.")
    return Repository(storage, bundle, context, description)


def _belongs(bundle: keys.WriterBundle, description: dict) -> bool:
    return description["repository"] == bundle.repository and base64.b64decode(description["public_key"]) == bundle.public_key


def _open_any_slot(storage: Storage, cache: Cache, secret: keys.Secret, description: dict) -> keys.ReaderBundle:
    """The bundle of the first slot that the secret opens; of several, one that belongs to this repository.

    Others may lie there: a set-up that was killed leaves one, and whoever may write can plant one for a public key.
    """
    cached = cache.names()
    slots, problems, other = cached or [item.name for item in storage.list(names.KEYS)], [], None
    for name in slots:
        try:
            bundle = keys.open_slot(keys.read_slot(name, _read_cached(storage, cache, name)), secret)
        except EngineError as exc:
            if exc.code != "repository-damaged":
                raise
            problems.append(exc)
            continue
        if bundle and _belongs(bundle, description):
            return bundle
        other = other or bundle
    if cached:
        return _open_any_slot(storage, Cache(None, ""), secret, description)
    if other:
        return other
    if not slots:
        raise damaged(storage.url, "it has no key slot, so no key opens it", "Restore the objects below keys/ from a copy or a mirror.")
    if problems:
        raise problems[0]
    what = {keys.PASSPHRASE: "passphrase", keys.KEY_FILE: "key file", keys.OPERATOR: "operator's key", keys.OPEN: "open slot"}[secret.kind]
    raise EngineError(
        "wrong-key", f"The {what} opens none of the {len(slots)} key slots of {storage.url}",
        "Check that it is the one for this repository; nothing is damaged.")


class Repository:
    """An opened repository. With a writer's bundle it lists and writes; with a reader's it also reads content."""

    def __init__(self, storage: Storage, bundle: keys.WriterBundle, context: Context, description: dict | None = None) -> None:
        self.storage = storage
        self.bundle = bundle
        self.context = context
        self.cache = Cache(context.cache_dir, storage.url)
        self.description = description or {}

    @property
    def id(self) -> str:
        return self.bundle.repository

    def reader(self) -> keys.ReaderBundle:
        """The bundle that reads content. EngineError "key-cannot-read"."""
        if not isinstance(self.bundle, keys.ReaderBundle):
            raise EngineError(
                "key-cannot-read", "A writer key backs up and lists names, and reads no content",
                "Give a passphrase, a key file or an operator's identity; restore, update and recover of the host tool take one for a "
                "single run (--identity-file).")
        return self.bundle

    def snapshots(self) -> list[SnapshotRef]:
        """All snapshots, oldest first."""
        return list_snapshots(self.storage)

    def remember_keys(self) -> None:
        """Keep copies of the description and the key slots, so that the next run need not ask for them."""
        for name in [names.REPOSITORY] + [item.name for item in self.storage.list(names.KEYS)]:
            self.cache.write(name, [self.storage.get(name)])

    def load(self, ref: SnapshotRef) -> tuple[snapshot.Header, Manifest]:
        """Header and manifest of a snapshot, authenticated. EngineError "repository-damaged", ObjectMissing."""
        if ref.size > snapshot.MAXIMUM_OBJECT:
            raise damaged(ref.name, f"it has {ref.size:,} bytes")
        data = self.cache.read(ref.name)
        if data is not None and len(data) == ref.size:
            try:
                return snapshot.decode(self.bundle, ref.name, data)
            except EngineError as exc:
                if exc.code != "repository-damaged":
                    raise
                # A copy that was damaged on this host says nothing about the object.
        content = self.storage.get(ref.name)
        loaded = snapshot.decode(self.bundle, ref.name, content)
        if data is not None:
            self.cache.write(ref.name, [content])
        return loaded

    def scope_of(self, ref: SnapshotRef) -> str:
        """The scope of a snapshot; empty for one whose header is damaged or gone."""
        data = self.cache.read(ref.name)
        try:
            if data is not None and len(data) == ref.size:
                return snapshot.read_header(ref.name, data[:data.find(b"\n")]).scope
            return read_header(self.storage, ref).scope
        except EngineError as exc:
            if exc.code not in ("repository-damaged", "object-missing", "format-unknown"):
                raise
            return ""

    def labels(self, header: snapshot.Header) -> tuple[str | None, str]:
        """(name, note) of a snapshot."""
        return snapshot.open_label(self.bundle, header)

    def data_key(self, sealed: bytes) -> bytes:
        """The data key that was sealed to this repository's identity. EngineError "repository-damaged"."""
        try:
            return crypto.open_sealed(self.reader().private_key, sealed, crypto.context("data key", self.id))
        except crypto.NotAuthentic as exc:
            raise damaged("A sealed data key", "it does not authenticate") from exc

    def new_data_key(self) -> tuple[bytes, bytes]:
        """(data key, the same sealed to the identity): the run that makes it can write with it, never read it back."""
        key = crypto.random_key()
        return key, crypto.seal_to(self.bundle.public_key, key, crypto.context("data key", self.id))

    def record_run(self, result: str, fields: dict, message: str = "") -> None:
        """Leave the record of a run: result and fields in plain, the message sealed, all of it authenticated."""
        name = names.run_object(names.id_of_time(self.context.clock.now()))
        self.storage.create(name, [records.encode(self.bundle, records.RUN, name, {"result": result, **fields}, message)])


def list_snapshots(storage: Storage) -> list[SnapshotRef]:
    """All snapshots of a storage, oldest first. Needs no key."""
    found = ((names.snapshot_of_object(item.name), item) for item in storage.list(names.SNAPSHOTS))
    return [SnapshotRef(snapshot_id, item.name, item.size, item.modified) for snapshot_id, item in found if snapshot_id]


def list_packs(storage: Storage) -> dict[str, ObjectInfo]:
    """All packs that really exist, by id."""
    found = ((names.pack_of_object(item.name), item) for item in storage.list(names.PACKS))
    return {pack: item for pack, item in found if pack}


def read_header(storage: Storage, ref: SnapshotRef) -> snapshot.Header:
    """The header of one snapshot, without a key. EngineError "repository-damaged", ObjectMissing."""
    length = min(_HEADER_READ, ref.size)
    data = storage.get(ref.name, 0, length)
    while b"\n" not in data and len(data) < min(ref.size, snapshot.MAXIMUM_HEADER):
        more = storage.get(ref.name, len(data), max(_HEADER_READ, len(data)))
        if not more:
            break
        data += more
    end = data.find(b"\n")
    if end < 0:
        raise damaged(f"The header of {ref.name}", "it does not end")
    return snapshot.read_header(ref.name, data[:end])


def read_headers(storage: Storage, refs: Iterable[SnapshotRef]) -> dict[str, snapshot.Header | EngineError]:
    """The headers of snapshots by id; in place of one that cannot be read, the error that says why."""
    def read(ref: SnapshotRef):
        try:
            return ref.id, read_header(storage, ref)
        except EngineError as exc:
            if exc.code not in ("repository-damaged", "object-missing", "format-unknown"):
                raise
            return ref.id, exc
    with ThreadPoolExecutor(max(1, storage.parallel_transfers())) as pool:
        return dict(pool.map(read, refs))


def ensure_dependencies() -> None:
    """Import what every operation needs. EngineError "missing-dependency" before any work is done."""
    dependencies.blake3()
    dependencies.zstd()
    dependencies.hpke()
