# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""Walks the roots of an instance: what is there, without opening any file."""
from __future__ import annotations

import os
import stat
import struct
from collections import Counter
from dataclasses import dataclass, field
from typing import Callable, Iterable, Iterator, NamedTuple

from ..errors import EngineError

_ROW = struct.Struct("<IIIIqqqQQQ")


class Row(NamedTuple):
    """One file system object as lstat found it. Times in nanoseconds; blocks of 512 bytes."""

    path: str
    mode: int
    uid: int
    gid: int
    links: int
    size: int
    modified: int
    changed: int
    inode: int
    blocks: int
    device: int

    @property
    def identity(self) -> tuple[int, int]:
        """What all names of one file have in common. Inodes alone repeat from one file system to another."""
        return self.device, self.inode

    @property
    def is_file(self) -> bool:
        return stat.S_ISREG(self.mode)

    @property
    def is_directory(self) -> bool:
        return stat.S_ISDIR(self.mode)


def row_of(path: str, found: os.stat_result) -> Row:
    """A row from a stat result."""
    return Row(
        path, found.st_mode, found.st_uid, found.st_gid, found.st_nlink, found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino,
        found.st_blocks, found.st_dev)


def order_key(path: str) -> str:
    """Sorts paths in walk order: a directory's content before whatever follows the directory."""
    return path.replace("/", "\x00")


@dataclass
class Scan:
    """What a walk found, in walk order. Rows are kept packed: 150,000 of them take about 30 MB.

    omissions: (path, reason). excluded: how many objects each rule left out, a directory counting once.
    """

    omissions: list[tuple[str, str]] = field(default_factory=list)
    excluded: Counter = field(default_factory=Counter)
    specials: list[str] = field(default_factory=list)
    files: int = 0
    bytes: int = 0
    _rows: list[bytes] = field(default_factory=list)

    def add(self, row: Row) -> None:
        """Append a row."""
        self._rows.append(_ROW.pack(*row[1:]) + os.fsencode(row.path))
        if row.is_file:
            self.files += 1
            self.bytes += row.size

    def sort(self) -> None:
        """Put the rows in walk order."""
        self._rows.sort(key=lambda packed: order_key(os.fsdecode(packed[_ROW.size:])))

    def clear(self) -> None:
        """Forget the rows, once nobody needs them: a manifest is about to be put together, and memory is bounded."""
        self._rows.clear()

    def __len__(self) -> int:
        return len(self._rows)

    def rows(self) -> Iterator[Row]:
        """All rows, in walk order."""
        size, unpack, decode = _ROW.size, _ROW.unpack_from, os.fsdecode
        for packed in self._rows:
            yield Row(decode(packed[size:]), *unpack(packed))


@dataclass(frozen=True)
class Rules:
    """What a walk leaves out. reason(path, is_directory): None to keep, else the name of the rule.

    descend(path): whether an excluded directory holds protected things and is walked all the same.
    cut: paths that belong to something else and are not even counted.
    """

    reason: Callable[[str, bool], "str | None"] = lambda path, is_directory: None
    descend: Callable[[str], bool] = lambda path: False
    cut: frozenset = frozenset()


def walk(roots: Iterable[str], rules: Rules) -> Scan:
    """Walk roots. A root that is not there is the caller's to report before; here it is an omission.

    A root inside another is walked with that one, or by itself where a rule leaves it out there.
    """
    scan, wanted = Scan(), set(roots)
    # A root that is a link to a directory stands for both.
    wanted |= {os.path.realpath(root) for root in wanted if os.path.islink(root) and os.path.isdir(root)}
    reached: set[str] = set()
    late = False
    for root in sorted(wanted, key=order_key):
        if root in reached:
            continue
        late = late or any((root + "/").startswith(other.rstrip("/") + "/") for other in reached)
        try:
            _visit(scan, row_of(root, os.lstat(root)), rules, wanted, reached)
        except OSError as exc:
            scan.omissions.append((root, omission_reason(exc)))
    if late:
        scan.sort()
    return scan


def _visit(scan: Scan, row: Row, rules: Rules, wanted: set[str], reached: set[str]) -> None:
    """Add an object and, where it is a directory, everything below it. Iterative: depth has no limit but the paths'."""
    pending = [row]
    while pending:
        row = pending.pop()
        if row.path in wanted:
            if row.path in reached:
                continue
            reached.add(row.path)
        kind = stat.S_IFMT(row.mode)
        if kind not in (stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK):
            scan.specials.append(row.path)
            continue
        scan.add(row)
        if kind == stat.S_IFDIR:
            pending.extend(_children(scan, row.path, rules))


def _children(scan: Scan, directory: str, rules: Rules) -> list[Row]:
    """What is kept of a directory, last name first."""
    kept = []
    try:
        with os.scandir(directory) as listing:
            for item in listing:
                if item.path in rules.cut:
                    continue
                is_directory = item.is_dir(follow_symlinks=False)
                reason = rules.reason(item.path, is_directory)
                if reason is not None and not (is_directory and rules.descend(item.path)):
                    scan.excluded[reason] += 1
                    continue
                try:
                    kept.append(row_of(item.path, item.stat(follow_symlinks=False)))
                except FileNotFoundError:
                    scan.omissions.append((item.path, "vanished"))
    except OSError as exc:
        scan.omissions.append((directory, omission_reason(exc)))
    kept.sort(key=lambda row: row.path, reverse=True)
    return kept


def omission_reason(exc: OSError) -> str:
    """Why something is omitted, in a word that docs/what-is-backed-up.md explains."""
    if isinstance(exc, FileNotFoundError):
        return "vanished"
    if isinstance(exc, PermissionError):
        return "no-permission"
    if isinstance(exc, NotADirectoryError):
        return "vanished"
    return f"read-error: {os.strerror(exc.errno or 0)}"


def require(roots: Iterable[str]) -> None:
    """EngineError "root-missing" for a root that must be there and is not."""
    for root in roots:
        if not os.path.lexists(root):
            raise EngineError("root-missing", f"{root} is not there", "Check the instance's options; a backup without it would not be one.")
