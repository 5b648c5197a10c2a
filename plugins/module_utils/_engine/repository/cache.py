# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""Copies of a few repository objects on the host: disposable, and as encrypted as the objects themselves."""
from __future__ import annotations

import hashlib
import os
import tempfile

from . import names


class Cache:
    """A directory for the objects of one repository. Every failure to read or write it is a miss, never an error."""

    def __init__(self, directory: str | None, url: str) -> None:
        self.directory = os.path.join(directory, hashlib.sha256(url.encode()).hexdigest()[:32]) if directory else None

    def _path(self, name: str) -> str | None:
        return os.path.join(self.directory, name.replace("/", "-")) if self.directory else None

    def read(self, name: str) -> bytes | None:
        """A copy, or None."""
        path = self._path(name)
        if path is None:
            return None
        try:
            with open(path, "rb") as stream:
                return stream.read()
        except OSError:
            return None

    def write(self, name: str, parts: list[bytes]) -> None:
        """Keep a copy, readable by this user only."""
        path = self._path(name)
        if path is None:
            return
        try:
            os.makedirs(self.directory, mode=0o700, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self.directory, prefix=".new-", delete=False) as stream:
                stream.writelines(parts)
            os.replace(stream.name, path)
        except OSError:
            return

    def names(self) -> list[str]:
        """The object names that there are copies of, as far as they are keys."""
        try:
            found = sorted(os.listdir(self.directory)) if self.directory else []
        except OSError:
            return []
        prefix = names.KEYS.replace("/", "-")
        return [names.KEYS + name[len(prefix):] for name in found if name.startswith(prefix)]

    def keep_only_snapshot(self, name: str) -> None:
        """Drop the copies of all other snapshots."""
        self._drop(lambda found: found.startswith(names.SNAPSHOTS.replace("/", "-")) and found != name.replace("/", "-"))

    def clear(self) -> None:
        """Drop all copies: the repository at this place is another one now."""
        self._drop(lambda found: found != "lock")

    def _drop(self, unwanted) -> None:
        try:
            for found in os.listdir(self.directory) if self.directory else ():
                if unwanted(found):
                    os.unlink(os.path.join(self.directory, found))
        except OSError:
            return
