# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""Reads the content of one ordinary file, block by block, and tells whether it changed meanwhile."""
from __future__ import annotations

import errno
import os
import re
from typing import Iterator

MAGIC = b"SQLite format 3\x00"  # https://sqlite.org/fileformat.html, 1.2.1
BLOCK_BYTES = 1 << 20
SMALL_CHUNK = 16 << 10
CHUNK = 256 << 10
LARGE_CHUNK = 1 << 20
LARGE_FILE = 1 << 30
CHUNKS_PER_DATABASE = 200_000
_ZEROS = bytes(BLOCK_BYTES)


def chunk_size(size: int, is_database: bool, before: int = 0) -> int:
    """What a file of this size is cut at, in bytes; always a divisor of BLOCK_BYTES.

    Databases are edited in place, so small chunks pay. before: what the same file was cut at in the parent snapshot:
    kept while it is no more than one step off, since another size means to store the whole file anew.
    """
    if not is_database:
        fitting = CHUNK if size <= LARGE_FILE else LARGE_CHUNK
    else:
        fitting = SMALL_CHUNK
        while size // fitting > CHUNKS_PER_DATABASE and fitting < BLOCK_BYTES:
            fitting *= 2
    if before and fitting // 2 <= before <= fitting * 2 and BLOCK_BYTES % before == 0:
        return before
    return fitting


def may_be_database(size: int) -> bool:
    """Whether a file of this size can be a SQLite database: whole pages of at least 512 bytes."""
    return size >= 512 and size % 512 == 0


def is_database(path: str) -> bool:
    """Whether the file begins as every SQLite database does. Must not be called on one that is open in this process."""
    try:
        descriptor = open_file(path)
    except OSError:
        return False
    try:
        return begins_as_database(descriptor)
    finally:
        os.close(descriptor)


def begins_as_database(descriptor: int) -> bool:
    """The same of an open file."""
    try:
        return os.pread(descriptor, len(MAGIC), 0) == MAGIC
    except OSError:
        return False


def open_file(path: str) -> int:
    """A descriptor for reading, never following a link and never waiting for the other end of a FIFO."""
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        return os.open(path, flags | os.O_NOATIME)
    except PermissionError:  # O_NOATIME is for the owner only
        return os.open(path, flags)


def blocks(descriptor: int, size: int, sparse: bool = False) -> Iterator[memoryview]:
    """The first size bytes in blocks of BLOCK_BYTES (the last may be shorter; ends early where the file does).

    A block is only good until the next one is asked for: one buffer serves them all.
    """
    buffer, position = memoryview(bytearray(min(BLOCK_BYTES, size))), 0
    while position < size:
        length = min(BLOCK_BYTES, size - position)
        if sparse and _is_hole(descriptor, position, length):
            block = memoryview(_ZEROS)[:length]
        else:
            block = buffer[:fill(descriptor, buffer[:length], position)]
        if not block:
            return
        yield block
        position += len(block)
        if len(block) < length:
            return


def fill(descriptor: int, buffer: memoryview, position: int) -> int:
    """Read from a position until the buffer is full or the file ends; how many bytes that were."""
    done = 0
    while done < len(buffer):
        count = os.preadv(descriptor, [buffer[done:]], position + done)
        if not count:
            break
        done += count
    return done


def _is_hole(descriptor: int, position: int, length: int) -> bool:
    try:
        return os.lseek(descriptor, position, os.SEEK_DATA) >= position + length
    except OSError as exc:
        return exc.errno == errno.ENXIO  # no data from here to the end


def stamps_are_fine() -> bool:
    """Whether the kernel gives a change that follows a look at a file a time of its own (multigrain timestamps, Linux 6.13)."""
    found = re.match(r"(\d+)\.(\d+)", os.uname().release)
    return bool(found) and (int(found.group(1)), int(found.group(2))) >= (6, 13)


def extended_attributes(path: str) -> dict[str, bytes]:
    """Extended attributes, POSIX ACLs among them. Those that may not be read are left out, as file systems without any are."""
    found: dict[str, bytes] = {}
    try:
        attributes = os.listxattr(path, follow_symlinks=False)
    except OSError:
        return found
    for name in attributes:
        try:
            found[name] = os.getxattr(path, name, follow_symlinks=False)
        except OSError:
            continue
    return found
