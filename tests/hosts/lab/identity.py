# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What makes a host that one: its name, its SSH key, and who may log in. Written to its disk before it starts."""
from __future__ import annotations

import os
from pathlib import Path

from . import rootfs
from .commands import run
from .host import Host
from .places import DEPLOY_USER, Lab


def make_key(lab: Lab) -> None:
    """The lab's key pair, with which tests log in."""
    lab.key.parent.mkdir(mode=0o700)
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test-hosts", "-f", lab.key)


def write(host: Host) -> None:
    """Prepare the disk of a new host."""
    key = host.directory / "host-key"
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", host.name, "-f", key)
    _put(host, "etc/hostname", host.name + "\n")
    _put(host, "etc/ssh/ssh_host_ed25519_key", key.read_text(encoding="ascii"), mode=0o600)
    _put(host, "etc/ssh/ssh_host_ed25519_key.pub", public_key(host) + "\n")
    _put(host, f"home/{DEPLOY_USER}/.ssh/authorized_keys", host.lab.key.with_suffix(".pub").read_text(encoding="ascii"), mode=0o600)


def public_key(host: Host) -> str:
    """The host's own, as known_hosts has it."""
    return " ".join((host.directory / "host-key.pub").read_text(encoding="ascii").split()[:2])


def _put(host: Host, path: str, text: str, mode: int = 0o644) -> None:
    """Write a file to the host's upper layer. Directories that the root file system has stay as they are there, and what is
    new belongs to the owner of the directory that it is in."""
    lower, upper = rootfs.prepare(host.suite), host.directory / "upper"
    owner = None
    for part in reversed(Path(path).parents[:-1]):
        there = lower / part
        if there.exists():
            owner = there.stat()
        directory = upper / part
        if not directory.exists():
            directory.mkdir()
            directory.chmod(owner.st_mode & 0o7777 if there.exists() else 0o700)
            os.chown(directory, owner.st_uid, owner.st_gid)
    target = upper / path
    target.write_text(text, encoding="ascii")
    target.chmod(mode)
    os.chown(target, owner.st_uid, owner.st_gid)
