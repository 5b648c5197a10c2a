# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role monitor on a real staging host: its timer looks at the storage of all hosts, and tells once of one that is gone."""
from __future__ import annotations

import base64
import json
import re
import runpy
import subprocess
import sys
import time
from pathlib import Path

from hosts.lab import places

runpy.run_path(str(places.CHECKOUT / "tests" / "unit" / "conftest.py"))  # makes the collection importable

from support.simulated_fleet import DAY, healthy  # noqa: E402

SERVED = "/srv/fleet"
VARIABLES = {
    "openclaw_backup_storage": {"url": f"file://{SERVED}"}, "openclaw_backup_objectives": {"max_age": "2d"},
    "openclaw_monitor_notify": {"command": ["/usr/local/bin/tell-fleet"]}, "openclaw_monitor_page": "/srv/www/backups.html",
    "openclaw_monitor_report": "/srv/www/report.json", "openclaw_monitor_secrets": {"openclaw-monitor-secret": "correct-horse"},
}
INVENTORY = """
[openclaw_servers]
vps-01 openclaw_backup_instances='[{{"name": "assistant"}}]'
vps-02 openclaw_backup_instances='[{{"name": "support-desk"}}]'
[openclaw_staging]
{staging}
"""


def test_a_staging_host_alarms_when_a_host_is_gone(debian13, tmp_path):
    debian13.inside("mkdir", "-p", SERVED, "/srv/www")
    debian13.write("/usr/local/bin/tell-fleet", "#!/bin/sh\ncat >> /var/lib/openclaw-backup/told-fleet\n", mode="0755")
    put(debian13, tmp_path, "assistant", time.time())
    (tmp_path / "inventory").write_text(INVENTORY.format(staging=debian13.name))
    play(debian13, tmp_path)
    assert re.search(rf"^{debian13.name}\s.*changed=0", play(debian13, tmp_path), re.M), "a second run changes nothing"
    assert "openclaw-backup-fleet.timer" in debian13.inside("systemctl", "list-timers", "--all", "--no-pager").stdout
    assert look(debian13) == "exit-code", "support-desk never arrived, and the inventory says that there should be one"
    assert "support-desk on vps-02: There is no repository" in told(debian13)[0]["text"] and len(told(debian13)) == 1
    put(debian13, tmp_path, "support-desk", time.time() - 5 * DAY)
    assert look(debian13) == "exit-code" and len(told(debian13)) == 1, "still no backup to rely on: that was told"
    debian13.inside("rm", "-r", f"{SERVED}/support-desk")
    put(debian13, tmp_path, "support-desk", time.time())
    assert look(debian13) == "success"
    assert [message["event"] for message in told(debian13)] == ["alarm", "relief"]
    assert "2 instances could be brought back today" in debian13.inside("cat", "/srv/www/backups.html").stdout
    debian13.inside("openssl", "pkeyutl", "-verify", "-pubin", "-inkey", "/etc/openclaw-backup/report.key.pub", "-rawin", "-in",
                    "/srv/www/report.json", "-sigfile", "/srv/www/report.json.sig")
    play(debian13, tmp_path, openclaw_monitor_state="absent")
    left = "ls /etc/systemd/system/openclaw-backup-fleet.* /etc/openclaw-backup/fleet.json /etc/credstore*/openclaw-monitor-secret 2>/dev/null"
    assert debian13.inside("sh", "-c", left, check=False).stdout == ""


def put(host, directory: Path, name: str, when: float) -> None:
    """Leave a repository on the host, as a host that backed up until then would have."""
    healthy(directory / "storage", name, when, days=5)
    archive = subprocess.run(["tar", "-C", directory / "storage", "-c", name], capture_output=True, check=True)
    host.inside("sh", "-c", f"base64 -d | tar -C {SERVED} -x", input=base64.b64encode(archive.stdout).decode())


def look(host) -> str:
    """Let systemd run the look as the timer does, in its sandbox; gives how it ended."""
    host.inside("systemctl", "start", "openclaw-backup-fleet.service", check=False)
    return host.inside("systemctl", "show", "--value", "--property=Result", "openclaw-backup-fleet.service").stdout.strip()


def told(host) -> list[dict]:
    said = host.inside("cat", "/var/lib/openclaw-backup/told-fleet", check=False).stdout
    return [json.loads(line) for line in said.replace("}{", "}\n{").splitlines()]


def play(host, directory: Path, **variables) -> str:
    """Run the playbook monitor; gives the output."""
    (directory / "variables.json").write_text(json.dumps({**VARIABLES, **variables}))
    done = subprocess.run(
        [places.CHECKOUT / "tools" / "in-collection.sh", Path(sys.executable).parent / "ansible-playbook", "-i", host.lab.inventory, "-i",
         directory / "inventory", "-e", f"@{directory / 'variables.json'}", "openclaw_ops.backup.monitor"],
        capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    return done.stdout
