# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause
"""The objects below a prefix of another storage, as a storage of its own: one instance of a fleet, over shared connections."""
from __future__ import annotations

from typing import Iterable, Iterator, Sequence

from ..storage.base import Capabilities, Deletion, ObjectInfo, Storage


class Part(Storage):
    """What lies below <directory>/ of a storage. Closing it closes nothing: the whole is its owner's."""

    def __init__(self, whole: Storage, directory: str) -> None:
        self._whole = whole
        self._base = directory + "/"
        self.url = f"{whole.url}/{directory}"
        self.traffic = whole.traffic

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        return self.list_after(prefix, "")

    def list_after(self, prefix: str, after: str) -> Iterator[ObjectInfo]:
        cut = len(self._base)
        for item in self._whole.list_after(self._base + prefix, self._base + after if after else ""):
            yield ObjectInfo(item.name[cut:], item.size, item.modified)

    def get(self, name: str, offset: int = 0, length: int | None = None) -> bytes:
        return self._whole.get(self._base + name, offset, length)

    def create(self, name: str, parts: Sequence[bytes]) -> None:
        self._whole.create(self._base + name, parts)

    def delete(self, names: Iterable[str]) -> Deletion:
        done, cut = self._whole.delete([self._base + name for name in names]), len(self._base)
        return Deletion([name[cut:] for name in done.deleted], [(name[cut:], reason) for name, reason in done.failed])

    def now(self) -> float:
        return self._whole.now()

    def probe(self) -> Capabilities:
        return self._whole.probe()

    def parallel_transfers(self) -> int:
        return self._whole.parallel_transfers()
