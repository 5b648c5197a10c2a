# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Prints, as JSON, what this host knows of its own backups: for the playbook status. Needs nothing but Python 3."""
from __future__ import annotations

import json
import os
import re
import subprocess
import sys

CONFIGURED = "/etc/openclaw-backup/instances"
STATE = "/var/lib/openclaw-backup"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}\Z")


def read(path: str) -> dict:
    """A JSON object of a file, or nothing."""
    try:
        with open(path, encoding="utf-8") as stream:
            value = json.load(stream)
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def listed(directory: str, suffix: str = "") -> set[str]:
    """The instances that the entries of a directory are named for."""
    try:
        found = [name[:len(name) - len(suffix)] for name in os.listdir(directory) if name.endswith(suffix)]
    except OSError:
        return set()
    return {name for name in found if NAME.match(name)}


def timer(instance: str) -> dict:
    """When systemd will start the instance's next backup, in seconds since 1970; and whether it will at all."""
    command = ["systemctl", "show", f"openclaw-backup@{instance}.timer", "--property=NextElapseUSecRealtime,ActiveState", "--timestamp=unix"]
    try:
        shown = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return {}
    values = dict(line.partition("=")[::2] for line in shown.splitlines())
    following = re.fullmatch(r"@(\d+)", values.get("NextElapseUSecRealtime", ""))
    return {"enabled": values.get("ActiveState") == "active", **({"next_run": int(following.group(1))} if following else {})}


def report(instance: str, configured: bool) -> dict:
    """All of one instance. A last run that failed says since when and why."""
    last = read(f"{STATE}/{instance}/last-backup.json")
    found = {"instance": instance, **(timer(instance) if configured else {})}
    if configured and read(f"{CONFIGURED}/{instance}.json").get("enabled") is False:
        found["enabled"] = False
    if isinstance(last.get("channels"), list):
        found["channels"] = last["channels"]
    if last.get("status") == "failed":
        found.update({name: last.get(name) for name in ("failing_since", "error_code", "msg")})
        found["failing_since"] = last.get("failing_since") or last.get("ended")
    return found


def main() -> int:
    configured = listed(CONFIGURED, ".json")
    print(json.dumps([report(name, name in configured) for name in sorted(configured | listed(STATE))]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
