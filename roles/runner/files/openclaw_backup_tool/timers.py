# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When the host's timers will run next."""
from __future__ import annotations

import json

from openclaw_backup_engine.ports import Context

from .health import OPERATIONS

UNIT = "openclaw-backup-{operation}@{instance}.timer"  # as the role schedule names them


def next_runs(instance: str, context: Context) -> dict[str, float | None]:
    """Operation → seconds since 1970 UTC of its next run, or None where no timer is set."""
    return {operation: _next(UNIT.format(operation=operation, instance=instance), context) for operation in OPERATIONS}


def _next(unit: str, context: Context) -> float | None:
    done = context.run(["systemctl", "list-timers", "--all", "--output=json", unit], timeout=10.0)
    try:
        found = json.loads(done.output) if done.code == 0 else []
        at = found[0].get("next") if found else None
    except (ValueError, AttributeError, KeyError):
        return None
    return at / 1e6 if isinstance(at, int) and at else None
