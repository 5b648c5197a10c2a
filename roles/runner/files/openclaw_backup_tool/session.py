# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One instance at work: its settings as the engine's options, its repository, its state, its lock."""
from __future__ import annotations

import os
from dataclasses import replace
from typing import Mapping

from openclaw_backup_engine import lock, opening
from openclaw_backup_engine.capture.locate import Location, locate
from openclaw_backup_engine.errors import EngineError
from openclaw_backup_engine.gateway import fence
from openclaw_backup_engine.gateway.control import Gateway
from openclaw_backup_engine.gateway.detect import detect
from openclaw_backup_engine.options import EncryptionOptions, InstanceOptions, StorageOptions
from openclaw_backup_engine.ports import Clock, Context, Progress
from openclaw_backup_engine.repository.repository import Repository
from openclaw_backup_engine.storage.base import Storage

from .credentials import Credentials
from .settings import Settings
from .world import run_command

_STORAGE_FILES = ("access_key_id_file", "secret_access_key_file")
_KEY_FILES = ("passphrase_file", "key_file", "writer_key_file", "identity_file")


class Session:
    """A run of one operation on one instance. Close it: it may hold secrets and connections.

    state_directory: the instance's own, for results, the lock and copies of repository objects.
    """

    def __init__(self, name: str, settings: Settings, state_directory: str, environment: Mapping[str, str], progress: Progress) -> None:
        self.name, self.settings, self.state_directory = name, settings, state_directory
        self.credentials = Credentials(environment)
        if any((settings.user, settings.profile, settings.state_dir, settings.config_path)):
            # What is set for the OpenClaw of whoever runs this says nothing about the instance that is configured.
            environment = {key: value for key, value in environment.items() if not key.startswith("OPENCLAW_")}
        self.context = Context(
            Clock(), progress, environment, os.path.join(state_directory, "cache"), run_command)
        self._storage: Storage | None = None
        self._lock: lock.WriterLock | None = None
        self._identity: str | None = None
        self._forgets = False

    def use_identity(self, path: str, forget: bool) -> None:
        """Open the repository with an operator's private key, in this run, instead of the configured key.

        forget: remove the file as soon as it was read, so that it is nowhere on the host while the rest is done.
        """
        self._identity, self._forgets = os.path.abspath(path), forget

    def instance_options(self) -> InstanceOptions:
        """Which instance of the host this is."""
        return replace(self.settings.instance_options(), instance=self.name)

    def location(self) -> Location:
        """Where the instance is on this host; its state need not be there. EngineError "user-unknown", "path-relative"."""
        return locate(self.instance_options(), self.context)

    def gateway(self) -> Gateway:
        """The gateway of the instance, also where its state is not there (yet). EngineError of location() and control."""
        location, options = self.location(), self.settings.gateway
        return Gateway(location, detect(location, options, self.context), options, self.context)

    def fence(self) -> fence.Fence | None:
        """The fence around its gateway; None also where there is no such user (any more)."""
        try:
            return fence.find(self.location().state_dir)
        except EngineError:
            return None

    def storage_options(self) -> StorageOptions:
        """Where its repository is, with files in place of credentials' names. EngineError of Credentials."""
        options = self.settings.storage
        return replace(options, **{name: self.credentials.path(getattr(options, name)) for name in _STORAGE_FILES})

    def encryption_options(self) -> EncryptionOptions:
        """Which key opens it, with files in place of credentials' names. EngineError of Credentials."""
        options = EncryptionOptions(identity_file=self._identity) if self._identity else self.settings.encryption
        return replace(options, **{name: self.credentials.path(getattr(options, name)) for name in _KEY_FILES})

    def storage(self, initialise: bool = False) -> Storage:
        """The storage of its repository."""
        if self._storage is None:
            self._storage = opening.storage_of(self.name, self.storage_options(), self.context, initialise)
        return self._storage

    def repository(self) -> Repository:
        """Its opened repository. EngineError of storage, key and repository."""
        try:
            opened = opening.repository_of(self.name, self.storage_options(), self.encryption_options(), self.context)
        finally:
            if self._forgets and os.path.lexists(self._identity):
                os.unlink(self._identity)
        self._storage = opened.storage
        return opened

    def has_key(self) -> bool:
        """Whether the settings name a key, or say that none is needed."""
        return opening.has_key(self.settings.encryption)

    def take_lock(self, patience: float) -> None:
        """Keep other runs that change the repository away. patience: seconds to wait for one. EngineError "already-running"."""
        give_up = self.context.clock.elapsed() + patience
        while self._lock is None:
            try:
                self._lock = lock.WriterLock(self.state_directory)
            except EngineError as exc:
                if exc.code != "already-running" or self.context.clock.elapsed() >= give_up:
                    raise
                self.context.clock.sleep(0.5)

    def in_words(self, text: str) -> str:
        """A message with the names of credentials in place of where they lie for the moment."""
        for path, name in self.credentials.shown.items():
            text = text.replace(path, name)
        return text

    def close(self) -> None:
        """Let go of everything."""
        if self._storage is not None:
            self._storage.close()
        if self._lock is not None:
            self._lock.release()
        self.credentials.close()
