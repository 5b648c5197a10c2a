# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""Reads stored data and compares every chunk with its id, and every trailer with its pack."""
from __future__ import annotations

import threading
from typing import Callable, Iterable

from . import dependencies
from .errors import EngineError
from .repository import known, names
from .repository.reader import FrameReader
from .repository.repository import Repository
from .repository.tables import ID_BYTES, Tables
from .storage.base import ObjectInfo


class Checker:
    """Checks frames of several snapshots, each stored frame once."""

    def __init__(self, repository: Repository, advance: Callable[[int], None]) -> None:
        self._repository, self._advance = repository, advance
        self._verdicts: dict[tuple[str, int], str] = {}
        self._trailers: dict[str, str] = {}
        self._lock = threading.Lock()
        self.bytes_checked = 0

    def check(self, tables: Tables, frames: Iterable[int], packs: dict[str, ObjectInfo]) -> list[tuple[str, str]]:
        """(object, what is wrong) for these frames of a snapshot and the packs that they lie in."""
        frames = list(frames)
        wanted = [frame for frame in frames if self._key(tables, frame) not in self._verdicts]
        chunks: dict[int, list[int]] = {frame: [] for frame in wanted}
        for chunk, frame in enumerate(tables.chunk_frame):
            if frame in chunks:
                chunks[frame].append(chunk)
        blake3, key = dependencies.blake3(), self._repository.bundle.chunk_key

        def consume(frame: int, plain: bytes | None, error: EngineError | None) -> None:
            verdict = error.message if error else ""
            if plain is not None:
                view = memoryview(plain)
                for chunk in chunks[frame]:
                    start = tables.chunk_offset[chunk]
                    piece = view[start:start + tables.chunk_length[chunk]]
                    if blake3(piece, key=key).digest(ID_BYTES) != tables.chunk_id(chunk):
                        verdict = "a chunk does not match its id"
            with self._lock:
                self._verdicts[self._key(tables, frame)] = verdict
                self.bytes_checked += len(plain or b"")
            self._advance(len(plain or b""))

        with FrameReader(self._repository, tables) as reader:
            reader.begin(wanted, consume)
            reader.finish()
        problems = {}
        for frame in frames:
            verdict = self._verdicts[self._key(tables, frame)]
            if verdict:
                problems.setdefault(f"pack {tables.packs[tables.frame_pack[frame]].pack}", verdict)
        for number in sorted({tables.frame_pack[frame] for frame in frames}):
            pack = tables.packs[number].pack
            verdict = self._trailer(pack, packs)
            if verdict:
                problems.setdefault(f"pack {pack}", verdict)
        return sorted(problems.items())

    @staticmethod
    def _key(tables: Tables, frame: int) -> tuple[str, int]:
        return tables.packs[tables.frame_pack[frame]].pack, tables.frame_ordinal[frame]

    def _trailer(self, pack: str, packs: dict[str, ObjectInfo]) -> str:
        """What is wrong with a pack's trailer, or nothing. A pack that is not there is found by the check of objects."""
        if pack not in packs:
            return ""
        if pack not in self._trailers:
            try:
                repository = self._repository
                known.read_trailer(repository.storage, repository.bundle.catalog_key, repository.id, pack, packs[pack].size)
                self._trailers[pack] = ""
            except (ValueError, KeyError, TypeError, RecursionError) as exc:
                self._trailers[pack] = f"{names.pack_object(pack)}: {exc}"
            except EngineError as exc:
                if exc.code != "object-missing":
                    raise
                self._trailers[pack] = exc.message
        return self._trailers[pack]
