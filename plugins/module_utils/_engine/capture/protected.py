# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""What no exclusion pattern can leave out: without these there is no agent to restore."""
from __future__ import annotations

import os
import re

from .model import Instance
from .paths import ancestors

WORKSPACE_FILES = (
    "AGENTS.md", "SOUL.md", "IDENTITY.md", "USER.md", "MEMORY.md", "TOOLS.md", "HEARTBEAT.md", "BOOTSTRAP.md", "BOOT.md",
)
STATE_FILES = (".env", "secrets.json", "config-journal-fingerprint.key", "cron/jobs.json")
STATE_DIRECTORIES = ("credentials", "identity", "devices")
AGENT_FILES = ("agent/auth-profiles.json", "agent/models.json", "sessions/sessions.json")
DATABASE_COMPANIONS = ("", "-wal", "-journal")
ROLES = ("config", "include", "environment", "credentials", "unit", "auxiliary")
_TRANSCRIPTS = re.compile(r".*\.jsonl(?:\.(?:deleted|reset|bak)\..*)?|sessions\.json", re.DOTALL).fullmatch
_COLD = re.compile(r".*\.jsonl\.zst", re.DOTALL).fullmatch
_NOTES = re.compile(r".*\.md", re.DOTALL).fullmatch


class Protected:
    """The protected paths of an instance.

    trees: directories protected with all they hold. above: directories that have something protected somewhere below,
    so that a walk must enter them even when they are excluded.
    """

    def __init__(self, instance: Instance) -> None:
        self._files: set[str] = set()
        self._names: dict[str, object] = {}  # directory → what matches the protected names directly in it
        self.trees: set[str] = set()
        for root in instance.roots:
            self._add_root(root.path, root.role)
        for path in instance.databases:
            self._files.update(path + end for end in DATABASE_COMPANIONS)
        self.above: set[str] = set()
        for path in (*self._files, *self.trees, *self._names, *(f"{name}/" for name in self._names)):
            self.above.update(ancestors(path))

    def _add_root(self, path: str, role: str) -> None:
        if role in ROLES:
            (self.trees if os.path.isdir(path) and not os.path.islink(path) else self._files).add(path)
        elif role == "state":
            self._files.update(f"{path}/{name}" for name in STATE_FILES)
            self.trees.update(f"{path}/{name}" for name in STATE_DIRECTORIES)
        elif role == "agent":
            self._files.update(f"{path}/{name}" for name in AGENT_FILES)
            self._names[f"{path}/sessions"] = _TRANSCRIPTS
            self._names[f"{path}/sessions/cold"] = _COLD
        elif role == "workspace":
            self._files.update(f"{path}/{name}" for name in WORKSPACE_FILES)
            self._names[f"{path}/memory"] = _NOTES

    def holds(self, path: str, is_directory: bool) -> bool:
        """Whether a path itself is protected; what lies in a protected tree is asked for by the tree."""
        if is_directory:
            return path in self.trees
        if path in self._files:
            return True
        directory, dummy, name = path.rpartition("/")
        matches = self._names.get(directory)
        return bool(matches and matches(name))
