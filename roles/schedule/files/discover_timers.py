# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Gives every instance of this host that has no configuration of its own the timers that discover.json describes, and takes them
from instances that are gone. The instances are found by the host tool's own code."""
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
NONE = 16  # the tool's status where there is no instance
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}\Z")


def discovered() -> set[str]:
    """The instances of the host without those that have a configuration file."""
    done = subprocess.run([TOOL, "--all", "--json", "instances"], capture_output=True, text=True, timeout=240, check=False)
    if done.returncode == NONE:
        return set()
    if done.returncode:
        raise SystemExit(f"The instances of this host cannot be listed: {done.stdout.strip() or done.stderr.strip()}")
    names = {item["instance"] for item in json.loads(done.stdout)["instances"]}
    return {name for name in names if NAME.match(name) and not os.path.exists(f"{CONFIG}/instances/{name}.json")}


def given() -> set[str]:
    """The units that this script enabled before: instances of the templates."""
    found = set()
    for name in os.listdir(WANTS) if os.path.isdir(WANTS) else ():
        unit = name.partition("@")[0]
        if unit in OPERATIONS and name.endswith(".timer") and os.path.basename(os.path.realpath(f"{WANTS}/{name}")) == f"{unit}@.timer":
            found.add(name)
    return found


def wanted() -> set[str]:
    """The units that there should be."""
    templates = [unit for unit in OPERATIONS if os.path.exists(f"{UNITS}/{unit}@.timer")]
    return {f"{unit}@{name}.timer" for name in discovered() for unit in templates} if templates else set()


def main() -> int:
    """Enable and disable."""
    before, after = given(), wanted()
    for verb, units in (("enable", after - before), ("disable", before - after)):
        if units:
            print(f"{verb}: {' '.join(sorted(units))}")
            subprocess.run(["systemctl", verb, "--now", *sorted(units)], check=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
