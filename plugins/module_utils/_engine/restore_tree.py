# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""Writes files below one directory and nowhere else: every step of a path is opened without following links."""
from __future__ import annotations

import errno
import os
import stat
import threading

from .errors import EngineError
from .repository.manifest import DIRECTORY, Entry

# What would let a snapshot of a compromised host become root where it is restored: named in the result, never set.
SET_ID = "set-user-id or set-group-id"
PRIVILEGED = ("security.capability", "trusted.")
_KEPT_DIRECTORIES = 48  # by each thread
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Tree:
    """A directory that a restore writes into. Paths are those of the manifest, absolute, placed below the target.

    Thread-safe for different paths. Raises OSError, which callers turn into words.
    """

    def __init__(self, target: str) -> None:
        os.makedirs(target, mode=0o700, exist_ok=True)
        self._root = os.open(target, _DIRECTORY)
        self._mine = threading.local()
        self._all: list[dict[str, int]] = []
        self.target = target

    def close(self) -> None:
        """Let go of all descriptors, those of threads that have ended too."""
        for kept in self._all:
            for descriptor in kept.values():
                os.close(descriptor)
            kept.clear()
        os.close(self._root)

    def _kept(self) -> dict[str, int]:
        """This thread's descriptors of directories, the latest last."""
        if not hasattr(self._mine, "kept"):
            self._mine.kept = {}
            self._all.append(self._mine.kept)
        return self._mine.kept

    def _parent(self, path: str) -> tuple[int, str]:
        """(descriptor of the directory that holds path, its last part). The directory is made where it is missing."""
        directory, _slash, name = path.rpartition("/")
        return (self._root if not directory else self._directory(directory)), name

    def _directory(self, directory: str) -> int:
        """A descriptor, at hand for the files to come, of a directory below the root; it stays this class's to close.

        Opened step by step from the nearest one at hand, making what is missing with mode 0700; all steps stay at hand, too.
        """
        kept, missing, above = self._kept(), [], directory
        while above and above not in kept:
            missing.append(above)
            above = above.rpartition("/")[0]
        current = self._root
        if above:
            current = kept[above] = kept.pop(above)  # the latest
        for path in reversed(missing):
            current = _open_or_make(path.rpartition("/")[2], current)
            if len(kept) >= _KEPT_DIRECTORIES:
                os.close(kept.pop(next(iter(kept))))
            kept[path] = current
        return current

    def make_directory(self, path: str) -> None:
        """Make a directory, or accept the one that is there."""
        if path != "/":
            self._directory(path)

    def lstat(self, path: str) -> os.stat_result | None:
        """What is at a path, or None."""
        parent, name = self._parent(path)
        try:
            return os.stat(name, dir_fd=parent, follow_symlinks=False)
        except FileNotFoundError:
            return None

    def open_file(self, path: str, flags: int, mode: int = 0o600) -> int:
        """Open a file below the root. With O_CREAT | O_EXCL it must be new."""
        parent, name = self._parent(path)
        return os.open(name, flags | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, mode, dir_fd=parent)

    def symlink(self, path: str, text: str) -> None:
        """Make a symbolic link. Its text may point anywhere; nothing here ever follows it."""
        parent, name = self._parent(path)
        os.symlink(text, name, dir_fd=parent)

    def set_link_metadata(self, entry: Entry, owner: tuple[int, int] | None) -> None:
        """Owner and times of a symbolic link itself."""
        parent, name = self._parent(entry.path)
        if owner is not None:
            os.chown(name, *owner, dir_fd=parent, follow_symlinks=False)
        os.utime(name, ns=(entry.modified, entry.modified), dir_fd=parent, follow_symlinks=False)

    def open_directory(self, path: str) -> int:
        """A descriptor of a directory below the root."""
        return os.dup(self._root if path == "/" else self._directory(path))

    def hard_link(self, path: str, original: str) -> None:
        """Make path another name of original, both below the root."""
        source, source_name = self._parent(original)
        if not stat.S_ISREG(os.stat(source_name, dir_fd=source, follow_symlinks=False).st_mode):
            raise OSError(errno.EINVAL, "the other name is no ordinary file")
        source = os.dup(source)  # the next look-up may let go of it
        try:
            parent, name = self._parent(path)
            os.link(source_name, name, src_dir_fd=source, dst_dir_fd=parent, follow_symlinks=False)
        finally:
            os.close(source)

    def move(self, path: str, into: Tree, new_path: str) -> None:
        """Rename a file to a path of another tree on the same file system."""
        source, name = self._parent(path)
        parent, new = into._parent(new_path)  # pylint: disable=protected-access
        os.rename(name, new, src_dir_fd=source, dst_dir_fd=parent)

    def remove(self, path: str) -> None:
        """Remove a file or link; nothing there is fine."""
        parent, name = self._parent(path)
        try:
            os.unlink(name, dir_fd=parent)
        except FileNotFoundError:
            pass

    def outside_path(self, path: str) -> str:
        """Where a path of the manifest lies on this host."""
        return self.target.rstrip("/") + path


def _open_or_make(name: str, directory: int) -> int:
    if name in ("", ".", ".."):  # no manifest that was checked has them
        raise OSError(errno.EINVAL, "a path is not clean")
    try:
        return os.open(name, _DIRECTORY, dir_fd=directory)
    except FileNotFoundError:
        try:
            os.mkdir(name, 0o700, dir_fd=directory)
        except FileExistsError:
            pass  # another thread made it
        return os.open(name, _DIRECTORY, dir_fd=directory)


def set_metadata(descriptor: int, entry: Entry, owner: tuple[int, int] | None, refused: list[str]) -> None:
    """Owner, extended attributes, mode and times of an open file or directory, in the order that keeps them.

    owner: None where this user may not change it. refused: names of what was not set are appended.
    """
    mode = entry.mode & (0o3777 if entry.type == DIRECTORY and owner is not None else 0o1777)
    if entry.mode & ~mode:
        refused.append(SET_ID)
    if owner is not None:
        os.fchown(descriptor, *owner)
    for name, value in entry.xattrs.items():
        try:
            if name.startswith(PRIVILEGED):
                raise PermissionError(errno.EPERM, "an attribute that gives privileges")
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
