# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""What an entry of a manifest may say. Entries are distrusted: whatever is not plainly right is refused (docs/format.md)."""
# pylint: disable=unidiomatic-typecheck  # what was stored is distrusted: a bool is no number here, a subclass no text
from __future__ import annotations

import base64
from array import array

FILE, DIRECTORY, LINK, HARD_LINK = "file", "directory", "link", "hard-link"
TYPES = (FILE, DIRECTORY, LINK, HARD_LINK)
MAXIMUM_LINE = 64 << 20  # bytes
MAXIMUM_PATH = 1 << 16  # characters; Linux takes 4,096 bytes in one call
SMALLEST_CHUNK, LARGEST_CHUNK = 16 << 10, 1 << 20
MAXIMUM_MODE = 0o7777
_MOST = 1 << 63
_COMMON = frozenset(("path", "type", "mode", "uid", "gid", "modified"))
_REQUIRED = {
    DIRECTORY: _COMMON,
    FILE: _COMMON | {"changed", "inode", "size", "digest", "chunk_size", "chunks"},
    LINK: _COMMON | {"changed", "target"},
    HARD_LINK: _COMMON | {"target"},
}
_RANGES = {  # from, below
    "mode": (0, MAXIMUM_MODE + 1), "uid": (0, (1 << 32) - 1), "gid": (0, (1 << 32) - 1),
    "modified": (-_MOST, _MOST), "changed": (-_MOST, _MOST), "inode": (0, 1 << 64),
    "size": (0, _MOST), "chunk_size": (SMALLEST_CHUNK, LARGEST_CHUNK + 1),
}
_NUMBERS = {kind: tuple((name, *_RANGES[name]) for name in sorted(names & _RANGES.keys())) for kind, names in _REQUIRED.items()}
_HEX = "0123456789abcdef"


def check(value, chunk_count: int) -> None:
    """ValueError unless value can be an entry. Fields that this version does not know are let pass."""
    kind = value.get("type") if type(value) is dict else None
    if type(kind) is not str or kind not in TYPES or not _REQUIRED[kind] <= value.keys():
        raise ValueError("an entry has an unknown type, or lacks a field")
    path = value["path"]
    check_path(path)
    for name, low, end in _NUMBERS[kind]:
        number = value[name]
        if type(number) is not int or not low <= number < end:
            raise ValueError(f"{path!r} has a {name} that cannot be")
    if kind == FILE:
        _check_file(path, value)
        _check_runs(path, value["chunks"], chunk_count)
    elif kind == LINK:
        target = value["target"]
        if not _is_text_of_bytes(target) or not target or "\x00" in target:
            raise ValueError(f"{path!r} points at nothing that can be")
    elif kind == HARD_LINK:
        check_path(value["target"])
    if path == "/" and kind != DIRECTORY:
        raise ValueError("the root is no directory")
    if "xattrs" in value:
        _check_xattrs(path, value["xattrs"])


def check_path(path) -> None:
    """ValueError unless this is a clean absolute path, spelled in the one way that its bytes have."""
    if type(path) is not str or not path.startswith("/") or "\x00" in path or len(path) > MAXIMUM_PATH or not _is_text_of_bytes(path):
        raise ValueError(f"{str(path)[:200]!r} is no path")
    if path != "/" and ("//" in path or path.endswith(("/", "/.", "/..")) or "/./" in path or "/../" in path):
        raise ValueError(f"{path[:200]!r} is not a clean path")


def _is_text_of_bytes(text) -> bool:
    """Whether text is what os.fsdecode() makes of some bytes: two spellings of one name would be two entries for one file."""
    if type(text) is not str:
        return False
    if text.isascii():
        return True
    try:
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape") == text
    except UnicodeEncodeError:
        return False


def _check_file(path: str, value: dict) -> None:
    digest, database = value["digest"], value.get("database")
    if type(digest) is not str or len(digest) != 64 or digest.strip(_HEX):
        raise ValueError(f"{path!r} has a digest that is none")
    if value["chunk_size"] & (value["chunk_size"] - 1):
        raise ValueError(f"{path!r} has a chunk_size that is no power of two")
    if type(value.get("sparse", False)) is not bool or type(value.get("unstable", False)) is not bool:
        raise ValueError(f"{path!r} has a mark that is neither true nor false")
    if "database" in value:
        _check_database(path, database)


def _check_runs(path: str, runs, chunk_count: int) -> None:
    """Runs of chunk numbers: [first, count], or [first, count, 0] for one chunk repeated."""
    if type(runs) is not list:
        raise ValueError(f"{path!r} has a broken list of chunks")
    for run in runs:
        if type(run) is not list or not 2 <= len(run) <= 3 or any(type(number) is not int for number in run):
            raise ValueError(f"{path!r} has a broken list of chunks")
        if run[0] < 0 or run[1] < 1 or len(run) == 3 and run[2] != 0:
            raise ValueError(f"{path!r} has a broken list of chunks")
        if run[0] + (run[1] if len(run) == 2 else 1) > chunk_count:
            raise ValueError(f"{path!r} names chunks that are not there")


def _check_database(path: str, database) -> None:
    """Either the part of a database that its WAL or journal is, or what was found out about the database."""
    if type(database) is not dict:
        raise ValueError(f"{path!r} has broken facts about a database")
    if "part_of" in database:
        if path not in [f"{database['part_of']}{suffix}" for suffix in ("-wal", "-journal")]:
            raise ValueError(f"{path!r} is no part of the database that it names")
        return
    rows = database.get("rows", {})
    if type(database.get("mode")) is not str or type(database.get("quick_check")) is not str or type(rows) is not dict:
        raise ValueError(f"{path!r} has broken facts about a database")
    if any(type(count) is not int for count in rows.values()) or type(database.get("disk_size")) is not int:
        raise ValueError(f"{path!r} has broken facts about a database")
    for name, kind in (("wal", int), ("journal", int), ("sidecars", str)):
        found = database.get(name)
        if found is not None and (type(found) is not list or any(type(item) is not kind for item in found)):
            raise ValueError(f"{path!r} has broken facts about a database")


def _check_xattrs(path: str, xattrs) -> None:
    if type(xattrs) is not dict:
        raise ValueError(f"{path!r} has broken extended attributes")
    for name, content in xattrs.items():
        if not name or "\x00" in name or not _is_text_of_bytes(name) or type(content) is not str:
            raise ValueError(f"{path!r} has broken extended attributes")
        try:
            base64.b64decode(content, validate=True)
        except ValueError as exc:
            raise ValueError(f"{path!r} has broken extended attributes") from exc


def check_content(entry, lengths: array) -> None:
    """ValueError unless an entry's chunks are its size cut at its chunk_size. lengths: of all chunks; runs are within it.

    This also bounds the work and memory that content takes: no file has more chunks than size / SMALLEST_CHUNK.
    """
    count = sum(run[1] for run in entry.runs)
    if count != -(-entry.size // entry.chunk_size):
        raise ValueError(f"{entry.path!r} has {count} chunks, which is not its size")
    if not count:
        return
    full, last = entry.chunk_size, entry.size - (count - 1) * entry.chunk_size
    for index, (first, many, step) in enumerate(entry.runs):
        if index == len(entry.runs) - 1:
            many -= 1
            if lengths[first + (many if step else 0)] != last:
                raise ValueError(f"{entry.path!r} has chunks that do not add up to its size")
        if (lengths[first:first + many].count(full) if step else many * (lengths[first] == full)) != many:
            raise ValueError(f"{entry.path!r} has a chunk of another size than its chunk_size")


class Order:
    """Sees entries one after the other: paths in walk order, none twice, none below anything but a directory."""

    def __init__(self) -> None:
        self._key, self._leaf = "", ""

    def see(self, path: str, kind: str, target: str = "") -> None:
        """ValueError if this entry cannot follow the ones before."""
        key = path.replace("/", "\x00")
        if key <= self._key:
            raise ValueError(f"{path!r} is not in order, or there twice")
        if self._leaf and key.startswith(self._leaf):
            raise ValueError(f"{path!r} lies below something that is no directory")
        if kind == HARD_LINK and target.replace("/", "\x00") >= key:
            raise ValueError(f"{path!r} is another name of something that does not come before it")
        self._key = key
        # Whatever lies below an object follows it at once in this order.
        self._leaf = "" if kind == DIRECTORY else key + "\x00"
