# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a credential's name to a file that the engine can read.

A value with a slash is a path. Any other is the name of a systemd credential: of the unit that runs this, or, when a person
runs it, one that the role runner has put into the credential store. An encrypted one is decrypted into memory only: the path
given then is that of a file without a name, which is gone with this process.
"""
from __future__ import annotations

import os
import re
import subprocess
from typing import Mapping

from openclaw_backup_engine.errors import EngineError

STORE = "/etc/credstore"
ENCRYPTED_STORE = "/etc/credstore.encrypted"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_SECONDS = 30


class Credentials:
    """The credentials of one run. shown: path given to the engine → name, for messages."""

    def __init__(self, environment: Mapping[str, str], store: str = STORE, encrypted_store: str = ENCRYPTED_STORE) -> None:
        self._unit = environment.get("CREDENTIALS_DIRECTORY")
        self._store, self._encrypted = store, encrypted_store
        self._descriptors: list[int] = []
        self.shown: dict[str, str] = {}

    def path(self, value: str | None) -> str | None:
        """The path of a setting's value. EngineError "credential-missing", "credential-unreadable"."""
        if not value or "/" in value:
            return value
        if not _NAME.fullmatch(value):
            raise EngineError("configuration-invalid", f"{value[:80]!r} is neither a path nor a credential's name", "Give either.")
        if self._unit and os.path.lexists(os.path.join(self._unit, value)):
            return os.path.join(self._unit, value)
        encrypted = os.path.join(self._encrypted, value)
        if os.path.lexists(encrypted):
            return self._decrypted(value, encrypted)
        plain = os.path.join(self._store, value)
        if os.path.lexists(plain):
            return plain
        unit = " and this unit was not given it" if self._unit else ""
        raise EngineError(
            "credential-missing", f"There is no credential {value} in {self._encrypted} or {self._store}{unit}",
            "Name it in openclaw_backup_secrets and run the role runner, or give a path. A store may be readable for root only.")

    def _decrypted(self, name: str, path: str) -> str:
        if not os.access(path, os.R_OK):
            raise EngineError("credential-unreadable", f"The credential {path} cannot be read by this user", "Run this as root.")
        try:
            done = subprocess.run(
                ["systemd-creds", "decrypt", f"--name={name}", path, "-"], stdin=subprocess.DEVNULL, capture_output=True, timeout=_SECONDS,
                check=False)
        except (OSError, subprocess.TimeoutExpired) as exc:
            raise EngineError("credential-unreadable", f"systemd-creds cannot decrypt {path}: {exc}", "See that systemd is there.") from exc
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip().splitlines()
            raise EngineError(
                "credential-unreadable", f"systemd-creds cannot decrypt {path}: {said[-1] if said else 'it says nothing'}",
                "It was encrypted on another host, or this host's key is gone: run the role runner again.")
        descriptor = os.memfd_create("openclaw-backup-credential")
        self._descriptors.append(descriptor)
        with open(descriptor, "wb", closefd=False) as stream:
            stream.write(done.stdout)
        found = f"/proc/self/fd/{descriptor}"
        self.shown[found] = f"credential {name}"
        return found

    def close(self) -> None:
        """Forget what was decrypted."""
        for descriptor in self._descriptors:
            os.close(descriptor)
        self._descriptors.clear()
