# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""Reading a part of a file; writing a new file all or nothing, durably, and never over another one."""
from __future__ import annotations

import errno
import os
import secrets
import stat
import threading
from typing import Sequence

try:
    import fcntl
except ImportError:  # only where no backup runs; keeps the module importable
    fcntl = None

from .directory_sync import DirectorySync

TEMPORARY = ".new-"  # hidden, so that no listing shows it
_LOCK = ".lock"
_VECTOR = 512  # buffers per writev; Linux takes 1,024
_SLICE = 8 << 20  # bytes per writev; keeps one call from blocking for long

# What link() answers on file systems without hard links: FAT and exFAT EPERM, SMB EOPNOTSUPP, FUSE ENOSYS, some EACCES or EMLINK.
_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EACCES, errno.EMLINK, errno.EINVAL, errno.EXDEV)
_rename_lock = threading.Lock()


def read_range(descriptor: int, offset: int, length: int | None) -> bytes:
    """length bytes (None: all) of a regular file from offset, fewer only where it ends. FileNotFoundError for others."""
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise FileNotFoundError(errno.ENOENT, "not a regular file")
    wanted = max(0, status.st_size - offset)
    if length is not None:
        wanted = min(wanted, length)
    pieces = []
    while wanted:
        piece = os.pread(descriptor, min(wanted, 64 << 20), offset)
        if not piece:
            break
        pieces.append(piece)
        offset += len(piece)
        wanted -= len(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def write_new(directory: int, name: str, parts: Sequence[bytes], directories: DirectorySync, root: int) -> os.stat_result:
    """Create name in a directory (an open descriptor) with the joined parts, mode 0600.

    On return the file and its name are durable. On any error nothing of it remains but, after a crash, a hidden
    temporary file. Returns the file's status. Raises FileExistsError if the name is taken, and OSError.
    root: descriptor of the storage's root, for the lock that stands in where hard links do not exist.
    """
    if _exists(directory, name):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), name)
    temporary = f"{TEMPORARY}{os.getpid()}-{secrets.token_hex(8)}"
    renamed = False
    try:
        status = _write(directory, temporary, parts)
        renamed = _name(directory, temporary, name, root)
    finally:
        if not renamed:
            _unlink_quietly(directory, temporary)
    try:
        directories.sync(directory)
    except OSError:
        _unlink_quietly(directory, name)
        raise
    return status


def _write(directory: int, temporary: str, parts: Sequence[bytes]) -> os.stat_result:
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600, dir_fd=directory)
    try:
        _write_parts(descriptor, parts)
        os.fsync(descriptor)
        status = os.fstat(descriptor)
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)  # network file systems may report a failed write only here
    return status


def _write_parts(descriptor: int, parts: Sequence[bytes]) -> None:
    waiting = [memoryview(part).cast("B") for part in parts if len(part)]
    first = 0
    while first < len(waiting):
        batch, size = [], 0
        for part in waiting[first:first + _VECTOR]:
            batch.append(part[:_SLICE - size])
            size += len(batch[-1])
            if size >= _SLICE:
                break
        written = os.writev(descriptor, batch)
        while written:
            taken = min(written, len(waiting[first]))
            written -= taken
            waiting[first] = waiting[first][taken:]
            if not len(waiting[first]):
                first += 1


def _name(directory: int, temporary: str, name: str, root: int) -> bool:
    """Give the temporary file its name; true if the temporary name is gone by that."""
    try:
        os.link(temporary, name, src_dir_fd=directory, dst_dir_fd=directory, follow_symlinks=False)
    except FileExistsError:
        if not _same_file(directory, temporary, name):  # NFS may do it and lose the answer
            raise
    except OSError as exc:
        if exc.errno not in _NO_LINKS:
            raise
        _rename_new(directory, temporary, name, root)
        return True
    return False


def _rename_new(directory: int, temporary: str, name: str, root: int) -> None:
    """Rename without replacing, where the file system cannot do that itself: look and rename under a lock.

    The lock is advisory and dies with its process. It is also kept between threads, and where the file system has no
    locks either, the rule of one writer per instance has to do.
    """
    lock = os.open(_LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600, dir_fd=root)
    try:
        with _rename_lock:
            try:
                if fcntl:
                    fcntl.flock(lock, fcntl.LOCK_EX)
            except OSError as exc:
                if exc.errno not in (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL):
                    raise
            if _exists(directory, name):
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), name)
            os.rename(temporary, name, src_dir_fd=directory, dst_dir_fd=directory)
    finally:
        os.close(lock)


def _exists(directory: int, name: str) -> bool:
    try:
        os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _same_file(directory: int, one: str, other: str) -> bool:
    try:
        return os.path.samestat(
            os.stat(one, dir_fd=directory, follow_symlinks=False), os.stat(other, dir_fd=directory, follow_symlinks=False),
        )
    except OSError:
        return False


def _unlink_quietly(directory: int, name: str) -> None:
    try:
        os.unlink(name, dir_fd=directory)
    except OSError:
        pass  # a listing does not show it, and a later run removes it
