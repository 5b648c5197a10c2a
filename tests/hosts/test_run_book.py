# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""docs/run-book.md, "The host is gone", as somebody follows it who has never seen this: on a bare host, each command copied from the page."""
from __future__ import annotations

import base64
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from hosts.lab import faults, places
from hosts.lab.gateway import HostedGateway

pytestmark = pytest.mark.long  # a host set up from nothing, twice
PAGE = (places.CHECKOUT / "docs" / "run-book.md").read_text()
HERE, NAME = "vps-07", "openclaw"  # what the page calls the host, and the agent's user
LATER = "npm install"  # hosts of the lab have OpenClaw, and no way to a registry
WORDS = "The blue door is behind the house.\n"


def commands() -> list[tuple[str, str]]:
    """(who, command) of the section, in order: "$" is typed on the controller, "#" as root on the new host."""
    section = PAGE.split("## The host is gone\n")[1].split("### If something is in the way")[0]
    lines = "".join(re.findall(r"```console\n(.*?)```", section, re.S)).splitlines()
    return [(line[0], line[2:]) for line in lines if LATER not in line]


def variables() -> str:
    """recover.yml, as the page shows it."""
    return re.search(r"```yaml\n(openclaw_backup_storage.*?)```", PAGE, re.S).group(1)


class Operator:
    """Somebody with a controller."""

    def __init__(self, lab, directory: Path) -> None:
        self._lab, self._directory = lab, directory
        (directory / "recover.yml").write_text(variables())

    def play(self, command: str, host) -> str:
        """Run ansible-playbook as the page says, with the lab's inventory and this checkout."""
        words = command.replace("inventory.yml", str(self._lab.inventory)).replace(HERE, host.name).split()
        words[0] = str(Path(sys.executable).parent / "ansible-playbook")
        words = [word.replace("@", f"@{self._directory}/") if word.startswith("@") else word for word in words]
        done = subprocess.run(
            [places.CHECKOUT / "tools" / "in-collection.sh", *words], capture_output=True, text=True, timeout=900, check=False)
        assert done.returncode == 0, command + done.stdout[-6000:] + done.stderr[-2000:]
        return done.stdout


@pytest.fixture(name="lost")
def _lost(spare_host, lab, tmp_path):
    """A host with an agent that was backed up, switched off for ever; gives what it left on the disk with the backups."""
    host = spare_host("debian12")
    host.inside("useradd", "--create-home", "--shell", "/bin/bash", NAME)
    gateway = HostedGateway(host, user=NAME)
    gateway.install()
    gateway.wait_until_ready()
    host.write(f"{gateway.workspace}/MEMORY.md", WORDS, NAME)
    settings = "-e openclaw_backup_init=true -e openclaw_hosts=vps-07"
    operator = Operator(lab, tmp_path)
    operator.play(f"ansible-playbook -i inventory.yml -e @recover.yml {settings} openclaw_ops.backup.site", host)
    operator.play(f"ansible-playbook -i inventory.yml -e @recover.yml {settings} openclaw_ops.backup.backup", host)
    archive = host.inside("sh", "-c", "tar -C /srv -c backups | base64").stdout
    faults.power_cut(host)
    return operator, base64.b64decode(archive)


def test_a_lost_host_is_brought_back_by_the_page_alone(lost, spare_host):
    operator, disk = lost
    host = spare_host("debian13")
    host.inside("sh", "-c", "base64 -d | tar -C /srv -x", input=base64.b64encode(disk).decode())  # the disk is mounted
    ready = ""
    for who, command in commands():
        if who == "$":
            operator.play(command, host)
        else:
            done = host.ssh("sudo", "sh", "-c", command, check=False)
            assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
            ready = done.stdout if "readyz" in command else ready
    assert '"ready":true' in ready
    gateway = HostedGateway(host, user=NAME)
    assert gateway.process() and gateway.probe("readyz")["ready"]
    assert host.inside("cat", f"{gateway.workspace}/MEMORY.md").stdout == WORDS
    listed = json.loads(host.inside("openclaw-backup", "list", "--json").stdout)["snapshots"]
    assert len(listed) >= 2, "the new host goes on in the same repository"
    assert "openclaw-backup@assistant.timer" in host.inside("systemctl", "list-timers", "--all", "--no-pager").stdout
