# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""Where on this host's disks a restore in place works: what paths really are, where a rename cannot reach, where to stage."""
from __future__ import annotations

import os
from typing import Iterable

from ..capture.default_exclusions import RESTORE_IN_PLACE
from ..capture.paths import ancestors, existing_directory, inside, mounts

STAGING = RESTORE_IN_PLACE  # and the attempt's id: a directory beside what is swapped, or in it where it is mounted


class Ground:
    """The roots of one restore, as paths of this host. attempt: the id of the attempt. main: the state directory, beside which all is
    staged that can be: another root may lie in what is another instance's.

    roots: path as the placement gives it → whether the snapshot has a directory there. A root that is a link to a directory
    here, and was none at capture, is restored to where the link leads: somebody moved it to another disk.
    boundaries: directories that no rename crosses: mount points, other file systems, roots whose parent may not be written.
    """

    def __init__(self, roots: dict[str, bool], attempt: str, main: str) -> None:
        self._attempt = attempt
        self._finals = {root: _real(root, directory) for root, directory in roots.items()}
        self._by_length = sorted(self._finals, key=len, reverse=True)
        self.roots = _outermost(self._finals.values())
        self.boundaries: set[str] = {root for root in self.roots if _is_fixed(root)}
        self.boundaries.update(point for point, _kind in mounts() if any(inside(point, root) for root in self.roots))
        self._beside: dict[str, str] = {}
        self._by_device: dict[tuple, str] = {}
        self._known: dict[str, str] = {}
        first = self.final(main)
        if first in self.roots and first not in self.boundaries:
            self._beside_root(first)

    def final(self, path: str) -> str:
        """Where a path that the placement gives really is."""
        for root in self._by_length:
            if inside(path, root):
                return self._finals[root] + path[len(root):]
        return path

    def placed(self, final: str) -> str:
        """The other way round."""
        for root in self._by_length:
            if inside(final, self._finals[root]):
                return root + final[len(self._finals[root]):]
        return final

    def note(self, directory: str) -> None:
        """Another boundary."""
        self.boundaries.add(directory)

    def staging_of(self, final: str) -> str:
        """The staging directory from which a path can be reached by rename. Below it, the whole path is repeated."""
        if final in self.roots:
            return self._holder(final) if final in self.boundaries else self._beside_root(final)
        directory = os.path.dirname(final)
        if directory not in self._known:
            self._known[directory] = self._holder(directory)
        return self._known[directory]

    def _holder(self, directory: str) -> str:
        for place in (directory, *ancestors(directory)):
            if place in self.boundaries:
                return f"{place}/{STAGING}{self._attempt}"
            if place in self.roots:
                return self._beside_root(place)
        return self._beside_root(directory)

    def _beside_root(self, root: str) -> str:
        """One directory for all roots of a file system: beside the first of them that was asked for."""
        if root not in self._beside:
            directory = existing_directory(os.path.dirname(root))
            key = (_mount_of(directory), os.stat(directory).st_dev)
            self._beside[root] = f"{self._by_device.setdefault(key, directory)}/{STAGING}{self._attempt}"
        return self._beside[root]


def _outermost(paths: Iterable[str]) -> tuple[str, ...]:
    found: list[str] = []
    for path in sorted(set(paths), key=len):
        if not any(inside(path, other) for other in found):
            found.append(path)
    return tuple(found)


def _real(path: str, directory: bool) -> str:
    real = os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))
    return os.path.realpath(real) if directory and os.path.islink(real) and os.path.isdir(real) else real


def _is_fixed(root: str) -> bool:
    """Whether the directory itself cannot be renamed: its content is swapped instead."""
    if not os.path.isdir(root) or os.path.islink(root):
        return False
    above = os.path.dirname(root)
    return os.stat(root).st_dev != os.stat(above).st_dev or not os.access(above, os.W_OK | os.X_OK)


def _mount_of(directory: str) -> str:
    points = {point for point, _kind in mounts()}
    return next((place for place in (directory, *ancestors(directory)) if place in points), "/")


def let_through(directory: str, roots: Iterable[str]) -> None:
    """Let the gateway's user reach what is theirs below a directory, so that OpenClaw can be asked about it; list nothing, and reach
    nothing else. roots: paths that are repeated below it.
    """
    os.chmod(directory, 0o711)
    for root in roots:
        above = os.path.dirname(root)
        while above != "/":
            if os.path.isdir(directory + above) and not any(inside(above, other) for other in roots):
                os.chmod(directory + above, 0o711)
            above = os.path.dirname(above)
