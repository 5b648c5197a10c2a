# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""Lists snapshots, and finds one by what people call it."""
from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Callable

from .errors import EngineError
from .repository import keys, names, verifications
from .repository.repository import Repository, SnapshotRef, list_snapshots, read_headers
from .repository.snapshot import Header
from .storage.base import Storage


@dataclass(frozen=True)
class SnapshotInfo:
    """One snapshot of a listing. version: its position in time order, the newest the highest, counted from 1.

    header: None where it is damaged, and error says how. name and note need a key; without one they are empty.
    """

    ref: SnapshotRef
    version: int
    header: Header | None
    name: str | None = None
    note: str = ""
    error: str = ""

    def to_dict(self) -> dict:
        """In the words of the modules' RETURN."""
        value = {"id": self.ref.id, "version": f"v{self.version}", "name": self.name, "note": self.note, "error": self.error or None}
        if self.header is not None:
            fields = asdict(self.header)
            for name in ("kind", "scope", "created", "files", "bytes", "bytes_stored", "omissions", "excluded", "parent",
                         "openclaw_version", "chunks_new", "chunks_reused"):
                value[name] = fields[name]
            value["duration_s"] = self.header.duration_s
            value["packs"] = len(self.header.packs)
            value["complete"] = self.header.complete
        return value


def list_infos(repository: Repository, refs: list[SnapshotRef] | None = None) -> list[SnapshotInfo]:
    """All snapshots, oldest first, with their names. A damaged one is listed as such."""
    refs = repository.snapshots() if refs is None else refs
    headers = read_headers(repository.storage, refs)
    infos = []
    for version, ref in enumerate(refs, 1):
        header = headers[ref.id]
        if isinstance(header, EngineError):
            infos.append(SnapshotInfo(ref, version, None, error=header.message))
            continue
        try:
            name, note = repository.labels(header)
        except EngineError as exc:
            infos.append(SnapshotInfo(ref, version, None, error=exc.message))
            continue
        infos.append(SnapshotInfo(ref, version, header, name, note))
    return infos


def list_without_key(storage: Storage) -> list[SnapshotInfo]:
    """All snapshots, oldest first, as their plaintext headers describe them: no names or notes, and nothing authenticated."""
    refs = list_snapshots(storage)
    headers = read_headers(storage, refs)
    return [
        SnapshotInfo(ref, version, None, error=header.message) if isinstance(header, EngineError) else SnapshotInfo(ref, version, header)
        for version, (ref, header) in enumerate(((ref, headers[ref.id]) for ref in refs), 1)]


def described(infos: list[SnapshotInfo], storage: Storage, bundle: keys.WriterBundle | None = None) -> list[dict]:
    """A listing in the words of the modules' RETURN, with what verifications have said of each snapshot."""
    proven = verifications.newest_of_each(storage, [info.ref.id for info in infos], bundle)
    return [{**info.to_dict(), "verified": proven.get(info.ref.id)} for info in infos]


def labelled(repository: Repository, refs: list[SnapshotRef]) -> dict[str, str]:
    """The names of those snapshots that have one, by id."""
    return {info.ref.id: info.name for info in list_infos(repository, refs) if info.name}


def find(repository: Repository, wanted: str) -> SnapshotRef:
    """The snapshot that "latest", an id, "v3", a name or an unambiguous timestamp prefix means.

    EngineError "snapshot-missing" or "snapshot-ambiguous".
    """
    refs = repository.snapshots()
    return choose(refs, wanted, lambda: labelled(repository, refs), repository.storage.url)


def choose(refs: list[SnapshotRef], wanted: str, labels: Callable[[], dict[str, str]], where: str) -> SnapshotRef:
    """As find(), among snapshots already listed, oldest first. labels: gives names by id, called only where a name may be meant."""
    if not refs:
        raise EngineError("snapshot-missing", f"There is no snapshot at {where}", "Make a backup first.")
    if wanted == "latest":
        return refs[-1]
    if re.fullmatch(r"(?i)v\d{1,9}", wanted):
        version = int(wanted[1:])
        if 1 <= version <= len(refs):
            return refs[version - 1]
        raise EngineError("snapshot-missing", f"There is no snapshot {wanted}", f"The newest is v{len(refs)}.")
    prefix = re.sub(r"[-:]", "", wanted)
    matching = [ref for ref in refs if len(prefix) >= 4 and names.compact(ref.id).startswith(prefix)]
    if not matching:
        found = labels()
        matching = [ref for ref in refs if found.get(ref.id) == wanted]
    if len(matching) == 1:
        return matching[0]
    if matching:
        raise EngineError(
            "snapshot-ambiguous", f"{wanted!r} means {len(matching)} snapshots, {matching[0].id} among them", "Give more of the id.")
    raise EngineError("snapshot-missing", f"There is no snapshot {wanted!r}", "List the snapshots to see their ids, versions and names.")
