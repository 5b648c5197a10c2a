# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""What a snapshot holds, and how two snapshots differ. Needs a key that opens manifests (a writer's does), reads no content."""
from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from typing import Iterator

from .capture.walk import order_key
from .errors import EngineError
from .repository.manifest import DIRECTORY, FILE, Entry, Manifest
from .repository.repository import Repository, SnapshotRef
from .restore_selection import entries_of
from .snapshots import find

ADDED, REMOVED, CHANGED = "added", "removed", "changed"


@dataclass(frozen=True)
class Listed:
    """One entry of a snapshot. modified: seconds since 1970 UTC. target: of a link. database: it is a SQLite database."""

    path: str
    type: str
    mode: int
    uid: int
    gid: int
    size: int
    modified: float
    target: str
    database: bool

    def to_dict(self) -> dict:
        """JSON-native."""
        return {**asdict(self), "mode": f"{self.mode:04o}"}


@dataclass(frozen=True)
class Listing:
    """entries: what was asked for, in walk order."""

    snapshot: str
    path: str
    entries: tuple[Listed, ...]


@dataclass(frozen=True)
class Difference:
    """One path that differs. change: ADDED, REMOVED or CHANGED. what: which properties did, for CHANGED. Sizes: None if it is no file."""

    path: str
    change: str
    what: tuple[str, ...] = ()
    size_before: int | None = None
    size_after: int | None = None

    def to_dict(self) -> dict:
        """JSON-native."""
        return {**asdict(self), "what": list(self.what)}


@dataclass(frozen=True)
class Comparison:
    """Everything that differs between two snapshots, in walk order."""

    before: str
    after: str
    differences: tuple[Difference, ...]

    def count(self, change: str) -> int:
        """How many paths were changed so."""
        return sum(item.change == change for item in self.differences)


def list_entries(repository: Repository, snapshot: str, path: str = "", recursive: bool = False) -> Listing:
    """What a snapshot holds at a path: a directory's children, with recursive all below it, or the one thing that is there.

    snapshot: as find() takes it. path: absolute, or relative to the state directory; empty means what lies highest in the
    snapshot. EngineError: those of find() and of a damaged snapshot, "path-missing".
    """
    ref, manifest = _open(repository, snapshot)
    state = manifest.meta["instance"]["state_dir"]
    wanted = os.path.normpath(path if path.startswith("/") else f"{state}/{path}") if path else ""
    found, top = [], ""
    for entry, _line in entries_of(manifest, ref.id):
        if wanted:
            inner = _below(entry.path, wanted)
            if inner is None or not recursive and "/" in inner:
                continue
        elif not recursive:
            if top and _below(entry.path, top) is not None:
                continue
            top = entry.path
        found.append(entry)
    if wanted and not found:
        raise EngineError("path-missing", f"Snapshot {ref.id} holds nothing at {wanted}", "List the directory above it.")
    if len(found) > 1 and found[0].path == wanted:
        del found[0]  # a directory itself, before what is in it
    return Listing(ref.id, wanted, tuple(_listed(entry) for entry in found))


def _below(path: str, directory: str) -> str | None:
    """The rest of a path below a directory, "" for the directory itself, None for what is not in it."""
    if path == directory:
        return ""
    base = directory.rstrip("/") + "/"
    return path[len(base):] if path.startswith(base) else None


def _listed(entry: Entry) -> Listed:
    is_database = bool(entry.database) and "part_of" not in (entry.database or {})
    return Listed(
        entry.path, entry.type, entry.mode, entry.uid, entry.gid, entry.size, entry.modified / 1e9, entry.target, is_database)


def compare(repository: Repository, before: str, after: str) -> Comparison:
    """What differs from one snapshot to another. Both: as find() takes them. EngineError as for list_entries()."""
    old_ref, old = _open(repository, before)
    new_ref, new = _open(repository, after)
    pairs = _pair(entries_of(old, old_ref.id), entries_of(new, new_ref.id))
    return Comparison(old_ref.id, new_ref.id, tuple(filter(None, (_difference(left, right) for left, right in pairs))))


def _open(repository: Repository, wanted: str) -> tuple[SnapshotRef, Manifest]:
    ref = find(repository, wanted)
    return ref, repository.load(ref)[1]


def _pair(old, new) -> Iterator[tuple[Entry | None, Entry | None]]:
    """Entries of the same path together. Both sides are in walk order, so that neither has to be held in memory."""
    left, right = next(old, None), next(new, None)
    while left or right:
        left_key, right_key = (order_key(side[0].path) if side else None for side in (left, right))
        if right_key is None or left_key is not None and left_key < right_key:
            yield left[0], None
            left = next(old, None)
        elif left_key is None or right_key < left_key:
            yield None, right[0]
            right = next(new, None)
        else:
            yield left[0], right[0]
            left, right = next(old, None), next(new, None)


def _difference(old: Entry | None, new: Entry | None) -> Difference | None:
    if old is None:
        return Difference(new.path, ADDED, size_after=_size(new))
    if new is None:
        return Difference(old.path, REMOVED, size_before=_size(old))
    what = tuple(_what(old, new))
    return Difference(old.path, CHANGED, what, _size(old), _size(new)) if what else None


def _size(entry: Entry) -> int | None:
    return entry.size if entry.type == FILE else None


def _what(old: Entry, new: Entry) -> Iterator[str]:
    """Which properties differ. A directory's time follows what is in it, and says nothing by itself."""
    if old.type != new.type:
        yield "type"
        return
    if old.digest != new.digest or old.size != new.size:
        yield "content"
    if old.target != new.target:
        yield "target"
    if old.mode != new.mode:
        yield "mode"
    if (old.uid, old.gid) != (new.uid, new.gid):
        yield "owner"
    if old.xattrs != new.xattrs:
        yield "attributes"
    if old.type != DIRECTORY and old.modified != new.modified:
        yield "time"
