# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One host: what it is called, where it is, and commands in it."""
from __future__ import annotations

import json
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path

from . import places
from .commands import LabError, run
from .places import Lab
from .suites import SUITES, Suite

NAMESPACES = ("--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup", "--root", "--wd")
ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LANG": "C.UTF-8"}


@dataclass(frozen=True)
class Host:
    """A host of a lab, on or off. number: the last part of its addresses."""

    lab: Lab
    name: str
    suite: Suite
    number: int

    @classmethod
    def find(cls, lab: Lab, name: str) -> Host:
        """The host of that name."""
        try:
            known = json.loads((lab.hosts_directory / name / "host.json").read_text(encoding="ascii"))
        except FileNotFoundError:
            raise LabError(f"there is no host {name}") from None
        return cls(lab, name, SUITES[known["suite"]], known["number"])

    @classmethod
    def all(cls, lab: Lab) -> list[Host]:
        """Every host of a lab, by number."""
        hosts = (cls.find(lab, path.parent.name) for path in lab.hosts_directory.glob("*/host.json"))
        return sorted(hosts, key=lambda host: host.number)

    def save(self) -> None:
        """Let find() know it."""
        (self.directory / "host.json").write_text(json.dumps({"suite": self.suite.name, "number": self.number}), encoding="ascii")

    @property
    def directory(self) -> Path:
        """Its disk (upper: what it has written) and its console's log."""
        return self.lab.hosts_directory / self.name

    @property
    def address(self) -> str:
        """IPv4."""
        return f"{places.NETWORK4}{self.number}"

    @property
    def address6(self) -> str:
        """IPv6."""
        return f"{places.NETWORK6}{self.number}"

    @property
    def cgroup(self) -> Path:
        """The control group of all its processes."""
        return self.lab.cgroup / self.name

    def is_on(self) -> bool:
        """Whether anything of it runs. A host in the middle of a reboot is on."""
        try:
            return "populated 1" in (self.cgroup / "cgroup.events").read_text(encoding="ascii")
        except FileNotFoundError:
            return False

    def init(self) -> int | None:
        """The process id of its systemd, as seen from here; None while there is none."""
        try:
            found = (self.cgroup / "machine" / "payload" / "init.scope" / "cgroup.procs").read_text(encoding="ascii").split()
        except OSError:
            return None
        return int(found[0]) if found else None

    def console(self) -> str:
        """What it has said on its console, the end of it."""
        try:
            return (self.directory / "console.log").read_text(encoding="utf-8", errors="replace")[-3000:]
        except FileNotFoundError:
            return ""

    def ssh(self, *command, **options) -> subprocess.CompletedProcess:
        """Run a command as the deploy user, over SSH. One word: a line for the shell. Fails as commands.run does."""
        line = str(command[0]) if len(command) == 1 else shlex.join(str(word) for word in command)
        return run("ssh", "-F", self.lab.ssh_config, self.name, line, **options)

    def inside(self, *command, **options) -> subprocess.CompletedProcess:
        """Run a command as root without SSH: works while the network does not."""
        init = self.init()
        if init is None:
            raise LabError(f"{self.name} is off")
        # It belongs to the host's control groups, as every process of a host: systemd looks there who asks, and a power cut ends it.
        cgroup = self.cgroup / "machine" / "payload" / "inside"
        cgroup.mkdir(exist_ok=True)
        settings = [f"{name}={value}" for name, value in ENVIRONMENT.items()]
        return run("sh", "-c", 'echo $$ >"$0/cgroup.procs" && exec "$@"', cgroup,
                   "nsenter", f"--target={init}", *NAMESPACES, "env", "-i", *settings, *command, **options)

    def as_user(self, user: str, *command, **options) -> subprocess.CompletedProcess:
        """Run a command as another user, who can reach systemd's instance for that user."""
        uid = self.inside("id", "-u", user).stdout.strip()
        home = self.inside("getent", "passwd", user).stdout.split(":")[5]
        settings = (f"XDG_RUNTIME_DIR=/run/user/{uid}", f"HOME={home}", f"USER={user}")
        return self.inside("runuser", "-u", user, "--", "env", f"--chdir={home}", *settings, *command, **options)

    def write(self, path: str, text: str, owner: str = "root", mode: str = "0644") -> None:
        """Write a file, and make its directory for the same owner if there is none."""
        self.inside("runuser", "-u", owner, "--", "mkdir", "-p", str(Path(path).parent))
        self.inside("install", "-o", owner, "-g", owner, "-m", mode, "/dev/stdin", path, input=text)

    def boot_id(self) -> str:
        """Another one after every boot."""
        return self.inside("cat", "/proc/sys/kernel/random/boot_id").stdout.strip()
