# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A user's home with an OpenClaw state, and the engine's operations on it as one-line calls; for tests."""
from __future__ import annotations

import json
import os
from pathlib import Path

from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine import administer, backup, opening, restore, source, verify
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.options import (
    BackupOptions, EncryptionOptions, InstanceOptions, RepositoryOptions, StorageOptions)
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.ports import Context
from support.fake_host import State

INSTANCE = "test"


class BackupHost:
    """One home, one repository in a directory. All below the directory that is given, unless the home is elsewhere.

    encryption: by default the repository's key lies open beside it, which spares a test the stretching of a passphrase.
    """

    def __init__(self, directory: Path, encryption: EncryptionOptions | None = None, home: Path | None = None) -> None:
        self.directory = directory
        self.home = home or directory / "home"
        self.home.mkdir(mode=0o700, exist_ok=True)
        self.state = State(self.home / ".openclaw")
        self.state.path.mkdir(mode=0o700, exist_ok=True)
        self.storage = StorageOptions(url=f"file://{directory}/storage")
        self.encryption = encryption or EncryptionOptions(enabled=False)
        self.context = Context(environment={"HOME": str(self.home), "PATH": os.environ.get("PATH", "")}, cache_dir=str(directory / "cache"))
        self._restores = 0

    @property
    def repository_directory(self) -> Path:
        """Where the stored objects are."""
        return self.directory / "storage" / INSTANCE

    def choose(self, instance: InstanceOptions | None = None, **options) -> source.Chosen:
        """What a backup with these options would take."""
        instance = instance or InstanceOptions(instance=INSTANCE)
        return source.choose(instance, BackupOptions(**options), self.storage, self.encryption, self.context)

    def back_up(self, instance: InstanceOptions | None = None, **options) -> dict:
        """Make a backup, and the repository when there is none; the result in the modules' words."""
        chosen = self.choose(instance, **options)
        if not self.repository_directory.exists():
            place = opening.storage_of(INSTANCE, self.storage, self.context, initialise=True)
            administer.execute(administer.plan(place, INSTANCE, self.encryption, RepositoryOptions(), self.context), self.context)
        made = backup.plan(self.repository, chosen.source, BackupOptions(**options), self.context)
        return backup.execute(made, self.context).to_dict()

    def repository(self):
        """The opened repository."""
        return opening.repository_of(INSTANCE, self.storage, self.encryption, self.context)

    def restore(self, target: Path | None = None, **options) -> Path:
        """Restore to a new directory and return it: what was at /a/b is at <it>/a/b."""
        self._restores += 1
        target = target or self.directory / f"restored-{self._restores}"
        made = restore.plan(self.repository(), restore.RestoreOptions(target=str(target), **options), self.context)
        self.last_restore = restore.execute(made, self.context).to_dict()
        return target

    def restored(self, path: Path | str, target: Path | None = None) -> Path:
        """Restore, and return where that path of the original is now."""
        return below(target or self.restore(), path)

    def verify(self, level: str = "quick"):
        """Verify the newest snapshot; the engine's own result."""
        scratch = str(self.directory / "scratch") if level == "restore" else None
        made = verify.plan(self.repository(), verify.VerifyOptions(level=level, scratch=scratch), self.context)
        return verify.execute(made, self.context)

    def manifest_meta(self) -> dict:
        """The manifest's own account of the newest snapshot."""
        repository = self.repository()
        return repository.load(repository.snapshots()[-1])[1].meta

    def configure(self, **config) -> None:
        """Write the config."""
        self.state.config(json.dumps(config, indent=2))


def below(target: Path, path: Path | str) -> Path:
    """Where an absolute path lies below a restore's target."""
    return Path(f"{target}{path}")
