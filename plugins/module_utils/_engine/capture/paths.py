# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""Paths of a host, and careful reading of small files that belong to somebody else."""
from __future__ import annotations

import os
import re
import stat

MOUNTS_LIMIT = 4 << 20  # bytes of /proc/self/mounts
_HOME_PREFIX = re.compile(r"~(?=/|$)")


class TooLarge(OSError):
    """A file is larger than what its kind may have."""


def inside(path: str, base: str) -> bool:
    """Whether an absolute, normalised path is base or lies below it. Compares text only."""
    return path == base or base == "/" or path.startswith(base + "/")


def ancestors(path: str):
    """The directories above an absolute path, nearest first, the last is "/"."""
    while path != "/":
        path = os.path.dirname(path)
        yield path


def existing_directory(path: str) -> str:
    """The path, or the nearest directory above it that is there: whose disk it would come to lie on."""
    return next(place for place in (path, *ancestors(path)) if os.path.isdir(place))


def expand(text: str, home: str, base: str) -> str:
    """An absolute, normalised path of what a config says: "~" is the home, a relative path begins at base.

    NUL characters are dropped, as OpenClaw does.
    """
    text = _HOME_PREFIX.sub(lambda found: home, text.strip().replace("\0", ""), count=1)
    return os.path.normpath(os.path.join(base, text))


def place_below(path: str, root: str) -> str:
    """Where an absolute path of a host is when that host's file system is mounted at root. Once is enough."""
    if root == "/" or inside(path, root):
        return path
    return os.path.normpath(root + path)


def read_small_file(path: str, limit: int) -> bytes:
    """The bytes of a regular file of at most limit bytes.

    Opening never waits (a FIFO is refused). Raises OSError; TooLarge when there are more bytes. Never call this for a
    database: closing a descriptor would drop the locks that SQLite holds on it in this process.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(f"{path} is not a regular file")
        if status.st_size > limit:
            raise TooLarge(f"{path} has {status.st_size} bytes; {limit} are allowed")
        parts, left = [], limit + 1
        while left > 0:
            part = os.read(descriptor, min(left, 1 << 20))
            if not part:
                break
            parts.append(part)
            left -= len(part)
    finally:
        os.close(descriptor)
    if left <= 0:
        raise TooLarge(f"{path} has more than {limit} bytes")
    return b"".join(parts)


def read_small_text(path: str, limit: int) -> str:
    """The text of such a file as UTF-8, a byte order mark dropped, undecodable bytes as surrogates."""
    return read_small_file(path, limit).decode("utf-8", "surrogateescape").lstrip("\ufeff")


def list_names(path: str) -> list[str]:
    """The sorted names in a directory; none when it is absent or unreadable."""
    try:
        return sorted(os.listdir(path))
    except OSError:
        return []


def is_file(path: str) -> bool:
    """Whether a path leads to a regular file, through links too."""
    return os.path.isfile(path)


def mounts() -> list[tuple[str, str]]:
    """(mount point, type of the file system) of everything that is mounted now; none where that cannot be read."""
    try:
        lines = read_small_text("/proc/self/mounts", MOUNTS_LIMIT).splitlines()
    except OSError:
        return []
    fields = (line.split(" ") for line in lines)
    return [(_plain_mount(parts[1]), parts[2]) for parts in fields if len(parts) > 2]


def _plain_mount(text: str) -> str:
    return text.replace("\\040", " ").replace("\\011", "\t").replace("\\012", "\n").replace("\\134", "\\")
