# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbooks on two real hosts over SSH: set up once, then timers back up by themselves, and failures are told once."""
from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hosts.lab import faults, places
from hosts.lab.host import Host

SAMPLE = places.CHECKOUT / "playbooks" / "files" / "sample_state.py"
STATE = "/var/lib/openclaw-backup"
TOLD = f"{STATE}/told"
VARIABLES = {
    "openclaw_backup_storage": {"url": "file:///srv/backups"},
    "openclaw_backup_encryption": {"passphrase_file": "openclaw-backup-passphrase"},
    "openclaw_backup_secrets": {"openclaw-backup-passphrase": "correct-horse-battery-staple"},
    "openclaw_backup_instances": [{"name": "assistant", "user": "agent"}],
    "openclaw_backup_schedule": {"backup": "1d", "prune": "1d", "verify": "off", "randomized_delay": "1s"},
    "openclaw_backup_notify": {"command": ["/usr/local/bin/tell"]},
}


class Fleet:
    """Two hosts, and the playbooks for them."""

    def __init__(self, hosts: list[Host], directory: Path) -> None:
        self.hosts, self._directory = hosts, directory

    def play(self, playbook: str, *arguments: str, status: int = 0, **variables) -> str:
        """Run a playbook of the collection, or a file, on both; gives the output."""
        given = self._directory / "variables.json"
        names = ",".join(host.name for host in self.hosts)
        given.write_text(json.dumps({**VARIABLES, "openclaw_hosts": names, **variables}))
        done = subprocess.run(
            [places.CHECKOUT / "tools" / "in-collection.sh", Path(sys.executable).parent / "ansible-playbook", "-i",
             self.hosts[0].lab.inventory, "-e", f"@{given}", playbook if "/" in playbook else f"openclaw_ops.backup.{playbook}", *arguments],
            capture_output=True, text=True, timeout=900, check=False)
        assert bool(done.returncode) is bool(status), done.stdout[-6000:] + done.stderr[-2000:]
        return done.stdout + done.stderr

    def changes(self, output: str) -> list[int]:
        """How many tasks changed something, by host."""
        return [int(re.search(rf"^{host.name}\s.*changed=(\d+)", output, re.M).group(1)) for host in self.hosts]


def snapshots(host: Host) -> list[dict]:
    return json.loads(host.inside("openclaw-backup", "list", "--json", "--instance", "assistant").stdout)["snapshots"]


def start(host: Host, operation: str, works: bool = True) -> None:
    """Let systemd run an operation, in its sandbox and with its credentials, and wait for its end and for the messages."""
    unit = f"openclaw-backup{operation}@assistant.service"
    done = host.inside("systemctl", "start", unit, check=False)
    assert (done.returncode == 0) is works, host.inside("journalctl", "--no-pager", "-n", "60", "-u", unit).stdout
    telling = ["systemctl", "list-units", "--no-legend", "--state=activating", "openclaw-backup-notify@*"]
    for _attempt in range(150):
        if not host.inside(*telling).stdout.strip():
            return
        time.sleep(0.2)
    pytest.fail("messages are still on their way")


def told(host: Host) -> list[str]:
    return host.inside("cat", TOLD, check=False).stdout.split()


def wait_for(condition, seconds: float, what) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, what()
        time.sleep(0.5)


@pytest.fixture
def fleet(spare_host, tmp_path):
    hosts = [spare_host("debian12"), spare_host("debian13")]
    for host in hosts:
        host.write("/home/agent/sample_state.py", SAMPLE.read_text(), owner="agent")
        host.as_user("agent", "python3", "/home/agent/sample_state.py", "/home/agent/.openclaw")
        host.write("/usr/local/bin/tell", f'#!/bin/sh\necho "$OPENCLAW_BACKUP_EVENT" >> {TOLD}\n', mode="0755")
    return Fleet(hosts, tmp_path)


def test_a_fleet_is_set_up_once_and_then_keeps_itself(fleet):
    assert min(fleet.changes(fleet.play("site", "--check", "--diff"))) > 8
    for host in fleet.hosts:
        assert host.inside("sh", "-c", "ls -d /etc/openclaw-backup /opt/openclaw-backup /etc/systemd/system/openclaw-backup* 2>/dev/null",
                           check=False).stdout == ""
    assert min(fleet.changes(fleet.play("site"))) > 8
    again = fleet.play("site")
    assert fleet.changes(again) == [0, 0]
    assert all(re.search(rf"{host.name}\s+assistant\s+ok .*gateway", again) for host in fleet.hosts), again[-3000:]
    output = fleet.play(str(places.CHECKOUT / "docs/examples/fleet/backup.yml"), openclaw_note="by hand")
    assert all(re.search(rf"{host.name}\s+assistant\s+ok", output) for host in fleet.hosts)
    for host in fleet.hosts:
        assert [item["kind"] for item in snapshots(host)] == ["manual"]
        the_timer_backs_up(host)
        a_missed_run_is_caught_up(host)
        a_failure_is_told_once_and_prunes_nothing(host)
    fleet.hosts[0].inside("mv", "/srv/backups", "/srv/gone")
    output = fleet.play("backup", status=1)
    assert re.search(rf"{fleet.hosts[0].name}\s+assistant\s+FAILED", output), output
    assert re.search(rf"{fleet.hosts[1].name}\s+assistant\s+ok", output), output
    fleet.hosts[0].inside("mv", "/srv/gone", "/srv/backups")
    fleet.play("uninstall")
    for host in fleet.hosts:
        left = "ls /etc/systemd/system/openclaw-backup*.service /usr/local/bin/openclaw-backup 2>/dev/null"
        assert host.inside("sh", "-c", left, check=False).stdout == ""
        assert host.inside("ls", "/srv/backups/assistant/snapshots").stdout.split()


def remember(host: Host, text: str) -> None:
    host.as_user("agent", "sh", "-c", f"echo {text} >> /home/agent/.openclaw/workspace/MEMORY.md")


def the_timer_backs_up(host: Host) -> None:
    """In its sandbox, with the credential that systemd hands it, as the unit of the timer does."""
    assert "openclaw-backup@assistant.timer" in host.inside("systemctl", "list-timers", "--all", "--no-pager").stdout
    remember(host, "the first")
    start(host, "")
    assert sorted(item["kind"] for item in snapshots(host)) == ["manual", "scheduled"]
    start(host, "-prune")
    start(host, "-verify")


def a_missed_run_is_caught_up(host: Host) -> None:
    """The host was off when its timer should have fired."""
    before = len(snapshots(host))
    remember(host, "the second")
    host.inside("mkdir", "-p", "/etc/systemd/system/openclaw-backup@assistant.timer.d")
    host.write("/etc/systemd/system/openclaw-backup@assistant.timer.d/soon.conf", "[Timer]\nAccuracySec=100ms\n", owner="root")
    host.inside("sync")
    host.inside("touch", "-d", "3 days ago", "/var/lib/systemd/timers/stamp-openclaw-backup@assistant.timer")
    faults.power_cut(host)
    faults.power_on(host)
    wait_for(lambda: len(snapshots(host)) > before, 90, lambda: host.inside(
        "sh", "-c", "systemctl list-timers --all --no-pager; journalctl --no-pager -n 60 -u 'openclaw-backup*'").stdout)


def a_failure_is_told_once_and_prunes_nothing(host: Host) -> None:
    """The storage is gone for a while."""
    host.inside("rm", "-f", TOLD)
    host.inside("mv", "/srv/backups", "/srv/gone")
    start(host, "", works=False)
    start(host, "", works=False)
    start(host, "-prune")  # skipped: systemd takes an unmet condition for no failure
    assert "Nothing is pruned" in host.inside("journalctl", "--no-pager", "-u", "openclaw-backup-prune@assistant.service").stdout
    assert told(host) == ["failed"]
    status = json.loads(host.inside("openclaw-backup", "status", "--json", "--instance", "assistant", check=False).stdout)
    assert "fail" in json.dumps(status)
    host.inside("mv", "/srv/gone", "/srv/backups")
    start(host, "")
    assert told(host) == ["failed", "recovered"]
