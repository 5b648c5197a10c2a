# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Random file trees for property tests, and what there is to compare of a tree."""
from __future__ import annotations

import hashlib
import os
import random
import stat

from hypothesis import strategies as st

NAMES = st.one_of(
    st.sampled_from([b"a", b"A", b"a.b", b"a-b", b"a b", b"b.db", b"b.db-x", b".hidden", b"x.tmp", b"back\\slash", b"new\nline",
                     b"\xe4\xf6", b"\xff", "é".encode(), "e\u0301".encode(), "\U0001f980".encode(), b"n" * 255, b"-wal", b"q\"uote",
                     b"\x7f\x01"]),
    st.binary(min_size=1, max_size=12).filter(lambda name: b"/" not in name and b"\0" not in name and name not in (b".", b"..")))
# (kind, detail): sizes beside those of chunks and frames, contents that repeat, compress, or do not.
SIZES = st.sampled_from([0, 1, 100, 4096, 16383, 16384, 16385, 262143, 262144, 262145, 600_000, 1 << 20, (1 << 20) + 1, 2_500_000])
MODES = [0o600, 0o644, 0o755, 0o400, 0o1666] + ([0o000] if os.geteuid() == 0 else [])
FILES = st.tuples(st.just("file"), SIZES, st.integers(0, 5), st.sampled_from(MODES))
LEAVES = st.one_of(
    FILES, FILES, st.tuples(st.just("sparse"), st.integers(0, 3_000_000), st.integers(0, 2_000_000)),
    st.tuples(st.just("link"), st.sampled_from([b"..", b"a", b"/etc/passwd", b"\xff\xfe", b"x" * 300])),
    st.tuples(st.just("hard"), st.integers(0, 30)))
TREES = st.recursive(LEAVES, lambda inner: st.dictionaries(NAMES, inner, max_size=6), max_leaves=25)
ROOTS = st.dictionaries(NAMES, TREES, min_size=1, max_size=6)


def content(size: int, flavour: int) -> bytes:
    """Bytes of this size; equal arguments give equal bytes, whichever file they are in."""
    if flavour == 0:
        return bytes(size)
    if flavour == 1:
        return (b"line of a log %07d\n" * (size // 8 + 1))[:size]
    return random.Random(flavour).randbytes(size)


def build(directory: bytes, tree: dict, made: list[bytes] | None = None) -> list[bytes]:
    """Make the tree in a directory that exists; the paths of its files. Hard links are to a file that was made before."""
    made = [] if made is None else made
    for name, what in tree.items():
        path = os.path.join(directory, name)
        if isinstance(what, dict):
            os.mkdir(path)
            build(path, what, made)
        else:
            _leaf(path, what, made)
    return made


def _leaf(path: bytes, what: tuple, made: list[bytes]) -> None:
    if what[0] == "link":
        os.symlink(what[1], path)
    elif what[0] == "hard":
        if made:
            os.link(made[what[1] % len(made)], path)
    else:
        with open(path, "wb") as stream:
            if what[0] == "file":
                stream.write(content(what[1], what[2]))
            else:
                stream.truncate(what[1])
                stream.seek(what[2])
                stream.write(b"after a hole")
        if what[0] == "file":
            os.chmod(path, what[3])
        made.append(path)


def facts(directory: bytes) -> dict[bytes, tuple]:
    """What a restore must bring back of everything in a directory, by path relative to it. Hard links by their first name."""
    found: dict[bytes, tuple] = {}
    first_names: dict[int, bytes] = {}
    for base, names, files in sorted(os.walk(directory)):
        for name in sorted([*names, *files]):
            path = os.path.join(base, name)
            about, relative = os.lstat(path), os.path.relpath(path, directory)
            common = (stat.filemode(about.st_mode), about.st_uid, about.st_gid, about.st_mtime_ns)
            if stat.S_ISLNK(about.st_mode):
                found[relative] = (*common, os.readlink(path))
            elif stat.S_ISREG(about.st_mode):
                with open(path, "rb") as stream:
                    digest = hashlib.sha256(stream.read()).hexdigest()
                found[relative] = (*common, about.st_size, digest, first_names.setdefault(about.st_ino, relative))
            else:
                found[relative] = common
    return found
