# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""What a restore left behind, so that the same one again finds nothing to do.

A restored state is not byte for byte the snapshot: logs of databases are folded in, paths are rewritten, and the gateway
writes at its start. So a note is kept of every file that is not as captured once the restore is over. A file counts as
unchanged while it is as captured, or as noted by this very restore. Of the databases in `<state directory>/state/`, in which a
running gateway notes its boots and leases all the time, the note says nothing: they count as unchanged.
"""
from __future__ import annotations

import os
from dataclasses import dataclass, field

from ..capture.paths import inside
from ..capture.sqlite import SIDECARS
from ..capture.walk import Row
from ..repository.manifest import FILE, LINK, Entry
from . import journal

NAME = "in-place.json"
_DATABASES = (".sqlite", *(f".sqlite{suffix}" for suffix in SIDECARS))


@dataclass
class Noted:
    """files: path → [size, mtime] of files that were not as captured. restored: whether this very restore was done here."""

    restored: bool = False
    directory: str = ""
    files: dict[str, list[int]] = field(default_factory=dict)

    def same(self, path: str, row: Row | None) -> bool:
        """Whether a path is as the restore left it."""
        if not self.restored:
            return False
        if inside(path, self.directory) and path.endswith(_DATABASES):
            return True
        return row is not None and self.files.get(path) == [row.size, row.modified]


def read(directory: str, request: dict, state_dir: str) -> Noted:
    """The note beside the journal, as far as it is about this restore. EngineError "restore-journal-unusable"."""
    found = journal.read_json(f"{directory}/{NAME}")
    if not found or found.get("request") != request or not isinstance(found.get("files"), dict):
        return Noted()
    return Noted(True, f"{state_dir}/state", found["files"])


def write(directory: str, request: dict, files: dict[str, list[int]]) -> None:
    """Replace the note. EngineError "restore-place-not-writable"."""
    journal.write_json(f"{directory}/{NAME}", {"request": request, "files": files})


def as_captured(entry: Entry, row: Row) -> bool:
    """Whether what is there has the size, time, mode and owner that the snapshot has, or is the same link."""
    if os.geteuid() == 0 and (row.uid, row.gid) != (entry.uid, entry.gid):
        return False
    if entry.type == LINK:
        try:
            return os.readlink(row.path) == entry.target
        except OSError:
            return False
    if entry.type == FILE:
        return row.is_file and (row.size, row.modified, row.mode & 0o1777) == (entry.size, entry.modified, entry.mode & 0o1777)
    return row.is_file
