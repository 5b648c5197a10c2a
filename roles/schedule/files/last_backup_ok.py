# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ExecCondition of the prune units: nothing is removed while the newest backup of the instance is a failure."""
from __future__ import annotations

import json
import sys

STATE = "/var/lib/openclaw-backup"
GOOD = ("complete", "omissions", "unchanged")


def main(instance: str, state: str = STATE) -> int:
    """0: go on. 1: skip, which systemd takes for no failure."""
    try:
        with open(f"{state}/{instance}/last-backup.json", encoding="utf-8") as stream:
            last = json.load(stream)
        status = last.get("status")
    except (OSError, ValueError, AttributeError):
        status = None
    if status in GOOD:
        return 0
    print(f"Nothing is pruned: the last backup of {instance} " + ("failed" if status else "is not known to have gone well"))
    return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
