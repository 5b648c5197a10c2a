# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The collection's playbooks on hosts of a lab, and what their units leave there."""
from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from . import lifecycle, places
from .commands import LabError
from .host import Host

SECONDS = 900.0  # that a playbook or a unit may take
RUNNER = """
- hosts: "{{ openclaw_hosts }}"
  become: true
  roles: [openclaw_ops.backup.runner]
"""
MESSAGES = ("systemctl", "list-units", "--no-legend", "--state=activating", "openclaw-backup-notify@*")


class Fleet:
    """Some hosts, and the variables that playbooks get for them. A variable "test_hosts" has each host's own, by its name."""

    def __init__(self, hosts: list[Host], directory: Path, variables: dict) -> None:
        self.hosts, self._variables = hosts, directory / "variables.json"
        self._common = {"openclaw_hosts": ",".join(host.name for host in hosts), **variables}

    def command(self, playbook: str, *arguments: str, **variables) -> list:
        """The words that run a playbook of the collection, or a file."""
        self._variables.write_text(json.dumps({**self._common, **variables}), encoding="utf-8")
        return [places.CHECKOUT / "tools" / "in-collection.sh", Path(sys.executable).parent / "ansible-playbook", "-i",
                self.hosts[0].lab.inventory, "-e", f"@{self._variables}",
                playbook if "/" in playbook else f"openclaw_ops.backup.{playbook}", *arguments]

    def play(self, playbook: str, *arguments: str, fails: bool = False, **variables) -> str:
        """Run it; gives the output. With pipelining, which takes half the time; the tests of the role runner go without."""
        done = subprocess.run(self.command(playbook, *arguments, **variables), env={**os.environ, "ANSIBLE_PIPELINING": "true"},
                              capture_output=True, text=True, timeout=SECONDS, check=False)
        assert bool(done.returncode) is fails, done.stdout[-6000:] + done.stderr[-2000:]
        return done.stdout + done.stderr

    def install_tool(self) -> None:
        """The role runner alone: the host tool and its configuration, and no timers."""
        playbook = self._variables.with_name("runner.yml")
        playbook.write_text(RUNNER, encoding="utf-8")
        self.play(str(playbook))

    def changes(self, output: str) -> list[int]:
        """How many tasks changed something, by host."""
        return [int(re.search(rf"^{host.name}\s.*changed=(\d+)", output, re.M).group(1)) for host in self.hosts]


def tool(host: Host, *arguments: str, instance: str = "assistant", check: bool = True) -> dict:
    """What the host tool says, run as root."""
    return json.loads(host.inside("openclaw-backup", *arguments, "--json", "--instance", instance, check=check, timeout=SECONDS).stdout)


def snapshots(host: Host, instance: str = "assistant") -> list[dict]:
    """Those that are stored, oldest first."""
    return tool(host, "list", instance=instance)["snapshots"]


def last_run(host: Host, instance: str = "assistant") -> dict:
    """What the last backup left."""
    return json.loads(host.inside("cat", f"/var/lib/openclaw-backup/{instance}/last-backup.json").stdout)


def run_unit(host: Host, operation: str = "", instance: str = "assistant", works: bool = True) -> None:
    """Let systemd run an operation, in its sandbox and with its credentials, and wait for its end and for the messages."""
    unit = f"openclaw-backup{operation}@{instance}.service"
    done = host.inside("systemctl", "start", unit, check=False, timeout=SECONDS)
    if (done.returncode == 0) is not works:
        raise LabError(host.inside("journalctl", "--no-pager", "-n", "60", "-u", unit).stdout)
    lifecycle.wait(lambda: None if host.inside(*MESSAGES).stdout.strip() else True, 60.0, "messages are still on their way")
