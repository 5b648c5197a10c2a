# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keeps the units of this host in step with its instances, which the host tool's own code finds.

- The services that back up may write to the directories with live databases, and to nothing else of an instance: drop-ins say which.
- Every instance that has no configuration of its own has the timers that discover.json describes; one that is gone has none.
"""
from __future__ import annotations

import json
import os
import re
import subprocess
import sys

CONFIG = "/etc/openclaw-backup"
WANTS = "/etc/systemd/system/timers.target.wants"
UNITS = "/etc/systemd/system"
TOOL = "/usr/local/bin/openclaw-backup"
OPERATIONS = ("openclaw-backup", "openclaw-backup-prune", "openclaw-backup-verify")
READERS = ("openclaw-backup@.service", "openclaw-backup-pre-update@.service")  # of live databases
DROP_IN = "50-openclaw-databases.conf"
NONE = 16  # the tool's status where there is no instance
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}\Z")
PATH = re.compile(r"/[^\x00-\x1f\x7f\"'\\]+\Z")  # an agent's config may name any path: none may end the line that it is written into


def instances() -> list[dict]:
    """All instances of this host, as the tool lists them."""
    done = subprocess.run([TOOL, "--all", "--json", "instances"], capture_output=True, text=True, timeout=240, check=False)
    if done.returncode == NONE:
        return []
    try:
        return json.loads(done.stdout)["instances"]
    except (ValueError, KeyError, TypeError):
        raise SystemExit(f"The instances of this host cannot be listed: {done.stdout.strip() or done.stderr.strip()}") from None


def drop_in(found: list[dict]) -> str:
    """The text that lets a service write where live databases are."""
    paths = sorted({path for item in found for path in item.get("directories") or () if PATH.match(path)})
    lines = [f'ReadWritePaths="-{path}"'.replace("%", "%%") for path in paths]
    return "\n".join(["# Written by discover-timers of the role openclaw_ops.backup.schedule.", "[Service]", *lines, ""])


def write_drop_ins(text: str) -> bool:
    """Put it beside each service that reads live databases. True: something changed."""
    changed = False
    for unit in READERS:
        path = f"{UNITS}/{unit}.d/{DROP_IN}"
        try:
            with open(path, encoding="utf-8") as stream:
                if stream.read() == text:
                    continue
        except (OSError, ValueError):
            pass
        os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
        with open(path, "w", encoding="utf-8") as stream:
            stream.write(text)
        changed = True
    return changed


def discovered(found: list[dict]) -> set[str]:
    """The names of those without a configuration file."""
    names = {item["instance"] for item in found}
    return {name for name in names if NAME.match(name) and not os.path.exists(f"{CONFIG}/instances/{name}.json")}


def given() -> set[str]:
    """The units that this script enabled before: instances of the templates."""
    found = set()
    for name in os.listdir(WANTS) if os.path.isdir(WANTS) else ():
        unit = name.partition("@")[0]
        if unit in OPERATIONS and name.endswith(".timer") and os.path.basename(os.path.realpath(f"{WANTS}/{name}")) == f"{unit}@.timer":
            found.add(name)
    return found


def wanted(found: list[dict]) -> set[str]:
    """The units that there should be."""
    templates = [unit for unit in OPERATIONS if os.path.exists(f"{UNITS}/{unit}@.timer")]
    return {f"{unit}@{name}.timer" for name in discovered(found) for unit in templates}


def main() -> int:
    """Write, enable and disable; say what was changed."""
    found = instances()
    if write_drop_ins(drop_in(found)):
        print("directories with live databases: written down")
        subprocess.run(["systemctl", "daemon-reload"], check=True)
    before, after = given(), wanted(found)
    for verb, units in (("enable", after - before), ("disable", before - after)):
        if units:
            print(f"{verb}: {' '.join(sorted(units))}")
            subprocess.run(["systemctl", verb, "--now", *sorted(units)], check=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
