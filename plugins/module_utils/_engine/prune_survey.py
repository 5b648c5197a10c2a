# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""What a prune has to know of the snapshots of a repository: their headers, which it trusts no further than it can check."""
from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Iterable

from .errors import EngineError, ObjectMissing
from .repository import crypto, names
from .repository.repository import Repository, SnapshotRef, list_snapshots, read_description, read_headers
from .repository.snapshot import Header
from .retention import Candidate, moment
from .storage.base import Storage


@dataclass(frozen=True)
class Survey:
    """Snapshots, oldest first, with their headers, or why they have none that counts: trouble, id -> reason.

    repository: the id that belongs here. names: id -> name, of those that have one; empty without a key.
    """

    url: str
    repository: str
    refs: list[SnapshotRef]
    headers: dict[str, Header]
    trouble: dict[str, str]
    has_key: bool = False
    names: dict[str, str] = field(default_factory=dict)

    def candidates(self) -> list[Candidate]:
        """The same as retention wants it, in the same order."""
        found = []
        for ref in self.refs:
            header = self.headers.get(ref.id)
            if header is None:
                found.append(Candidate(ref.id, ref.modified, trouble=self.trouble[ref.id]))
            else:
                found.append(Candidate(ref.id, ref.modified, header.scope, header.kind, header.named, header.complete))
        return found

    def without(self, refs: Iterable[SnapshotRef]) -> "Survey":
        """What remains when these are gone."""
        gone = {ref.id for ref in refs}
        return replace(
            self, refs=[ref for ref in self.refs if ref.id not in gone],
            headers={snapshot_id: header for snapshot_id, header in self.headers.items() if snapshot_id not in gone},
            trouble={snapshot_id: reason for snapshot_id, reason in self.trouble.items() if snapshot_id not in gone})

    def packs(self) -> set[str]:
        """Ids of all packs that any of them names."""
        return {pack for header in self.headers.values() for pack in header.packs}

    def describe(self, ref: SnapshotRef, version: int) -> dict:
        """One snapshot, for a plan."""
        header = self.headers.get(ref.id)
        return {
            "id": ref.id, "version": f"v{version}", "name": self.names.get(ref.id), "kind": header.kind if header else None,
            "scope": header.scope if header else None, "stored": names.id_of_time(moment(ref.modified).timestamp()), "bytes": ref.size}


def take(storage: Storage, opened: Repository | None) -> Survey:
    """Read all headers; with an opened repository they are authenticated. Whether the bodies are whole, only a verification tells.

    EngineError "repository-missing", "repository-replaced", "repository-damaged" or "format-unknown" of the repository
    itself: what this version does not understand, it does not delete from.
    """
    try:
        belongs = read_description(storage.get(names.REPOSITORY))["repository"]
    except ObjectMissing as exc:
        raise EngineError(
            "repository-missing", f"There is no repository at {storage.url}",
            "Check the place: is the disk mounted, is the prefix right?") from exc
    if opened is not None and opened.id != belongs:
        raise EngineError(
            "repository-replaced", f"The repository at {storage.url} is not the one that this key belongs to",
            "Do not prune it before you know who changed it.")
    refs = list_snapshots(storage)
    headers, trouble = _read(storage, belongs, refs)
    labels = _labels(opened, headers, trouble) if opened else {}
    there = [ref for ref in refs if ref.id in headers or ref.id in trouble]
    return Survey(storage.url, belongs, there, headers, trouble, opened is not None, labels)


def again(storage: Storage, before: Survey) -> Survey:
    """What there is now. Headers of objects that have not changed since are not read again.

    One that vanishes between the listing and its reading counts as trouble: nothing is certain about what it needs.
    """
    known, refs = set(before.refs), list_snapshots(storage)
    headers, trouble = _read(storage, before.repository, [ref for ref in refs if ref not in known])
    for ref in refs:
        if ref in known and ref.id in before.headers:
            headers[ref.id] = before.headers[ref.id]
        elif ref in known:
            trouble[ref.id] = before.trouble[ref.id]
        elif ref.id not in headers:
            trouble.setdefault(ref.id, "it vanished while it was read")
    return Survey(before.url, before.repository, refs, headers, trouble, before.has_key)


def _read(storage: Storage, belongs: str, refs: list[SnapshotRef]) -> tuple[dict[str, Header], dict[str, str]]:
    """(headers, trouble) by id. What vanished meanwhile is in neither."""
    headers, trouble, found = {}, {}, read_headers(storage, refs)
    for ref in refs:
        header = found[ref.id]
        if isinstance(header, EngineError):
            if header.code != "object-missing":
                trouble[ref.id] = header.message
        elif header.repository != belongs:
            trouble[ref.id] = f"it belongs to repository {header.repository}"
        elif ref.size != _size(header):
            trouble[ref.id] = f"it has {ref.size:,} bytes and should have {_size(header):,}"
        else:
            headers[ref.id] = header
    return headers, trouble


def _size(header: Header) -> int:
    """The bytes of a whole snapshot object."""
    return len(crypto.with_checksum(asdict(header))) + 1 + header.body_bytes


def _labels(opened: Repository, headers: dict[str, Header], trouble: dict[str, str]) -> dict[str, str]:
    """The names of snapshots. A label authenticates its whole header: one that does not is moved from headers to trouble."""
    found = {}
    for snapshot_id, header in list(headers.items()):
        try:
            name, _note = opened.labels(header)
        except EngineError as exc:
            trouble[snapshot_id] = exc.message
            del headers[snapshot_id]
            continue
        if name:
            found[snapshot_id] = name
    return found
