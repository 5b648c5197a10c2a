# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A small agent state on disk, backed up by the real engine into a storage that the test chooses."""
from __future__ import annotations

from pathlib import Path

from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine import backup
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.capture.model import Instance, Root
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.options import BackupOptions
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.ports import Clock, Context
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.repository import keys, repository
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.repository.snapshot import Header
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine.storage.base import Storage

OPEN = keys.Secret(keys.OPEN)  # needs no stretching, so tests stay quick


class Agent:
    """One instance and its repository, which is made at once. The clock gives the snapshots their ids."""

    def __init__(self, directory: Path, storage: Storage, clock: Clock, secret: keys.Secret = OPEN) -> None:
        self.home, self.storage, self.secret = directory / "home", storage, secret
        self.state = self.home / ".openclaw"
        self.state.mkdir(parents=True)
        self.context = Context(clock=clock)
        repository.create(storage, secret, "agent", self.context)

    def write(self, path: str, content: bytes | str) -> Path:
        """A file of the state."""
        target = self.state / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)
        return target

    def open(self, storage: Storage | None = None) -> repository.Repository:
        """The repository, opened anew."""
        return repository.open_repository(storage or self.storage, self.secret, self.context)

    def backup(self, storage: Storage | None = None, **options) -> Header:
        """One backup with these BackupOptions; the header of its snapshot."""
        root = str(self.state)
        instance = Instance("agent", "root", 0, 0, str(self.home), None, root, root + "/openclaw.json")
        source = backup.Source(instance, (Root(root, "state", required=True),))
        made = backup.plan(lambda: self.open(storage), source, BackupOptions(**{"kind": "scheduled", **options}), self.context)
        return backup.execute(made, self.context).header
