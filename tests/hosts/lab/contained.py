# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run a command in a lab of its own: whatever happens, nothing of the lab outlives it.

enter() turns this process into the command `unshare`, whose child is the lab's first process, main(). All processes of the lab
are in a process namespace that ends with its first process; that one is killed when `unshare` ends, and `unshare` when whoever
started it ends. Mounts, network and addresses belong to namespaces that end with their last process. What SIGKILL can leave is
a directory in the cache and empty control groups: the next lab removes them.
"""
from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from . import client_files, identity, lifecycle, network, places
from .commands import run
from .places import Lab

NAMESPACES = ("--mount", "--pid", "--net", "--fork", "--kill-child", "--mount-proc", "--propagation", "private")


def enter(command: list[str]) -> None:
    """Become a lab that runs the command. Does not return; the exit code is the command's."""
    places.labs().mkdir(parents=True, exist_ok=True)
    directory = tempfile.mkdtemp(dir=places.labs(), prefix="lab-")
    os.execvp("setpriv", ["setpriv", "--pdeathsig", "KILL", "unshare", *NAMESPACES,
                          sys.executable, "-m", __name__, directory, *command])


def main() -> int:
    """The lab's first process."""
    lab, command = Lab(Path(sys.argv[1])), sys.argv[2:]
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda received, _frame: sys.exit(128 + received))
    with open(lab.directory / "alive", "w", encoding="ascii") as alive:
        fcntl.flock(alive, fcntl.LOCK_EX)
        try:
            _set_up(lab)
            # Hosts of two labs have the same names: Ansible's shared connections of one must not lead into the other.
            own = {places.LAB_VARIABLE: str(lab.directory), "ANSIBLE_SSH_CONTROL_PATH_DIR": str(lab.directory / "cp")}
            child = subprocess.Popen(command, env={**os.environ, **own})
            return _wait_for(child.pid)
        finally:
            _tear_down(lab)


def _set_up(lab: Lab) -> None:
    run("umount", "--recursive", "/sys/fs/cgroup", check=False)
    run("mount", "-t", "cgroup2", "cgroup2", "/sys/fs/cgroup")
    network.NAMESPACES.mkdir(parents=True, exist_ok=True)
    run("mount", "-t", "tmpfs", "tmpfs", network.NAMESPACES)
    for directory in places.labs().iterdir():
        _remove_if_dead(Lab(directory))
    lab.hosts_directory.mkdir()
    lab.cgroup.mkdir()
    network.make_bridge()
    identity.make_key(lab)
    client_files.write(lab)
    run("mount", "--bind", lab.address_table, "/etc/hosts")


def _wait_for(child: int) -> int:
    """Reap every process that ends here until the child does; its exit code."""
    while True:
        pid, status = os.wait()
        if pid == child:
            return os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)


def _tear_down(lab: Lab) -> None:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    with suppress(ProcessLookupError):  # there is none any more
        os.kill(-1, signal.SIGKILL)  # every process in this namespace but this one
    with suppress(ChildProcessError):
        while True:
            os.wait()
    lifecycle.remove_cgroup(lab.cgroup)
    shutil.rmtree(lab.directory, ignore_errors=True)


def _remove_if_dead(lab: Lab) -> None:
    """Remove what a lab left that was killed. A directory without that file is just becoming one."""
    try:
        with open(lab.directory / "alive", "r+", encoding="ascii") as alive:
            fcntl.flock(alive, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, FileNotFoundError):
        return
    lifecycle.remove_cgroup(lab.cgroup)
    shutil.rmtree(lab.directory, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
