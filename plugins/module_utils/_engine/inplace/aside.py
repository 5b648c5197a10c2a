# Copyright (c) 2026, the openclaw_ops.backup authors
# BSD 2-Clause licence (see LICENSES/BSD-2-Clause.txt)
# SPDX-License-Identifier: BSD-2-Clause

"""Old states that restores have put aside: which there are, and the removal of those whose time is over."""
from __future__ import annotations

import os

from ..ports import Context
from . import staging
from .journal import Journal, load_kept, synchronise


def list_kept(directory: str) -> list[dict]:
    """What is kept: which snapshot replaced it, where it lies, until when (seconds since 1970).

    EngineError "restore-journal-unusable".
    """
    return [{"id": one.id, "snapshot": one.snapshot, "directories": list(one.staging), "until": one.until} for one in load_kept(directory)]


def remove_expired(directory: str, context: Context) -> list[str]:
    """Remove what has been kept long enough. The directories that are gone. EngineError "restore-not-removed"."""
    now, gone = context.clock.now(), []
    for one in load_kept(directory):
        if one.until <= now:
            gone += _remove(one, context)
    return gone


def _remove(one: Journal, context: Context) -> list[str]:
    staging.discard(one.staging, context)
    os.unlink(f"{one.directory}/{one.kept_name}")
    synchronise([one.directory])
    return list(one.staging)
