# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a directory holds, in a form that two directories can be compared by: content and all metadata."""
from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path
from typing import Any

Fact = tuple[Any, ...]


def describe(base: Path | str) -> dict[str, Fact]:
    """Every object below a directory, and the directory itself as ".", with all that a backup keeps of it.

    Hard links are told by the first path, in the order of names, that the same file has.
    """
    base, found, first = os.fspath(base), {}, {}
    pending = [base]
    while pending:
        path = pending.pop()
        status = os.lstat(path)
        name = os.path.relpath(path, base)
        common = (stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid, status.st_mtime_ns, attributes(path))
        if stat.S_ISDIR(status.st_mode):
            found[name] = ("directory", *common)
            pending += sorted((os.path.join(path, child) for child in os.listdir(path)), reverse=True)
        elif stat.S_ISLNK(status.st_mode):
            found[name] = ("link", status.st_uid, status.st_gid, status.st_mtime_ns, os.readlink(path))
        elif stat.S_ISREG(status.st_mode):
            original = first.setdefault((status.st_dev, status.st_ino), name) if status.st_nlink > 1 else name
            found[name] = ("file", *common, status.st_size, digest(path), original)
        else:
            found[name] = ("special", stat.S_IFMT(status.st_mode))
    return found


def attributes(path: str) -> tuple[tuple[str, bytes], ...]:
    """Extended attributes, sorted."""
    try:
        return tuple(sorted((name, os.getxattr(path, name, follow_symlinks=False)) for name in os.listxattr(path, follow_symlinks=False)))
    except OSError:
        return ()


def digest(path: str) -> str:
    """SHA-256 of a file's content."""
    with open(path, "rb") as stream:
        total = hashlib.sha256()
        while block := stream.read(1 << 20):
            total.update(block)
        return total.hexdigest()


def differences(expected: dict[str, Fact], found: dict[str, Fact]) -> list[str]:
    """What is not the same, in words; empty where two trees are equal."""
    wrong = [f"{name!r} is missing" for name in sorted(expected.keys() - found.keys())]
    wrong += [f"{name!r} is there and should not be" for name in sorted(found.keys() - expected.keys())]
    for name in sorted(expected.keys() & found.keys()):
        if expected[name] != found[name]:
            wrong.append(f"{name!r} is {found[name]} and should be {expected[name]}")
    return wrong


def assert_same(expected: Path | str | dict[str, Fact], found: Path | str) -> None:
    """Fail with a readable list unless both hold the same."""
    wrong = differences(expected if isinstance(expected, dict) else describe(expected), describe(found))
    assert not wrong, "\n".join(wrong[:40])
