# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The engine on directories of a test's own, without discovery: back up, restore, look into what is stored."""
from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Iterable

from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine import backup, prune, restore
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.capture.model import Instance, Root
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.options import BackupOptions, PruneOptions
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.ports import Clock, Context
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.repository import keys, known, names, repository
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.storage.base import Storage
from support.fault_storage import MemoryStorage

OPEN = keys.Secret(keys.OPEN)  # a key that needs no stretching: these tests are not about keys


class Rig:
    """One tree (or several roots), one repository. All below a directory that is given; the storage is in memory by default."""

    def __init__(self, directory: Path, storage: Storage | None = None, clock: Clock | None = None) -> None:
        self.directory = directory
        self.source = directory / "source"
        self.source.mkdir(parents=True, exist_ok=True)
        self.clock = clock or Clock()
        self.storage = storage or MemoryStorage(self.clock)
        self.roots: list[Path] = [self.source]
        self.databases: tuple[str, ...] = ()
        self.context = self.new_context()
        if not any(self.storage.list(names.REPOSITORY)):
            repository.create(self.storage, OPEN, "test", self.context)
        self._targets = 0

    def new_context(self, cache: str = "cache") -> Context:
        """What a process on this host has; another cache is another host."""
        return Context(clock=self.clock, cache_dir=str(self.directory / cache))

    def open(self, storage: Storage | None = None, context: Context | None = None) -> repository.Repository:
        """The opened repository."""
        return repository.open_repository(storage or self.storage, OPEN, context or self.context)

    def what(self) -> backup.Source:
        """What is backed up: the roots, as a state directory and what lies beside it."""
        roots = tuple(Root(str(path), "state" if number == 0 else "extra") for number, path in enumerate(self.roots))
        instance = Instance(
            "test", "tester", os.geteuid(), os.getegid(), str(self.directory), None, str(self.source), str(self.source / "openclaw.json"),
            roots=roots, databases=self.databases)
        return backup.Source(instance, roots)

    def plan(self, storage: Storage | None = None, context: Context | None = None, **options) -> backup.BackupPlan:
        """Plan a backup."""
        context = context or self.context
        return backup.plan(lambda: self.open(storage, context), self.what(), BackupOptions(**options), context)

    def back_up(self, storage: Storage | None = None, context: Context | None = None, **options) -> backup.BackupResult:
        """Plan and execute a backup."""
        return backup.execute(self.plan(storage, context, **options), context or self.context)

    def restore(self, snapshot: str = "latest", storage: Storage | None = None, context: Context | None = None, **options) -> Path:
        """Restore a snapshot into a new directory and give that: what was at /a/b is at <it>/a/b. Sets restored."""
        self._targets += 1
        target = self.directory / f"restored-{self._targets}"
        context = context or self.context
        made = restore.plan(self.open(storage, context), restore.RestoreOptions(snapshot=snapshot, target=str(target), **options), context)
        self.restored = restore.execute(made, context)
        return target

    def restored_source(self, snapshot: str = "latest", **options) -> Path:
        """Restore, and give where the first root is now."""
        return below(self.restore(snapshot, **options), self.roots[0])

    def prune(self, storage: Storage | None = None, **options) -> prune.PruneResult:
        """Plan and execute a prune without a key."""
        return prune.execute(prune.plan(storage or self.storage, PruneOptions(**options), self.context), self.context)

    def forget_restored(self) -> None:
        """Remove all that was restored."""
        for number in range(1, self._targets + 1):
            shutil.rmtree(self.directory / f"restored-{number}", ignore_errors=True)

    def snapshot_ids(self) -> list[str]:
        """All snapshots, oldest first."""
        return [ref.id for ref in repository.list_snapshots(self.storage)]

    def manifest(self, snapshot_id: str | None = None):
        """(header, manifest) of a snapshot, the newest by default."""
        opened = self.open()
        refs = opened.snapshots()
        return opened.load(next(ref for ref in reversed(refs) if snapshot_id in (None, ref.id)))

    def entries(self, snapshot_id: str | None = None) -> dict:
        """The entries of a snapshot by path."""
        return {entry.path: entry for entry in self.manifest(snapshot_id)[1].entries()}

    def trailers(self) -> dict[str, known.pack.Trailer]:
        """The trailers of all stored packs by pack id."""
        opened = self.open()
        return {
            pack: known.read_trailer(self.storage, opened.bundle.catalog_key, opened.id, pack, item.size)
            for pack, item in repository.list_packs(self.storage).items()}

    def stored_chunks(self) -> list[bytes]:
        """The ids of all chunks in all packs, as often as they are stored."""
        return [
            frame.rows.ids[place:place + 16] for trailer in self.trailers().values() for frame in trailer.frames
            for place in range(0, len(frame.rows.ids), 16)]


def below(target: Path, path: Path | str) -> Path:
    """Where an absolute path lies below a restore's target."""
    return Path(f"{target}{path}")


def omissions(result: backup.BackupResult, base: Path) -> dict[str, str]:
    """What a result says is missing, relative to a directory, with the reasons."""
    return {os.path.relpath(path, base): reason for path, reason in result.omissions}


def paths(found: Iterable, base: Path) -> set[str]:
    """Paths relative to a directory."""
    return {os.path.relpath(path, base) for path in found}
