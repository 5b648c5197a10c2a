# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""When the host's timers will run next."""
from __future__ import annotations

import json

from openclaw_backup_engine.ports import Context

# As the role schedule names them.
UNITS = {"backup": "openclaw-backup@{}.timer", "prune": "openclaw-backup-prune@{}.timer", "verify": "openclaw-backup-verify@{}.timer"}
OPERATIONS = tuple(UNITS)


def next_runs(instance: str, context: Context) -> dict[str, float | None]:
    """Operation → seconds since 1970 UTC of its next run, or None where no timer is set."""
    return {operation: _next(unit.format(instance), context) for operation, unit in UNITS.items()}


def _next(unit: str, context: Context) -> float | None:
    done = context.run(["systemctl", "list-timers", "--all", "--output=json", unit], timeout=10.0)
    try:
        found = json.loads(done.output) if done.code == 0 else []
        at = found[0].get("next") if found else None
    except (ValueError, AttributeError, KeyError):
        return None
    return at / 1e6 if isinstance(at, int) and at else None
