# Copyright (c) 2026, the openclaw_ops.backup authors
# GNU General Public License v3.0 or later (see LICENSES/GPL-3.0-or-later.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which systems the hosts have, and what is in them."""
from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from .commands import LabError

CUSTOMIZE = Path(__file__).with_name("customize-root.sh")

# How mmdebstrap makes it. A mirror may lag behind its own stated validity. Documentation is not needed. The lists of the host's
# own package repository stay.
OPTIONS = (
    "--variant=minbase", "--skip=cleanup/apt/lists", '--aptopt=Acquire::Languages "none"', '--aptopt=Acquire::Check-Valid-Until "false"',
    '--aptopt=APT::Install-Recommends "false"', *(f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in ("doc", "man", "locale")))
BASE_PACKAGES = (
    "systemd", "systemd-sysv", "dbus", "libpam-systemd", "dbus-user-session", "openssh-server", "sudo", "python3", "python3-apt",
    "iproute2", "iputils-ping", "ca-certificates", "acl", "procps", "curl", "less")
# What roles and tests may install: kept in a package repository on the host, since there is no way out of a lab.
REPOSITORY_PACKAGES = (
    "python3-venv", "python3-pip", "python3-packaging", "sqlite3", "jq", "msmtp-mta", "rsync", "strace", "nftables", "age")


@dataclass(frozen=True)
class Suite:
    """A Debian release. name: its code name. python: the version of its python3."""

    name: str
    version: int
    python: str

    def key(self) -> str:
        """Changes when what is built changes."""
        recipe = repr((self.name, OPTIONS, BASE_PACKAGES, REPOSITORY_PACKAGES)).encode() + CUSTOMIZE.read_bytes()
        return hashlib.sha256(recipe).hexdigest()[:12]


SUITES = {suite.name: suite for suite in (Suite("bookworm", 12, "3.11"), Suite("trixie", 13, "3.13"))}
# The hosts that tests and scenarios have unless they say otherwise.
USUAL_HOSTS = {f"debian{suite.version}": suite for suite in SUITES.values()}


def find_suite(name: str) -> Suite:
    """The suite of a code name, or of a host name like debian13 or debian13-spare."""
    if name in SUITES:
        return SUITES[name]
    for host, suite in USUAL_HOSTS.items():
        if name == host or name.startswith(host + "-"):
            return suite
    raise LabError(f"no system is known for {name}: call the host {' or '.join(USUAL_HOSTS)}, or give a suite: NAME:{next(iter(SUITES))}")
