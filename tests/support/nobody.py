# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A process of root's becomes nobody's, for tests of what may not be read or written."""
from __future__ import annotations

import importlib
import os
import pkgutil

from ansible_collections.openclaw_ops.backup.plugins.module_utils import _engine
from ansible_collections.openclaw_ops.backup.plugins.module_utils._engine import dependencies

NOBODY = 65534


def become_nobody() -> None:
    """Give up all rights. The engine and its packages are loaded first: they may lie where only root may look."""
    for found in pkgutil.walk_packages(_engine.__path__, _engine.__name__ + "."):
        importlib.import_module(found.name)
    for load in (dependencies.blake3, dependencies.zstd, dependencies.aes_gcm, dependencies.invalid_tag, dependencies.argon2id,
                 dependencies.hpke, dependencies.mlkem_and_x25519, dependencies.ed25519, dependencies.json5):
        load()
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)
