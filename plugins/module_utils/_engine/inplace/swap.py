# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""Puts one of two things into a place by rename, in such a way that the disk alone tells how far it came.

A piece has three places on one file system: live, where OpenClaw looks for it; beside, in the staging directory; and spare,
for the moment in which a file system that cannot exchange two names needs a third. What lies where is told by the inode
numbers, which were noted before anything was renamed. (Device numbers are not used: some change with every mount.)
"""
from __future__ import annotations

import ctypes
import errno
import os
from dataclasses import dataclass
from typing import Callable

from ..errors import EngineError

SPARE, STRAY = ".openclaw-swap", ".openclaw-stray"
_EXCHANGE = 2  # RENAME_EXCHANGE of linux/fs.h
_REFUSALS = (errno.EINVAL, errno.ENOSYS, errno.ENOTTY, errno.EOPNOTSUPP)
_STEP = os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC | getattr(os, "O_PATH", 0)


@dataclass(frozen=True)
class Piece:
    """One path that is swapped whole. old, new: inode numbers of what was there and of what comes; None: nothing."""

    live: str
    beside: str
    old: int | None = None
    new: int | None = None


class _Slot:
    """A name in a directory that is held open, if there is that directory. No symbolic link is followed on the way to it."""

    def __init__(self, path: str) -> None:
        self.path = path
        above, _slash, self.name = path.rpartition("/")
        try:
            self.directory = open_directory(above or "/")
        except FileNotFoundError:
            self.directory = -1

    def inode(self) -> int | None:
        """Of what is there now."""
        if self.directory < 0:
            return None
        try:
            return os.stat(self.name, dir_fd=self.directory, follow_symlinks=False).st_ino
        except FileNotFoundError:
            return None

    def close(self) -> None:
        """Let go of the directory."""
        if self.directory >= 0:
            os.close(self.directory)


def open_directory(path: str) -> int:
    """A descriptor of a directory, for paths relative to it. OSError, also where a part of the path is a symbolic link."""
    current = os.open("/", _STEP)
    for name in path.split("/"):
        if name:
            try:
                inner = os.open(name, _STEP, dir_fd=current)
            finally:
                os.close(current)
            current = inner
    return current


def inode_of(path: str) -> int | None:
    """The inode number of what is at a path; None where there is nothing."""
    slot = _Slot(path)
    try:
        return slot.inode()
    finally:
        slot.close()


def put_new(piece: Piece, checkpoint: Callable[[str], None]) -> None:
    """See to it that what comes is live, and what was there is beside. May be called again.

    OSError, EngineError "restore-place-changed".
    """
    _put(piece, piece.new, piece.old, False, checkpoint)


def put_old(piece: Piece, checkpoint: Callable[[str], None], was_used: bool = False) -> None:
    """See to it that what was there is live again, and what came is beside. As put_new().

    was_used: a gateway has worked on what came. What it has put into the place since then is put beside, too.
    """
    _put(piece, piece.old, piece.new, was_used, checkpoint)


def put_away(live: str, beside: str, checkpoint: Callable[[str], None]) -> None:
    """Put beside what a gateway has made at a path where there was nothing. OSError, EngineError "restore-place-changed"."""
    _put(Piece(live, beside), None, None, True, checkpoint)


def _put(piece: Piece, wanted: int | None, other: int | None, was_used: bool, checkpoint: Callable[[str], None]) -> None:
    slots = []
    try:
        for path in (piece.live, piece.beside, piece.beside + SPARE):
            slots.append(_Slot(path))
        if was_used and slots[0].inode() not in (None, wanted, other):
            slots.append(_free_slot(piece.beside + STRAY))
            _move(slots[0], slots[-1], checkpoint)
        _arrange(slots[:3], wanted, other, checkpoint)
    finally:
        for slot in slots:
            slot.close()


def _free_slot(path: str) -> _Slot:
    """A name that nothing has yet: it begins with the path."""
    number = 0
    while inode_of(f"{path}{number}") is not None:
        number += 1
    return _Slot(f"{path}{number}")


def _arrange(slots: list[_Slot], wanted: int | None, other: int | None, checkpoint: Callable[[str], None]) -> None:
    live, beside, spare = slots
    found = live.inode()
    if found not in (None, wanted, other):
        raise _changed(live.path, "something else lies there now")
    if found is not None and found == other:
        if wanted is not None and beside.inode() == wanted:
            if _exchange(live, beside, checkpoint):
                return
            _move(live, spare, checkpoint)
        else:
            _move(live, beside, checkpoint)
        found = None
    if found is None and wanted is not None:
        source = next((slot for slot in (beside, spare) if slot.inode() == wanted), None)
        if source is None:
            raise _changed(live.path, "what belongs there is not where it was left")
        _move(source, live, checkpoint)
    if other is not None and spare.inode() == other:
        _move(spare, beside, checkpoint)


def _changed(path: str, what: str) -> EngineError:
    return EngineError(
        "restore-place-changed", f"{path} cannot be put in order: {what}",
        "Something beside this restore renames files there. Stop it, look at what lies there and beside it, and run recover.",
        {"path": path})


def _move(source: _Slot, target: _Slot, checkpoint: Callable[[str], None]) -> None:
    if target.inode() is not None:
        raise _changed(target.path, "something lies in its way")
    checkpoint("before-rename")
    os.rename(source.name, target.name, src_dir_fd=source.directory, dst_dir_fd=target.directory)
    checkpoint("after-rename")


def _exchange(one: _Slot, two: _Slot, checkpoint: Callable[[str], None]) -> bool:
    """Exchange two names in one step. False where this system cannot."""
    call = _renameat2()
    if call is None:
        return False
    checkpoint("before-exchange")
    if call(one.directory, os.fsencode(one.name), two.directory, os.fsencode(two.name), _EXCHANGE) != 0:
        number = ctypes.get_errno()
        if number in _REFUSALS:
            return False
        raise OSError(number, os.strerror(number), one.path)
    checkpoint("after-exchange")
    return True


def _renameat2():
    """The C library's function; None where it has none."""
    try:
        call = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError):
        return None
    call.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint)
    call.restype = ctypes.c_int
    return call


def synchronise(directories) -> None:
    """Let the names in these directories survive a power cut. Those that cannot be opened for it are passed over."""
    for path in dict.fromkeys(directories):
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            continue
        try:
            os.fsync(descriptor)
        except OSError:
            pass
        finally:
            os.close(descriptor)


def synchronise_file_systems(directories) -> None:
    """Let everything written to the file systems of these directories survive a power cut. OSError."""
    try:
        call = ctypes.CDLL(None, use_errno=True).syncfs
    except (AttributeError, OSError):
        os.sync()
        return
    for path in dict.fromkeys(directories):
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            if call(descriptor) != 0:
                number = ctypes.get_errno()
                raise OSError(number, os.strerror(number), path)
        finally:
            os.close(descriptor)
