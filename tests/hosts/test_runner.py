# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role runner on real hosts: it installs a tool that works, changes nothing twice, shows no secret, and leaves nothing behind."""
from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from hosts.lab import places
from hosts.lab.host import Host

pytestmark = pytest.mark.long  # five minutes; molecule/site converges the same role twice

PASSPHRASE = "correct-horse-battery-staple"
SAMPLE = places.CHECKOUT / "playbooks" / "files" / "sample_state.py"
PLAY = """
- hosts: all
  become: true
  roles: [openclaw_ops.backup.runner]
"""
VARIABLES = {
    "openclaw_backup_storage": {"url": "file:///srv/backups"},
    "openclaw_backup_encryption": {"passphrase_file": "openclaw-backup-passphrase"},
    "openclaw_backup_secrets": {"openclaw-backup-passphrase": PASSPHRASE},
    "openclaw_backup_instances": [{"name": "assistant", "user": "agent", "retention": {"max_backups": 14}, "schedule": "6h"}],
    "openclaw_backup_discover": True,
}
HIDING_PLACES = ("/etc", "/var/lib/openclaw-backup", "/usr/local", "/opt", "/tmp", "/var/tmp", "/root", "/home/deploy", "/var/log", "/run")


class Runner:
    """The role on one host."""

    def __init__(self, host: Host, directory: Path) -> None:
        self.host, self._directory = host, directory
        (directory / "play.yml").write_text(PLAY)

    def play(self, *arguments: str, **variables) -> str:
        """Run the role; gives the output."""
        given = self._directory / "variables.json"
        given.write_text(json.dumps({**VARIABLES, **variables}))
        command = [
            places.CHECKOUT / "tools" / "in-collection.sh", Path(sys.executable).parent / "ansible-playbook", "-i", self.host.lab.inventory,
            "--limit", self.host.name, "-e", f"@{given}", *arguments, self._directory / "play.yml"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
        assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
        return done.stdout + done.stderr

    def changes(self, output: str) -> int:
        """How many tasks changed something."""
        return int(re.search(rf"^{self.host.name}\s.*changed=(\d+)", output, re.M).group(1))

    def tool(self, *arguments: str, status: int = 0) -> dict:
        """Run the tool as root; gives its JSON."""
        done = self.host.ssh("sudo", "openclaw-backup", *arguments, "--json", check=False)
        assert done.returncode == status, done.stdout + done.stderr
        return json.loads(done.stdout)


@pytest.fixture(params=["debian12", "debian13"])
def runner(request, spare_host, tmp_path):
    """A bare host of each kind, on which OpenClaw has left some state."""
    host = spare_host(request.param)
    host.write("/home/agent/sample_state.py", SAMPLE.read_text(), owner="agent")
    host.as_user("agent", "python3", "/home/agent/sample_state.py", "/home/agent/.openclaw")
    return Runner(host, tmp_path)


def changed_files(host: Host, since: str) -> list[str]:
    """Files that were changed since a mark, but for what logging in and looking around leaves."""
    found = host.inside(
        "find", "/", "-xdev", "-newer", since, "-not", "-path", "/var/log/*", "-not", "-path", "/home/deploy/*", "-not", "-path", "/tmp*",
        "-not", "-path", "/var/lib/systemd/*", "-not", "-path", "/root*").stdout.split()
    return [path for path in found if path not in ("/", "/run", "/var/log", "/home/deploy", "/var/lib/systemd", "/var/tmp")]


def test_a_rehearsal_on_a_bare_host_tells_and_changes_nothing(runner):
    runner.host.inside("touch", "/run/mark")
    runner.host.inside("sleep", "0.05")
    output = runner.play("--check", "--diff")
    assert runner.changes(output) >= 8
    assert changed_files(runner.host, "/run/mark") == []
    assert PASSPHRASE not in output


def test_the_tool_works_and_a_second_run_changes_nothing(runner):
    first = runner.play("-vvv", "--diff")
    assert runner.changes(first) >= 8
    assert runner.changes(runner.play()) == 0
    assert runner.changes(runner.play("--check")) == 0
    assert PASSPHRASE not in first
    assert runner.tool("now", "--instance", "assistant")["status"] == "complete"
    assert runner.tool("now", "--instance", "assistant", status=4)["status"] == "unchanged"
    assert len(runner.tool("list", "--instance", "assistant")["snapshots"]) == 1
    report = runner.tool("status", "--instance", "assistant")
    assert (report["health"], report["schedule"]["backup"], report["retention"]["max_backups"]) == ("ok", "6h", 14)
    assert runner.tool("verify", "--level", "restore", "--instance", "assistant")["ok"]
    assert runner.tool("doctor", "--instance", "assistant")["findings"]
    secrets_are_nowhere(runner.host)
    the_agent_reads_nothing(runner.host)
    an_instance_that_appears_is_found(runner)


def secrets_are_nowhere(host: Host) -> None:
    """Not in arguments, the journal, temporary files or configuration."""
    assert PASSPHRASE not in host.inside("sh", "-c", "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | tr '\\0' ' '").stdout
    assert PASSPHRASE not in host.inside("journalctl", "--no-pager", "--output=cat").stdout
    found = host.inside("grep", "-rlsF", "--", PASSPHRASE, *HIDING_PLACES, check=False).stdout.split()
    assert found in ([], ["/etc/credstore/openclaw-backup-passphrase"]), found


def the_agent_reads_nothing(host: Host) -> None:
    """OpenClaw's own user cannot read the configuration, the credentials or the state, nor run the tool on them."""
    config = [f"/etc/openclaw-backup/{name}.json" for name in ("instances/assistant", "discover", "credentials")]
    for path in [*config, "/var/lib/openclaw-backup/assistant/last-backup.json"]:
        assert host.inside("test", "-f", path, check=False).returncode == 0, path
        assert host.as_user("agent", "cat", path, check=False).returncode != 0, path
    for path in ("/etc/credstore", "/etc/credstore.encrypted"):
        assert host.as_user("agent", "cat", f"{path}/openclaw-backup-passphrase", check=False).returncode != 0
    assert host.as_user("agent", "openclaw-backup", "list", check=False).returncode == 14


def an_instance_that_appears_is_found(runner: Runner) -> None:
    """discover.json is about every instance without a file of its own, whenever it appears."""
    host = runner.host
    host.as_user("agent", "python3", "/home/agent/sample_state.py", "/home/agent/.openclaw-rescue")
    name = f"{host.name}-agent-rescue"
    assert runner.tool("now", "--instance", name, status=12)["error_code"] == "repository-missing"
    assert runner.tool("now", "--instance", name, "--init")["status"] == "complete"
    together = runner.tool("list", "--all")
    assert {one["instance"]: len(one["snapshots"]) for one in together["instances"]} == {"assistant": 1, name: 1}


def test_what_is_no_longer_wanted_goes_and_backups_stay(runner):
    runner.play()
    runner.tool("now", "--instance", "assistant")
    runner.play(openclaw_backup_secrets={"another": PASSPHRASE}, openclaw_backup_encryption={"passphrase_file": "another"})
    stored = runner.host.inside("find", "/etc/credstore", "/etc/credstore.encrypted", "-type", "f", check=False).stdout
    assert "/another" in stored and "openclaw-backup-passphrase" not in stored
    assert len(runner.tool("list", "--instance", "assistant")["snapshots"]) == 1
    runner.play(openclaw_backup_state="absent")
    assert runner.changes(runner.play(openclaw_backup_state="absent")) == 0
    for path in ("/usr/local/bin/openclaw-backup", "/usr/local/lib/openclaw-backup", "/opt/openclaw-backup", "/etc/openclaw-backup"):
        assert runner.host.inside("test", "-e", path, check=False).returncode != 0, path
    left = runner.host.inside("find", "/etc/credstore", "/etc/credstore.encrypted", "-type", "f", check=False).stdout
    assert "another" not in left
    assert runner.host.inside("find", "/srv/backups/assistant/snapshots", "-type", "f").stdout.strip()
