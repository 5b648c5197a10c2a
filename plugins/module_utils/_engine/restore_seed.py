# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""What an earlier restore of the same repository left on this host, used up by the next one: only what differs is read anew.

A move to another host restores while the old gateway still works, and once more when it has stopped: the second time most
content is here already. Files move from the one tree into the other; of a file that has changed, only other chunks are read.
"""
from __future__ import annotations

import json
import os
import shutil
import stat
from typing import Callable

from .errors import EngineError
from .packed_rows import PackedRows
from .repository.manifest import FILE, Entry, Manifest, entry_of_line
from .repository.repository import Repository
from .repository.tables import ID_BYTES, Tables, numbers
from .restore_tree import Tree
from .snapshots import find

RECORD = ".openclaw-restored.json"


def read_record(directory: str) -> dict | None:
    """What a restore into this directory has noted of itself, or None."""
    try:
        with open(os.path.join(directory, RECORD), encoding="utf-8") as stream:
            record = json.load(stream)
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) and isinstance(record.get("folded"), dict) else None


def open_seed(repository: Repository, directory: str, placed: Callable[[str], str]) -> "Seed | None":
    """The tree of an earlier whole restore; None where there is none of this repository, or its snapshot is gone.

    placed: where what was captured at a path goes in the restore to come; in the seed it lies where it was captured.
    """
    record = read_record(directory)
    if record is None or record.get("repository") != repository.id or record.get("paths") or record.get("components"):
        return None
    try:
        manifest = repository.load(find(repository, str(record.get("snapshot"))))[1]
        return Seed(directory, manifest, frozenset(record["folded"]), placed)
    except (EngineError, ValueError):
        return None  # it only saves work


class Seed:
    """Hands over files, once begin() was called. bytes: how much content it holds. taken: new paths of files that were handed over."""

    def __init__(self, directory: str, manifest: Manifest, folded: frozenset[str], placed: Callable[[str], str]) -> None:
        self._directory, self._tables, self._tree = directory, manifest.tables, None
        self._lines, self._number = PackedRows(), {}
        self.bytes, self.taken = 0, set()
        for entry, line in manifest.entries_and_lines():
            if entry.type == FILE and not entry.sparse and entry.path not in folded:
                self._number[placed(entry.path)] = len(self._lines)
                self._lines.append(line.decode())
                self.bytes += entry.size

    def begin(self) -> None:
        """From now on it is not a whole restore any more, and says so. OSError."""
        os.unlink(os.path.join(self._directory, RECORD))
        self._tree = Tree(self._directory)

    def end(self) -> None:
        """Remove what was not handed over."""
        if self._tree is not None:
            self._tree.close()
        shutil.rmtree(self._directory, ignore_errors=True)

    def take(self, entry: Entry, tables: Tables, into: Tree) -> "frozenset[int] | None":
        """Move a file to its place in another tree: the positions in its list of chunks that are still to be written.

        None: there is nothing to be had for it, and nothing was moved.
        """
        number = self._number.get(entry.path)
        if number is None or entry.sparse or not entry.size:
            return None
        known = entry_of_line(self._lines[number].encode())
        missing = _missing(known, self._tables, entry, tables)
        if missing is None or not self._is_untouched(known):
            return None
        try:
            self._tree.move(known.path, into, entry.path)
        except OSError:
            return None  # another file system
        self.taken.add(entry.path)
        return missing

    def _is_untouched(self, known: Entry) -> bool:
        try:
            found = self._tree.lstat(known.path)
        except OSError:
            return False
        return (found is not None and stat.S_ISREG(found.st_mode) and found.st_nlink == 1
                and (found.st_size, found.st_mtime_ns) == (known.size, known.modified))


def _missing(known: Entry, known_tables: Tables, entry: Entry, tables: Tables) -> "frozenset[int] | None":
    """The positions of chunks that the known file does not have there; None if it has none of them."""
    if known.digest == entry.digest and known.size == entry.size:
        return frozenset()
    if known.chunk_size != entry.chunk_size:
        return None
    here, there = list(numbers(known.runs)), list(numbers(entry.runs))
    missing = frozenset(
        place for place, chunk in enumerate(there)
        if place >= len(here) or _chunk_id(known_tables, here[place]) != _chunk_id(tables, chunk))
    return missing if len(missing) < len(there) else None


def _chunk_id(tables: Tables, chunk: int) -> bytes:
    return bytes(tables.chunk_ids[chunk * ID_BYTES:(chunk + 1) * ID_BYTES])
