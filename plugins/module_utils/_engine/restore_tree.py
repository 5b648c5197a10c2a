# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""Writes files below one directory and nowhere else: every step of a path is opened without following links."""
from __future__ import annotations

import errno
import os
import stat

from .errors import EngineError
from .repository.manifest import Entry

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Tree:
    """A directory that a restore writes into. Paths are those of the manifest, absolute, placed below the target.

    Not thread-safe but for open_file() of different paths. Raises OSError, which callers turn into words.
    """

    def __init__(self, target: str) -> None:
        os.makedirs(target, mode=0o700, exist_ok=True)
        self._root = os.open(target, _DIRECTORY)
        self._made: dict[str, int] = {}
        self.target = target

    def close(self) -> None:
        """Let go of all descriptors."""
        for descriptor in self._made.values():
            os.close(descriptor)
        self._made.clear()
        os.close(self._root)

    def _parent(self, path: str) -> tuple[int, str, bool]:
        """(descriptor of the directory that holds path, its last part, whether the caller must close the descriptor)."""
        directory, _slash, name = path.rpartition("/")
        if not directory:
            return self._root, name, False
        if directory in self._made:
            return self._made[directory], name, False
        return self._enter(directory), name, True

    def _enter(self, directory: str) -> int:
        """Open a directory below the root, making what is missing with mode 0700."""
        current = os.dup(self._root)
        try:
            for part in directory[1:].split("/"):
                try:
                    inner = os.open(part, _DIRECTORY, dir_fd=current)
                except FileNotFoundError:
                    os.mkdir(part, 0o700, dir_fd=current)
                    inner = os.open(part, _DIRECTORY, dir_fd=current)
                os.close(current)
                current = inner
            return current
        except BaseException:
            os.close(current)
            raise

    def keep_open(self, directory: str) -> None:
        """Have a directory at hand for the files to come; forgets others when there are many."""
        if directory in self._made:
            return
        if len(self._made) >= 64:
            _path, descriptor = self._made.popitem()
            os.close(descriptor)
        self._made[directory] = self._enter(directory)

    def make_directory(self, path: str) -> None:
        """Make a directory, or accept the one that is there."""
        if path != "/":
            os.close(self._enter(path))

    def lstat(self, path: str) -> os.stat_result | None:
        """What is at a path, or None."""
        parent, name, own = self._parent(path)
        try:
            return os.stat(name, dir_fd=parent, follow_symlinks=False)
        except FileNotFoundError:
            return None
        finally:
            if own:
                os.close(parent)

    def open_file(self, path: str, flags: int, mode: int = 0o600) -> int:
        """Open a file below the root. With O_CREAT | O_EXCL it must be new."""
        parent, name, own = self._parent(path)
        try:
            return os.open(name, flags | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, mode, dir_fd=parent)
        finally:
            if own:
                os.close(parent)

    def symlink(self, path: str, text: str) -> None:
        """Make a symbolic link. Its text may point anywhere; nothing here ever follows it."""
        parent, name, own = self._parent(path)
        try:
            os.symlink(text, name, dir_fd=parent)
        finally:
            if own:
                os.close(parent)

    def set_link_metadata(self, entry: Entry, owner: tuple[int, int] | None) -> None:
        """Owner and times of a symbolic link itself."""
        parent, name, own = self._parent(entry.path)
        try:
            if owner is not None:
                os.chown(name, *owner, dir_fd=parent, follow_symlinks=False)
            os.utime(name, ns=(entry.modified, entry.modified), dir_fd=parent, follow_symlinks=False)
        finally:
            if own:
                os.close(parent)

    def open_directory(self, path: str) -> int:
        """A descriptor of a directory below the root."""
        return os.dup(self._root) if path == "/" else self._enter(path)

    def hard_link(self, path: str, original: str) -> None:
        """Make path another name of original, both below the root."""
        parent, name, own = self._parent(path)
        source, source_name, source_own = self._parent(original)
        try:
            if not stat.S_ISREG(os.stat(source_name, dir_fd=source, follow_symlinks=False).st_mode):
                raise OSError(errno.EINVAL, "the other name is no ordinary file")
            os.link(source_name, name, src_dir_fd=source, dst_dir_fd=parent, follow_symlinks=False)
        finally:
            if own:
                os.close(parent)
            if source_own:
                os.close(source)

    def remove(self, path: str) -> None:
        """Remove a file or link; nothing there is fine."""
        parent, name, own = self._parent(path)
        try:
            os.unlink(name, dir_fd=parent)
        except FileNotFoundError:
            pass
        finally:
            if own:
                os.close(parent)

    def outside_path(self, path: str) -> str:
        """Where a path of the manifest lies on this host."""
        return self.target.rstrip("/") + path


def set_metadata(descriptor: int, entry: Entry, owner: tuple[int, int] | None, refused: list[str]) -> None:
    """Owner, extended attributes, mode and times of an open file or directory, in the order that keeps them.

    owner: None where this user may not change it. refused: names of what the system did not take are appended.
    """
    mode = entry.mode
    if owner is not None:
        os.fchown(descriptor, *owner)
    else:
        mode &= 0o1777  # never set-user-id for another owner than the original
    for name, value in entry.xattrs.items():
        try:
            os.setxattr(descriptor, name, value)
        except OSError:
            refused.append(name)
    os.fchmod(descriptor, mode)
    os.utime(descriptor, ns=(entry.modified, entry.modified))


def target_error(exc: OSError, path: str) -> EngineError:
    """What the target's system said, in words."""
    hints = {
        errno.ENOSPC: ("target-full", "Make room there, or choose another target."),
        errno.EDQUOT: ("target-full", "Raise the quota, or choose another target."),
        errno.EROFS: ("target-read-only", "Choose a target that can be written."),
        errno.EACCES: ("target-no-permission", "Run as a user who may write there."),
        errno.EPERM: ("target-no-permission", "Run as a user who may write there."),
        errno.EEXIST: ("target-not-empty", "Choose an empty or new directory."),
        errno.ELOOP: ("target-not-empty", "There is a link in the way: choose an empty or new directory."),
        errno.ENOTDIR: ("target-not-empty", "There is a file in the way: choose an empty or new directory."),
    }
    code, hint = hints.get(exc.errno or 0, ("target-error", "See what the system said."))
    return EngineError(code, f"{path} cannot be written: {os.strerror(exc.errno or 0)}", hint)
