# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether this machine can hold hosts, and the packages that it needs for that."""
from __future__ import annotations

import os
import shutil

from support import debian

from .commands import LabError, run

PACKAGES = {  # a program: the Debian package that it comes in
    "apt-ftparchive": "apt-utils", "ip": "iproute2", "mmdebstrap": "mmdebstrap", "npm": "npm", "setpriv": "util-linux",
    "ssh": "openssh-client", "systemd-nspawn": "systemd-container", "zstd": "zstd"}

# All that a lab does to the kernel, once, in namespaces that end with the script.
TRIAL = """
set -e
umount -R /sys/fs/cgroup || true
mount -t cgroup2 cgroup2 /sys/fs/cgroup
own=/sys/fs/cgroup$(sed -n 's/^0:://p' /proc/self/cgroup)
mkdir "$own/openclaw-ops-trial-$$"
rmdir "$own/openclaw-ops-trial-$$"
mount -t tmpfs tmpfs /mnt
mkdir /mnt/lower /mnt/upper /mnt/work /mnt/root
mount -t overlay -o lowerdir=/mnt/lower,upperdir=/mnt/upper,workdir=/mnt/work overlay /mnt/root
ip link add trial0 type bridge
ip link add trial1 type veth peer name trial2
"""


def why_not() -> str | None:
    """Why this machine cannot hold hosts, as far as the kernel and rights are concerned; None if it can."""
    if os.geteuid() != 0:
        return "this needs root"
    if not shutil.which("apt-get"):
        return "this needs apt-get, as Debian and Ubuntu have it"
    done = run("unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--propagation", "private", "sh", "-c", TRIAL, check=False)
    if done.returncode:
        return f"namespaces, cgroup2, overlay, bridge or veth are missing: {done.stderr.strip() or 'refused'}"
    return None


def install_packages() -> None:
    """Install with apt-get what is missing of PACKAGES. LabError."""
    try:
        debian.install_missing(PACKAGES)
    except RuntimeError as error:
        raise LabError(str(error)) from error
