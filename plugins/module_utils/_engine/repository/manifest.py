# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""A manifest: the complete description of one snapshot, never a delta. This file is its encoding.

Plaintext of a snapshot's body: one line of JSON that lists sections, then the sections, each a zstd frame:
"meta" (JSON), "entries" (a line of JSON for each file, in walk order), "chunk_ids" and the columns of tables.py.

A manifest is distrusted even where it authenticates: a host whose key was stolen could have written it. So everything is
checked before it is used, sizes before memory is taken for them.
"""
# pylint: disable=unidiomatic-typecheck  # what was stored is distrusted: a bool is no number here, a subclass no text
from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from typing import Iterator

from .. import dependencies
from ..errors import EngineError
from . import crypto, entry_check, meta_check
from .entry_check import DIRECTORY, FILE, HARD_LINK, LINK, TYPES
from .tables import COLUMNS, ID_BYTES, Pack, Run, Tables, check, from_bytes, to_bytes

MAXIMUM_HEAD = 64 << 10
MAXIMUM_ENTRIES = 1 << 30
MAXIMUM_META = 64 << 20
_SLACK = 64 << 10
_LEVEL = 3
_DECODE = json.JSONDecoder().raw_decode
_ENCODE = json.JSONEncoder(separators=(",", ":"), ensure_ascii=True).encode
__all__ = ("DIRECTORY", "FILE", "HARD_LINK", "LINK", "TYPES", "Entry", "EntryWriter", "Manifest", "encode", "entry_of_line")


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
        if self.type != HARD_LINK:
            value["changed"] = self.changed
        if self.type == FILE:
            value.update(inode=self.inode, size=self.size, digest=self.digest, chunk_size=self.chunk_size)
            value["chunks"] = [run if run.step != 1 else run[:2] for run in self.runs]
        elif self.type == LINK:
            value.update(changed=self.changed, target=self.target)
        elif self.type == HARD_LINK:
            value["target"] = self.target
        for name in ("sparse", "unstable"):
            if getattr(self, name):
                value[name] = True
        if self.xattrs:
            value["xattrs"] = {name: base64.b64encode(content).decode() for name, content in self.xattrs.items()}
        if self.database is not None:
            value["database"] = self.database
        return _ENCODE(value)


def entry_of_line(line: bytes, chunk_count: int | None = None) -> Entry:
    """The entry of a line, every field of it checked, or ValueError.

    chunk_count: how many chunks there are to name; None for a line that was checked before.
    """
    if chunk_count is None:
        value = _DECODE(line.decode("ascii"))[0]
    else:
        value = crypto.parse(line, entry_check.MAXIMUM_LINE)
        entry_check.check(value, chunk_count)
    get = value.get
    return Entry(
        value["path"], value["type"], value["mode"], value["uid"], value["gid"], value["modified"],
        get("changed", 0), get("inode", 0), get("size", 0), get("digest", ""), [Run(*run) for run in get("chunks", ())],
        get("chunk_size", 0), get("target", ""), get("sparse", False), get("unstable", False),
        {name: base64.b64decode(content) for name, content in get("xattrs", {}).items()}, get("database"))


class EntryWriter:
    """Compresses lines as they come, so that a manifest in the making stays small."""

    def __init__(self) -> None:
        self._order = entry_check.Order()
        self._compressor = dependencies.zstd().ZstdCompressor(level=_LEVEL)
        self._pending: list[str] = []
        self._parts: list[bytes] = []
        self.length = 0

    def add(self, entry: Entry) -> None:
        """Append an entry. EngineError "snapshot-inconsistent": what no reader would accept is never written."""
        line = entry.to_line()
        try:
            self._order.see(entry.path, entry.type, entry.target)
            if len(line) > entry_check.MAXIMUM_LINE:
                raise ValueError(f"the description of {entry.path!r} is too long")
        except ValueError as exc:
            raise EngineError(
                "snapshot-inconsistent", f"This backup would not restore: {exc}",
                "Please report this with the layout of the directories named.") from exc
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
    """The plaintext of a snapshot's body. Packs and sealed keys of the tables go into the meta section.

    EngineError "snapshot-too-large", "snapshot-inconsistent".
    """
    compress, listed = dependencies.zstd().compress, entries.finish()
    meta = {**meta, "packs": [list(pack) for pack in tables.packs], "keys": [base64.b64encode(key).decode() for key in tables.keys]}
    try:
        meta_check.check(json.loads(_ENCODE(meta)))
        check(tables)
    except ValueError as exc:
        raise EngineError(
            "snapshot-inconsistent", f"This backup would not restore: {exc}", "Please report this with what the message says.") from exc
    plain = [("meta", _ENCODE(meta).encode()), ("chunk_ids", bytes(tables.chunk_ids))]
    plain += [(name, to_bytes(getattr(tables, name))) for name in COLUMNS]
    if entries.length > MAXIMUM_ENTRIES or len(plain[0][1]) > MAXIMUM_META:
        raise EngineError(
            "snapshot-too-large", f"The list of files takes {entries.length:,} bytes and the rest of the description {len(plain[0][1]):,}; "
            f"{MAXIMUM_ENTRIES:,} and {MAXIMUM_META:,} are the limits", "Exclude directories with very many files.")
    sections = [("entries", listed, entries.length)]
    sections += [(name, compress(data, _LEVEL), len(data)) for name, data in plain]
    head = _ENCODE({"format": 1, "sections": [[name, len(data), length] for name, data, length in sections]}).encode()
    return b"".join([head, b"\n", *(data for _name, data, _length in sections)])


class Manifest:
    """A decoded manifest: meta and tables at once, entries as they are asked for.

    Construction and entries() raise ValueError for anything that is not as encode() made it.
    """

    def __init__(self, plaintext: bytes) -> None:
        end = plaintext.find(b"\n", 0, MAXIMUM_HEAD)
        head = crypto.parse(plaintext[:max(end, 0)])
        if type(head) is not dict or type(head.get("format")) is not int or head["format"] != 1 or type(head.get("sections")) is not list:
            raise ValueError("its manifest is of another format")
        self._checked = False  # whether all entries have been checked once
        self._sections: dict[str, tuple[memoryview, int]] = {}
        position, view = end + 1, memoryview(plaintext)
        for section in head["sections"]:
            if type(section) is not list or list(map(type, section)) != [str, int, int] or section[0] in self._sections:
                raise ValueError("its list of sections is broken")
            name, stored, length = section
            if min(stored, length) < 0 or position + stored > len(view):
                raise ValueError("its sections do not fit")
            self._sections[name] = view[position:position + stored], length
            position += stored
        if position != len(view):
            raise ValueError("there is more after its last section")
        self.tables = self._tables()
        self.meta: dict = crypto.parse(self._section("meta", MAXIMUM_META), MAXIMUM_META)
        meta_check.check(self.meta)
        self._add_packs()
        check(self.tables)

    def _section(self, name: str, limit: int) -> bytes:
        return b"".join(self._stream(name, limit))

    def _stream(self, name: str, limit: int) -> Iterator[bytes]:
        if name not in self._sections:
            raise ValueError(f"it has no section {name}")
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
        if total != length or not decompressor.eof or decompressor.unused_data:
            raise ValueError(f"section {name} has another length than it says")

    def _tables(self) -> Tables:
        # Ids do not compress, and every other column has at most as many rows as there are ids: so nothing here can
        # take more memory than some multiple of what is stored.
        ids = self._section("chunk_ids", 2 * len(self._sections["chunk_ids"][0]) + _SLACK if "chunk_ids" in self._sections else 0)
        tables = Tables(chunk_ids=bytearray(ids))
        for name in COLUMNS:
            setattr(tables, name, from_bytes(self._section(name, len(ids) // ID_BYTES * 4)))
        return tables

    def _add_packs(self) -> None:
        packs, keys = self.meta.get("packs"), self.meta.get("keys")
        if type(packs) is not list or type(keys) is not list or not all(type(pack) is list and len(pack) == 3 for pack in packs):
            raise ValueError("its pack table is broken")
        for pack, size, key in packs:
            if not crypto.is_hex(pack, 32) or type(size) is not int or type(key) is not int:
                raise ValueError("it names a pack that cannot be")
        self.tables.packs = [Pack(*pack) for pack in packs]
        self.tables.keys = [crypto.binary({"key": key}, "key", crypto.KEY_BYTES + crypto.SEALED_BYTES) for key in keys]

    def lines(self) -> Iterator[bytes]:
        """The raw lines of all entries, in walk order. entries_and_lines() checks them."""
        rest = b""
        for part in self._stream("entries", MAXIMUM_ENTRIES):
            *whole, rest = (rest + part).split(b"\n")
            yield from whole
            if len(rest) > entry_check.MAXIMUM_LINE:
                raise ValueError("an entry is too long")
        if rest:
            raise ValueError("its last entry is cut short")

    def entries_and_lines(self) -> Iterator[tuple[Entry, bytes]]:
        """All entries with their lines, in walk order, checked one by one and against each other."""
        if self._checked:
            for line in self.lines():
                yield entry_of_line(line), line
            return
        chunks, lengths, order = self.tables.chunk_count, self.tables.chunk_length, entry_check.Order()
        for line in self.lines():
            entry = entry_of_line(line, chunks)
            order.see(entry.path, entry.type, entry.target)
            if entry.type == FILE:
                entry_check.check_content(entry, lengths)
            yield entry, line
        self._checked = True

    def forget_entries(self) -> None:
        """Once nobody needs them: another manifest is about to be put together, and memory is bounded."""
        self._sections.clear()

    def entries(self) -> Iterator[Entry]:
        """All entries, in walk order, checked."""
        for entry, _line in self.entries_and_lines():
            yield entry
