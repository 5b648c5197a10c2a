# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""A manifest: the complete description of one snapshot, never a delta. This file is its encoding.

Plaintext of a snapshot's body: one line of JSON that lists sections, then the sections, each a zstd frame:
"meta" (JSON), "entries" (a line of JSON for each file, in walk order), "chunk_ids" and the columns of tables.py.
"""
from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass, field
from typing import Iterator

from .. import dependencies
from .tables import COLUMNS, MAXIMUM_ROWS, ID_BYTES, Pack, Run, Tables, check, from_bytes, to_bytes

FILE, DIRECTORY, LINK, HARD_LINK = "file", "directory", "link", "hard-link"
TYPES = (FILE, DIRECTORY, LINK, HARD_LINK)
MAXIMUM_SECTION = 4 << 30
MAXIMUM_META = 256 << 20
_LEVEL = 3
_ENCODE = json.JSONEncoder(separators=(",", ":"), ensure_ascii=True).encode


@dataclass
class Entry:
    """One file system object. Times in nanoseconds since 1970 UTC; path absolute, odd bytes as surrogates.

    target: of a symbolic link, its text; of a hard link, the path of the entry that holds the content.
    digest: BLAKE3-256 of the content, in hexadecimal. runs: its chunks. chunk_size: what it was cut at, in bytes.
    xattrs: name to bytes. database: what was found out about a SQLite database. unstable: it changed while it was read.
    """

    path: str
    type: str
    mode: int
    uid: int
    gid: int
    modified: int
    changed: int = 0
    inode: int = 0
    size: int = 0
    digest: str = ""
    runs: list[Run] = field(default_factory=list)
    chunk_size: int = 0
    target: str = ""
    sparse: bool = False
    unstable: bool = False
    xattrs: dict[str, bytes] = field(default_factory=dict)
    database: dict | None = None

    def to_line(self) -> str:
        """This entry as a line of JSON, without a newline."""
        value = {"path": self.path, "type": self.type, "mode": self.mode, "uid": self.uid, "gid": self.gid, "modified": self.modified}
        if self.type == FILE:
            value.update(changed=self.changed, inode=self.inode, size=self.size, digest=self.digest, chunk_size=self.chunk_size)
            value["chunks"] = [run if run.step != 1 else run[:2] for run in self.runs]
        elif self.type != DIRECTORY:
            value["target"] = self.target
        for name in ("sparse", "unstable"):
            if getattr(self, name):
                value[name] = True
        if self.xattrs:
            value["xattrs"] = {name: base64.b64encode(content).decode() for name, content in self.xattrs.items()}
        if self.database is not None:
            value["database"] = self.database
        return _ENCODE(value)


def _whole(value: dict, name: str, limit: int = 1 << 63) -> int:
    number = value.get(name, 0)
    if type(number) is not int or not -limit <= number < limit:
        raise ValueError(f"{name} is not a number in its bounds")
    return number


def entry_of_line(line: bytes | str, chunk_count: int) -> Entry:
    """The entry of a line, everything about it checked, or ValueError."""
    value = json.loads(line)
    if type(value) is not dict or value.get("type") not in TYPES or type(value.get("path")) is not str:
        raise ValueError("an entry has no path or an unknown type")
    path = value["path"]
    if not path.startswith("/") or "\x00" in path or (path != "/" and any(part in ("", ".", "..") for part in path[1:].split("/"))):
        raise ValueError(f"an entry's path is not a clean absolute path: {path!r}")
    runs = []
    for run in value.get("chunks", ()):
        first, count, step = run if len(run) == 3 else (*run, 1)
        if type(first) is not int or type(count) is not int or step not in (0, 1) or first < 0 or count < 1:
            raise ValueError(f"{path!r} has a broken list of chunks")
        if first + (count if step else 1) > chunk_count or count > MAXIMUM_ROWS:
            raise ValueError(f"{path!r} names chunks that are not there")
        runs.append(Run(first, count, step))
    target, digest, database = value.get("target", ""), value.get("digest", ""), value.get("database")
    if type(target) is not str or "\x00" in target or type(digest) is not str or not (database is None or type(database) is dict):
        raise ValueError(f"{path!r} has a field of a wrong type")
    try:
        xattrs = {str(name): base64.b64decode(content, validate=True) for name, content in value.get("xattrs", {}).items()}
    except (binascii.Error, TypeError, AttributeError) as exc:
        raise ValueError(f"{path!r} has broken extended attributes") from exc
    return Entry(
        path, value["type"], _whole(value, "mode", 1 << 16), _whole(value, "uid", 1 << 32), _whole(value, "gid", 1 << 32),
        _whole(value, "modified"), _whole(value, "changed"), _whole(value, "inode", 1 << 64), _whole(value, "size"), digest, runs,
        _whole(value, "chunk_size", 1 << 32), target, bool(value.get("sparse")), bool(value.get("unstable")), xattrs, database)


class EntryWriter:
    """Compresses lines as they come, so that a manifest in the making stays small."""

    def __init__(self) -> None:
        self._compressor = dependencies.zstd().ZstdCompressor(level=_LEVEL)
        self._pending: list[str] = []
        self._parts: list[bytes] = []
        self.length = 0

    def add(self, line: str) -> None:
        """Append one line."""
        self._pending.append(line)
        if len(self._pending) >= 2000:
            self._flush()

    def _flush(self) -> None:
        if self._pending:
            data = ("\n".join(self._pending) + "\n").encode()
            self._pending.clear()
            self.length += len(data)
            self._parts.append(self._compressor.compress(data))

    def finish(self) -> bytes:
        """The section."""
        self._flush()
        self._parts.append(self._compressor.flush())
        return b"".join(self._parts)


def encode(meta: dict, entries: EntryWriter, tables: Tables) -> bytes:
    """The plaintext of a snapshot's body. Packs and sealed keys of the tables go into the meta section."""
    compress = dependencies.zstd().compress
    meta = {**meta, "packs": [list(pack) for pack in tables.packs], "keys": [base64.b64encode(key).decode() for key in tables.keys]}
    plain = [("meta", _ENCODE(meta).encode()), ("chunk_ids", bytes(tables.chunk_ids))]
    plain += [(name, to_bytes(getattr(tables, name))) for name in COLUMNS]
    sections = [("entries", entries.finish(), entries.length)] + [(name, compress(data, _LEVEL), len(data)) for name, data in plain]
    head = _ENCODE({"format": 1, "sections": [[name, len(data), length] for name, data, length in sections]}).encode()
    return b"".join([head, b"\n", *(data for _name, data, _length in sections)])


class Manifest:
    """A decoded manifest: meta and tables at once, entries as they are asked for.

    Construction and entries() raise ValueError for anything that is not as encode() made it.
    """

    def __init__(self, plaintext: bytes) -> None:
        end = plaintext.index(b"\n")
        head = json.loads(plaintext[:end])
        if head.get("format") != 1:
            raise ValueError(f"its manifest has format {head.get('format')!r}")
        self._sections: dict[str, tuple[memoryview, int]] = {}
        position, view = end + 1, memoryview(plaintext)
        for name, stored, length in head["sections"]:
            if type(stored) is not int or type(length) is not int or min(stored, length) < 0 or position + stored > len(view):
                raise ValueError("its sections do not fit")
            self._sections[name] = view[position:position + stored], length
            position += stored
        self.meta: dict = json.loads(self._section("meta", MAXIMUM_META))
        self.tables = self._tables()

    def _section(self, name: str, limit: int) -> bytes:
        if name not in self._sections:
            raise ValueError(f"it has no section {name}")
        return b"".join(self._stream(name, limit))

    def _stream(self, name: str, limit: int) -> Iterator[bytes]:
        data, length = self._sections[name]
        if length > limit:
            raise ValueError(f"section {name} says it is too large")
        zstd = dependencies.zstd()
        decompressor, total, fed = zstd.ZstdDecompressor(), 0, data
        while not decompressor.eof:
            try:
                part = decompressor.decompress(fed, min(1 << 20, length - total + 1))
            except zstd.ZstdError as exc:
                raise ValueError(f"section {name} does not decompress") from exc
            if not part and decompressor.needs_input:
                break
            fed, total = b"", total + len(part)
            if total > length:
                break
            yield part
        if total != length or not decompressor.eof:
            raise ValueError(f"section {name} has another length than it says")

    def _tables(self) -> Tables:
        tables = Tables(chunk_ids=bytearray(self._section("chunk_ids", ID_BYTES * MAXIMUM_ROWS)))
        for name in COLUMNS:
            setattr(tables, name, from_bytes(self._section(name, 4 * MAXIMUM_ROWS)))
        try:
            tables.packs = [Pack(str(pack), int(size), int(key)) for pack, size, key in self.meta["packs"]]
            tables.keys = [base64.b64decode(key, validate=True) for key in self.meta["keys"]]
        except (KeyError, TypeError, binascii.Error) as exc:
            raise ValueError("its pack table is broken") from exc
        if any(len(pack.pack) != 32 or pack.pack.strip("0123456789abcdef") for pack in tables.packs):
            raise ValueError("it names a pack that cannot be")
        check(tables)
        return tables

    def lines(self) -> Iterator[bytes]:
        """The raw lines of all entries, in walk order."""
        rest = b""
        if "entries" not in self._sections:
            raise ValueError("it has no section entries")
        for part in self._stream("entries", MAXIMUM_SECTION):
            *whole, rest = (rest + part).split(b"\n")
            yield from whole
        if rest:
            raise ValueError("its last entry is cut short")

    def entries(self) -> Iterator[Entry]:
        """All entries, in walk order."""
        chunks = self.tables.chunk_count
        for line in self.lines():
            yield entry_of_line(line, chunks)
