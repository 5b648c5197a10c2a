# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where things lie, what they are called, and their addresses."""
from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from support.openclaw.installation import default_cache

from .commands import LabError

CHECKOUT = Path(__file__).resolve().parents[3]
LAB_VARIABLE = "OPENCLAW_OPS_LAB"  # names the lab's directory to whatever runs in the lab
SKIP_VARIABLE = "OPENCLAW_OPS_SKIP_HOSTS"
EARLIER_VARIABLE = "OPENCLAW_OPS_EARLIER"  # 1: hosts have an earlier OpenClaw, too, below /opt/openclaw-earlier

NETWORK4, NETWORK6 = "10.77.0.", "fd77::"
CONTROLLER = NETWORK4 + "1"  # where tests, Ansible and the S3 server are
FIRST_HOST, LAST_HOST = 11, 250

DEPLOY_USER = "deploy"  # whom Ansible connects as; not root, but may use sudo


def cache() -> Path:
    """What is built once and kept: root file systems and wheels. Labs lie there, too: it has to be a real disk."""
    return Path(default_cache()) / "hosts"


def labs() -> Path:
    """Where labs have their directories."""
    return cache() / "labs"


@dataclass(frozen=True)
class Lab:
    """One lab. directory: removed at its end."""

    directory: Path

    @classmethod
    def current(cls) -> Lab:
        """The lab that this process runs in."""
        directory = os.environ.get(LAB_VARIABLE)
        if not directory:
            raise LabError("this needs a lab around it: run it with tools/test-hosts run -- COMMAND")
        return cls(Path(directory))

    @property
    def hosts_directory(self) -> Path:
        """One directory per host."""
        return self.directory / "hosts"

    @property
    def key(self) -> Path:
        """The private key that opens the deploy user's account on every host."""
        return self.directory / "ssh" / "id_ed25519"

    @property
    def ssh_config(self) -> Path:
        """For ssh -F: every host by name, strict about host keys from the first connection on."""
        return self.directory / "ssh_config"

    @property
    def known_hosts(self) -> Path:
        """The hosts' public keys."""
        return self.directory / "known_hosts"

    @property
    def inventory(self) -> Path:
        """For ansible-playbook -i: the hosts that there are, in the group openclaw."""
        return self.directory / "inventory.json"

    @property
    def address_table(self) -> Path:
        """What the controller and all hosts have as /etc/hosts."""
        return self.directory / "etc-hosts"

    @property
    def cgroup(self) -> Path:
        """The control group of all hosts."""
        return own_cgroup() / f"openclaw-ops-{self.directory.name}"


def own_cgroup() -> Path:
    """The control group of this process in the unified hierarchy."""
    for line in Path("/proc/self/cgroup").read_text(encoding="ascii").splitlines():
        if line.startswith("0::"):
            return Path("/sys/fs/cgroup") / line[3:].lstrip("/")
    raise LabError("this machine has no unified control group hierarchy (cgroup2)")
