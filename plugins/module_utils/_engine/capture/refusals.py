# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""What must not lie inside what is backed up: the repository itself, and the keys that open it."""
from __future__ import annotations

import os
from typing import Callable, Iterable, Mapping, Sequence
from urllib.parse import unquote, urlsplit

from ..errors import EngineError
from ..options import EncryptionOptions, StorageOptions
from .model import Root
from .paths import ancestors, inside


def local_destination(storage: StorageOptions) -> str | None:
    """The directory of a file:// storage, None for any other."""
    parts = urlsplit(storage.url)
    return os.path.normpath(unquote(parts.path)) if parts.scheme == "file" and parts.path.startswith("/") else None


def secret_files(encryption: EncryptionOptions, storage: StorageOptions) -> dict[str, str]:
    """Option → path of each file that holds a secret of the repository or the storage."""
    files = {name: getattr(encryption, name) for name in ("passphrase_file", "key_file", "writer_key_file", "identity_file")}
    files.update({name: getattr(storage, name) for name in ("access_key_id_file", "secret_access_key_file")})
    return {name: os.path.abspath(path) for name, path in files.items() if path}


def refuse_inside(roots: Sequence[Root], destination: str | None = None, secrets: Mapping[str, str] | None = None, *,
                  cuts: Iterable[str] = (), left_out: Callable[[str], object] | None = None) -> None:
    """Raise EngineError "destination-inside-source" or "key-inside-source" when a walk would meet one of these.

    roots, cuts: of the Selection. destination: a directory, which need not exist yet. secrets: option → file. Compared by
    resolved path, and by device and inode of each directory above, which finds a root that is mounted elsewhere too.
    left_out: says whether a path is excluded (Exclusions.left_out): a destination may lie in what an extra path takes in
    if a pattern leaves it out; a key may not, since a pattern is soon changed.
    """
    places = _Places(roots, cuts)
    holder = places.holder(destination) if destination else None
    if holder and not (holder.role == "extra" and left_out and _left_out_above(destination, holder.path, left_out)):
        raise EngineError(
            "destination-inside-source", f"The storage {destination} lies inside {holder.path}, which is backed up",
            "Choose a storage outside of it; for one inside an extra path, exclude it with a pattern.",
            {"destination": destination, "root": holder.path})
    for option, path in (secrets or {}).items():
        holder = places.holder(path)
        if holder:
            raise EngineError(
                "key-inside-source", f"The file of {option}, {path}, lies inside {holder.path}, which is backed up",
                "Move it out of there: a key that is kept only in what it opens is lost with it, and is of no use to whoever restores.",
                {"option": option, "path": path, "root": holder.path})


def identities(paths: Iterable[str]) -> set[tuple[int, int]]:
    """(device, inode) of those paths that exist: a walk that meets one of them under another name must not go on."""
    found = set()
    for path in paths:
        status = _status(path)
        if status:
            found.add((status.st_dev, status.st_ino))
    return found


def _left_out_above(path: str, root: str, left_out: Callable[[str], object]) -> bool:
    real = os.path.realpath(path)
    return any(left_out(place) for place in (real, *ancestors(real)) if inside(place, root) and place != root)


def _status(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)
    except (OSError, ValueError):
        return None


class _Places:
    """The roots by path and by identity."""

    def __init__(self, roots: Sequence[Root], cuts: Iterable[str]) -> None:
        self._by_path = {os.path.realpath(entry.path): entry for entry in roots}
        self._by_identity: dict[tuple[int, int], Root] = {}
        for path, entry in self._by_path.items():
            status = _status(path)
            if status:
                self._by_identity.setdefault((status.st_dev, status.st_ino), entry)
        self._cuts = {os.path.realpath(path) for path in cuts}

    def holder(self, path: str) -> Root | None:
        """The root whose walk would come to a path, or None."""
        real = os.path.realpath(path)
        for place in (real, *ancestors(real)):
            if place in self._by_path:
                return self._by_path[place]
            if place in self._cuts:
                return None
            status = _status(place)
            if status and (status.st_dev, status.st_ino) in self._by_identity:
                return self._by_identity[(status.st_dev, status.st_ino)]
        return None
