# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Everything that can be seen of a directory tree, to be compared with what it is later."""
from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path


def picture(*roots: Path, but: tuple[str, ...] = ()) -> dict[str, tuple]:
    """Path → mode, owner, mtime, and content, link or kind of everything below; files that share an inode share a number too.

    but: beginnings of names that are passed over, wherever they are.
    """
    found: dict[str, tuple] = {}
    first: dict[int, str] = {}
    for root in roots:
        for path in sorted([root, *root.rglob("*")]):
            relative = os.path.relpath(path, root.parent)
            if any(part.startswith(but) for part in path.relative_to(root).parts) if but else False:
                continue
            status = os.lstat(path)
            kind = stat.S_IFMT(status.st_mode)
            content = ""
            if kind == stat.S_IFREG:
                content = hashlib.sha256(path.read_bytes()).hexdigest() + first.setdefault(status.st_ino, relative)
            elif kind == stat.S_IFLNK:
                content = os.readlink(path)
            found[str(path)] = (oct(status.st_mode), status.st_uid, status.st_gid, status.st_mtime_ns, content)
    return found


def differences(before: dict, after: dict) -> list[str]:
    """What differs, in words."""
    words = [f"gone: {path}" for path in before if path not in after] + [f"new: {path}" for path in after if path not in before]
    return words + [f"changed: {path}: {before[path]} → {after[path]}" for path in before if path in after and before[path] != after[path]]
