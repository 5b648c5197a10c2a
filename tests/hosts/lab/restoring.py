# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Restores in place by the host tool on the host of a real gateway, also with something that happens at one of their steps."""
from __future__ import annotations

import json

from . import lifecycle
from .gateway import HostedGateway

SECONDS = 600.0  # that a restore may take
PYTHON, TOOL = "/opt/openclaw-backup/venv/bin/python", "/usr/local/lib/openclaw-backup/openclaw-backup.pyz"
AT_THE_STEP, STEPS = "/run/at-the-step", "/run/steps"
# The tool, in a process to which something happens at steps of a restore: [[step, occurrence, what], ...].
_PROGRAM = """
import errno, json, os, sys, time
sys.path.insert(0, sys.argv[1]); wanted = json.loads(sys.argv[2])
from openclaw_backup_engine.ports import Context
seen, original = [], Context.__init__
def happen(what):
    if what == "kill":
        os.kill(os.getpid(), 9)
    elif what == "error":
        raise OSError(errno.EIO, os.strerror(errno.EIO))
    elif what == "stand":
        open("/run/at-the-step", "w").close()
        time.sleep(600)
    else:
        os.system(what)
def checkpoint(now):
    seen.append(now)
    with open("/run/steps", "a") as stream:
        stream.write(now + "\\n")
    for name, number, what in wanted:
        if now == name and seen.count(name) == number:
            happen(what)
def init(self, *given, **named):
    original(self, *given, **named)
    self.checkpoint = checkpoint
Context.__init__ = init
from openclaw_backup_tool.main import main
sys.argv[0] = sys.argv[1]
sys.exit(main(sys.argv[3:]))
"""


class Restored:
    """The host tool on the host of a gateway, installed by the role runner."""

    def __init__(self, gateway: HostedGateway) -> None:
        self.gateway, self.host = gateway, gateway.host
        self._of_others = self._found_aside()

    def tool(self, *arguments: str, check: bool = True) -> dict:
        """Run it as root; its JSON."""
        done = self.host.inside("openclaw-backup", *arguments, "--json", check=False, timeout=SECONDS)
        result = json.loads(done.stdout)
        assert not check or result["exit_code"] in (0, 3, 4), result
        return result

    def restore(self, *arguments: str, check: bool = True) -> dict:
        """Over the live state."""
        result = self.tool("restore", *arguments, "--confirm", self.host.name, check=check)
        print("measured:", {key: result[key] for key in ("downtime_s", "stop_s", "start_s", "duration_s", "bytes") if key in result})
        return result

    def restore_with(self, happenings: list[tuple[str, int, str]], *arguments: str) -> dict | None:
        """A restore to which something happens: (step, its occurrence, "kill", "error" or a line for a shell). Its JSON; None if killed."""
        done = self.host.inside(*self._words(happenings, *arguments), check=False, timeout=SECONDS)
        assert not done.stdout or done.returncode < 128, done.stderr
        return json.loads(done.stdout) if done.stdout else None

    def stand_at(self, step: str, number: int, *arguments: str) -> None:
        """A restore that comes to a step and stands still there."""
        self.host.inside("rm", "-f", AT_THE_STEP)
        self.host.inside("systemd-run", "--unit=standing-still", "--collect", *self._words([(step, number, "stand")], *arguments))
        lifecycle.wait(lambda: self.host.inside("test", "-e", AT_THE_STEP, check=False).returncode == 0 or None, 240.0,
                       f"the restore did not come to {step}")

    def steps(self) -> list[tuple[str, int]]:
        """Those that the last restore with happenings has come to, each with its occurrence."""
        names = self.host.inside("cat", STEPS).stdout.split()
        return [(name, names[:place].count(name) + 1) for place, name in enumerate(names)]

    def _words(self, happenings: list[tuple[str, int, str]], *arguments: str) -> list[str]:
        self.host.write("/root/at.py", _PROGRAM)
        self.host.inside("rm", "-f", STEPS)
        return [PYTHON, "/root/at.py", TOOL, json.dumps(happenings), "restore", *arguments, "--json", "--confirm", self.host.name]

    def note(self, text: str, path: str = "workspace/notes.md") -> None:
        """What the agent's user writes."""
        self.host.write(f"{self.gateway.state_dir}/{path}", text, self.gateway.user, "0600")

    def notes(self) -> str:
        """What is there now."""
        return self.host.inside("cat", f"{self.gateway.state_dir}/workspace/notes.md").stdout

    def fill(self, megabytes: int) -> None:
        """Media that is quick to make and to read; written anew, it takes its place on the disk."""
        directory = f"{self.gateway.state_dir}/media/inbound"
        line = f"mkdir -p {directory} && head -c 20000000 /dev/urandom > {directory}/0 && for n in $(seq {megabytes // 20 - 1}); " \
               f"do cp --reflink=never {directory}/0 {directory}/$n; done"
        self.host.inside("runuser", "-u", self.gateway.user, "--", "sh", "-c", line, timeout=300)

    def roots_files(self) -> str:
        """What belongs to root where nothing of root's belongs."""
        return self.host.inside("find", self.gateway.state_dir, "-user", "root").stdout

    def put_aside(self) -> set[str]:
        """Directories of restores that were not taken away."""
        return self._found_aside() - self._of_others

    def _found_aside(self) -> set[str]:
        return set(self.host.inside("find", self.gateway.home, "-maxdepth", "1", "-name", ".openclaw-restore-*").stdout.split())
